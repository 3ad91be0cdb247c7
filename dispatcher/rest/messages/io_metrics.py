"""What tasks have read and written, and what they did with their time."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Double, HyphenatedMessage
from millstream.dispatcher.rest.messages.statistics import Aggregate

__all__ = ["AggregatedIOMetrics", "IOMetrics"]


class IOMetrics(HyphenatedMessage):
    """Running totals; times are in ms.

    The ``..._complete`` say whether a number is of all tasks that it is about: those that have reported nothing yet
    are missing in it.
    """

    read_bytes: int
    read_bytes_complete: bool
    write_bytes: int
    write_bytes_complete: bool
    read_records: int
    read_records_complete: bool
    write_records: int
    write_records_complete: bool
    accumulated_backpressured_time: int
    accumulated_idle_time: int
    accumulated_busy_time: Double


class AggregatedIOMetrics(HyphenatedMessage):
    """The totals of several subtasks set against each other."""

    read_bytes: Aggregate
    write_bytes: Aggregate
    read_records: Aggregate
    write_records: Aggregate
    accumulated_backpressured_time: Aggregate
    accumulated_idle_time: Aggregate
    accumulated_busy_time: Aggregate
