"""Metrics: their ids, and with them their values or what the values of several components come to."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Double, Message, OrAbsent

__all__ = ["AggregatedMetric", "Metric"]


class Metric(Message):
    """One metric.

    :ivar value: as text; absent where only ids were asked for.
    """

    id: str
    value: OrAbsent[str] = None


class AggregatedMetric(Message):
    """What the values of one metric come to; only those numbers are there that were asked for.

    :ivar skew: the mean absolute deviation in percent of the mean, at most 100.
    """

    id: str
    min: OrAbsent[Double] = None
    max: OrAbsent[Double] = None
    avg: OrAbsent[Double] = None
    sum: OrAbsent[Double] = None
    skew: OrAbsent[Double] = None
