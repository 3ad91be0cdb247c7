"""A value that is looked up when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from millstream.common.metrics.metric import Metric

__all__ = ["Gauge", "GaugeValue"]

GaugeValue: TypeAlias = float | bool | str | None
"""What a gauge may give; whole numbers stay whole. ``None``: there is no value at present."""


class Gauge(Metric):
    """Gives a value on demand.

    :param get_value: called at each report, in the thread that reports: it must be quick and must not wait.
    """

    __slots__ = ("get_value",)

    def __init__(self, get_value: Callable[[], GaugeValue]) -> None:
        self.get_value = get_value
