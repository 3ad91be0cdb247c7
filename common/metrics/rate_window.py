"""How fast a total grows, averaged over a time span.

Nothing is done per event: whoever owns the total hands it over every :data:`UPDATE_SECONDS`, and the rate is the
difference between the latest total and the one a time span ago.
"""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["UPDATE_SECONDS", "RateWindow"]

UPDATE_SECONDS: Final = 5.0
"""Seconds between two updates of all rates of a process."""


class RateWindow:
    """A rate per second, from totals that come with their times.

    The first total is taken to have grown from 0 during one update interval, so that what happened before the first
    update counts too. While the window is younger than its time span, the rate is that of its age.

    :param time_span_seconds: over which the rate is taken.
    """

    __slots__ = ("_samples", "_span", "rate")

    def __init__(self, time_span_seconds: float) -> None:
        if not time_span_seconds > 0:
            raise ValueError(f"a rate needs a time span above 0 seconds, not {time_span_seconds}")
        self._span = max(float(time_span_seconds), UPDATE_SECONDS)
        self._samples: deque[tuple[float, float]] = deque()
        self.rate = 0.0

    def update(self, now: float, total: float) -> None:
        """Take a total.

        :param now: seconds on a clock that never goes backwards; a time not after the last one is passed over.
        """
        samples = self._samples
        if not samples:
            samples.append((now - UPDATE_SECONDS, 0))
        elif now <= samples[-1][0]:
            return
        samples.append((now, total))
        while samples[1][0] <= now - self._span:
            samples.popleft()
        since, before = samples[0]
        self.rate = (total - before) / (now - since)
