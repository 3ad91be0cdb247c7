"""What all metrics have in common: that they are metrics. Each kind has a module of its own."""

from __future__ import annotations

__all__ = ["Metric"]


class Metric:
    """Base of all metrics."""

    __slots__ = ()
