"""Several values in a few numbers.

Percentiles are exact: the value at that place among all of them in order, interpolated between the two neighbours as
Apache Commons Math does by default, which is what readers of Flink's numbers know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from millstream.common.wire.checkpoint_pb2 import StatisticsSummary
from millstream.dispatcher.rest.messages.statistics import Aggregate, Summary

__all__ = ["NO_SUMMARY", "ZERO_SUMMARY", "aggregate", "percentile", "summary", "told_summary"]

NO_SUMMARY = Summary(min=0, max=0, avg=0, p50=math.nan, p90=math.nan, p95=math.nan, p99=math.nan, p999=math.nan)
"""Of nothing."""
ZERO_SUMMARY = Summary(min=0, max=0, avg=0, p50=0.0, p90=0.0, p95=0.0, p99=0.0, p999=0.0)
"""Of what is always 0."""


def percentile(ordered: Sequence[int], percent: float) -> float:
    """Return the value that ``percent`` of the values are below.

    :param ordered: ascending, at least one.
    :param percent: above 0 and below 100.
    """
    place = percent * (len(ordered) + 1) / 100
    whole = math.floor(place)
    if whole < 1:
        return float(ordered[0])
    if whole >= len(ordered):
        return float(ordered[-1])
    below, above = ordered[whole - 1], ordered[whole]
    return below + (place - whole) * (above - below)


def aggregate(values: Sequence[int]) -> Aggregate:
    """Set the values of subtasks against each other; fractions are cut off. All is 0 if there are none."""
    if not values:
        return Aggregate(min=0, max=0, avg=0, sum=0, median=0, p25=0, p75=0, p95=0)
    ordered = sorted(values)
    total = sum(ordered)
    return Aggregate(
        min=ordered[0],
        max=ordered[-1],
        avg=int(total / len(ordered)),
        sum=total,
        median=int(percentile(ordered, 50)),
        p25=int(percentile(ordered, 25)),
        p75=int(percentile(ordered, 75)),
        p95=int(percentile(ordered, 95)),
    )


def summary(values: Sequence[int]) -> Summary:
    """Sum up the values of subtasks."""
    if not values:
        return NO_SUMMARY
    ordered = sorted(values)
    return Summary(
        min=ordered[0],
        max=ordered[-1],
        avg=int(sum(ordered) / len(ordered)),
        p50=percentile(ordered, 50),
        p90=percentile(ordered, 90),
        p95=percentile(ordered, 95),
        p99=percentile(ordered, 99),
        p999=percentile(ordered, 99.9),
    )


def told_summary(told: StatisticsSummary) -> Summary:
    """What the JobMaster has summed up."""
    if not told.count:
        return NO_SUMMARY
    return Summary(
        min=told.minimum,
        max=told.maximum,
        avg=told.average,
        p50=told.p50,
        p90=told.p90,
        p95=told.p95,
        p99=told.p99,
        p999=told.p999,
    )
