"""Places in the code where a test may let something fail: a process die, a call raise.

A fault point stands where a fault hurts most: between two steps that must not come apart. In production nothing
listens and reaching one costs a look at an empty list; none stands on the way of a record. A simulation listens,
lets faults happen there by its seed, and can tell which points it has never reached (:func:`all_fault_points`).
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FaultPoint", "all_fault_points", "listen"]

_registry: dict[str, FaultPoint] = {}
_listeners: list[Callable[[FaultPoint], None]] = []
"""None or one."""


class FaultPoint:
    """One place. Make it once, as a module's constant.

    :param name: unique, ``<package>.<moment>``: ``checkpoint.pointer-kept``.
    :param moment: what has just happened and what has not yet, in words.
    :param error: a kind of error that may come there anyway, and so may be raised there by a test.
    """

    __slots__ = ("error", "moment", "name")

    def __init__(self, name: str, moment: str, error: type[Exception] | None = None) -> None:
        if name in _registry:
            raise ValueError(f"there is a fault point {name!r} already")
        self.name = name
        self.moment = moment
        self.error = error
        _registry[name] = self

    def __repr__(self) -> str:
        return f"<FaultPoint {self.name}>"

    def reach(self) -> None:
        """The moment is now. Raises whatever the listener raises."""
        for listener in _listeners:
            listener(self)


def all_fault_points() -> list[FaultPoint]:
    """Return the fault points of all modules that are imported, by name."""
    return [_registry[name] for name in sorted(_registry)]


def listen(listener: Callable[[FaultPoint], None]) -> Callable[[], None]:
    """Let ``listener`` decide at each fault point what happens: it returns, or raises. Returns what ends that.

    :raises RuntimeError: somebody listens already.
    """
    if _listeners:
        raise RuntimeError("somebody listens to the fault points already")
    _listeners.append(listener)
    return _listeners.clear
