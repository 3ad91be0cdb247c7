"""Events per second."""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.metrics.metric import Metric
from millstream.common.metrics.rate_window import RateWindow

__all__ = ["Meter", "MeterView"]


class Meter(Metric):
    """Counts events, and tells how many there are a second.

    :ivar time_span_in_seconds: over which the rate is taken.
    """

    __slots__ = ("_count", "_window", "time_span_in_seconds")

    def __init__(self, time_span_in_seconds: int = 60) -> None:
        self._count = 0
        self._window = RateWindow(time_span_in_seconds)
        self.time_span_in_seconds = time_span_in_seconds

    def mark_event(self, value: int = 1) -> None:
        """Record ``value`` events."""
        self._count += value

    def get_count(self) -> int:
        return self._count

    def get_rate(self) -> float:
        """Events per second, as of the last update; updates come every five seconds."""
        return self._window.rate

    def update(self, now: float) -> None:
        """Bring the rate up to date.

        :param now: seconds on a clock that never goes backwards.
        """
        self._window.update(now, self._count)


class MeterView(Metric):
    """Tells how fast a total grows that is counted elsewhere.

    :param total: gives the total; called at each update and each report.
    :ivar time_span_in_seconds: over which the rate is taken.
    """

    __slots__ = ("_total", "_window", "time_span_in_seconds")

    def __init__(self, total: Callable[[], float], time_span_in_seconds: int = 60) -> None:
        self._total = total
        self._window = RateWindow(time_span_in_seconds)
        self.time_span_in_seconds = time_span_in_seconds

    def get_count(self) -> int:
        return int(self._total())

    def get_rate(self) -> float:
        """Growth per second, as of the last update; updates come every five seconds."""
        return self._window.rate

    def update(self, now: float) -> None:
        """Bring the rate up to date.

        :param now: seconds on a clock that never goes backwards.
        """
        self._window.update(now, self._total())
