"""A number that goes up and down."""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.metrics.metric import Metric

__all__ = ["Counter", "CounterView"]


class Counter(Metric):
    """Counts up and down."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def inc(self, n: int = 1) -> None:
        """Add ``n``."""
        self._count += n

    def dec(self, n: int = 1) -> None:
        """Subtract ``n``."""
        self._count -= n

    def get_count(self) -> int:
        return self._count


class CounterView(Metric):
    """A number of events that is counted elsewhere.

    :param total: gives the number; called at each report: it must be quick and must not wait.
    """

    __slots__ = ("_total",)

    def __init__(self, total: Callable[[], int]) -> None:
        self._total = total

    def get_count(self) -> int:
        return self._total()
