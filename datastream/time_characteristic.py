"""What time is, as programs for Flink 1.x say it for a whole job."""

from __future__ import annotations

from enum import Enum

__all__ = ["TimeCharacteristic"]


class TimeCharacteristic(Enum):
    """The time that ``time_window`` goes by, and what the records of sources get.

    It does not matter to sources with a watermark strategy, to assigned timestamps, and to windows that say themselves
    which time they go by.
    """

    ProcessingTime = 0
    """The clock's, where the record is processed. Records of a ``SourceFunction`` get no timestamps."""
    IngestionTime = 1
    """The clock's, when the record comes out of its source. Watermarks follow by themselves."""
    EventTime = 2
    """The record's own; the default."""
