"""What a broadcast record has done to the state of every key."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from millstream.datastream.functions.function import Function

__all__ = ["KeyedStateFunction"]

K = TypeVar("K")
S = TypeVar("S")


class KeyedStateFunction(Function, Generic[K, S]):
    """Goes to ``apply_to_keyed_state`` of a ``KeyedBroadcastProcessFunction``'s context."""

    @abstractmethod
    def process(self, key: K, state: S) -> None:
        """Look at or change the state of one key."""
