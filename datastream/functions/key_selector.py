"""Takes the key out of a record."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function

__all__ = ["KeySelector"]


class KeySelector(Function):
    """Gives the key of a record.

    The key has to be the same for the same record each time, and hashable, a list or a dict. An instance can be called
    like the plain callables that ``key_by`` takes as well. Keys are computed where there is no runtime context:
    ``open``, which is called before the first record, gets an object that refuses everything.
    """

    @abstractmethod
    def get_key(self, value: Any) -> Any:
        """Return the key of ``value``."""
        raise NotImplementedError(f"{type(self).__name__} must define get_key(value)")

    def __call__(self, value: Any) -> Any:
        return self.get_key(value)
