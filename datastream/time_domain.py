"""The two clocks that timers are set by."""

from __future__ import annotations

from enum import Enum

__all__ = ["TimeDomain"]


class TimeDomain(Enum):
    """Which clock: that of the records' timestamps, or that of the machine."""

    EVENT_TIME = 0
    PROCESSING_TIME = 1
