"""Several values of one thing in a few numbers."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Double, Message

__all__ = ["Aggregate", "Summary"]


class Aggregate(Message):
    """Over the subtasks of a vertex."""

    min: int
    max: int
    avg: int
    sum: int
    median: int
    p25: int
    p75: int
    p95: int


class Summary(Message):
    """Over checkpoints, or over what the subtasks had in one. The percentiles are no numbers where there is nothing."""

    min: int
    max: int
    avg: int
    p50: Double
    p90: Double
    p95: Double
    p99: Double
    p999: Double
