"""How often Python's garbage collector ran, and how long it took.

The interpreter counts collections but does not time them; its callbacks let us. They cost less than a microsecond for
each collection, and run only while somebody has asked for the figures.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["GarbageCollections"]


class GarbageCollections:
    """Watches the collections of this process, from :meth:`start` to :meth:`close`.

    :param monotonic_ns: nanoseconds on a clock that never goes backwards.
    """

    __slots__ = ("_monotonic_ns", "_since", "_spent_ns")

    def __init__(self, monotonic_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._spent_ns = [0] * len(gc.get_stats())
        self._since: int | None = None

    def start(self) -> None:
        """Time collections from now on."""
        gc.callbacks.append(self._collected)

    def close(self) -> None:
        """Time no more. May be called twice."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)

    @property
    def generations(self) -> range:
        """What the collector tells apart, the youngest objects first."""
        return range(len(self._spent_ns))

    def count(self, generation: int | None = None) -> int:
        """How many collections there were since the process began, of one generation or of all."""
        stats = gc.get_stats()
        if generation is not None:
            return int(stats[generation]["collections"])
        return sum(int(each["collections"]) for each in stats)

    def time_ms(self, generation: int | None = None) -> float:
        """How long they took since the start, in milliseconds."""
        spent = sum(self._spent_ns) if generation is None else self._spent_ns[generation]
        return spent / 1_000_000

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._since = self._monotonic_ns()
        elif self._since is not None:
            self._spent_ns[info["generation"]] += self._monotonic_ns() - self._since
            self._since = None
