"""How far two elements are from one another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from millstream.datastream.call_site import call_site

__all__ = ["DeltaFunction", "delta_of"]


class DeltaFunction(ABC):
    """Measures a change. Wherever one is taken, a callable of two arguments is taken too."""

    @abstractmethod
    def get_delta(self, old_data_point: Any, new_data_point: Any) -> float:
        """Return how far the second element is from the first."""


def delta_of(function: Any, owner: str) -> Callable[[Any, Any], float]:
    """The plain callable of a delta function.

    :raises TypeError: it is none.
    """
    method: Callable[[Any, Any], float] = getattr(function, "get_delta", function)
    if not callable(method):
        raise TypeError(f"{call_site()}: {owner} takes a DeltaFunction or a callable, not {function!r}")
    return method
