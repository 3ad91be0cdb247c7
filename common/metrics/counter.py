"""A number that goes up and down."""

from __future__ import annotations

from millstream.common.metrics.metric import Metric

__all__ = ["Counter"]


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
