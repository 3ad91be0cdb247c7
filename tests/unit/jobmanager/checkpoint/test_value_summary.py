"""Figures over all checkpoints."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.wire.checkpoint_pb2 import StatisticsSummary
from millstream.jobmanager.checkpoint.value_summary import ValueSummary


def _of(values: list[int]) -> StatisticsSummary:
    summary = ValueSummary()
    for value in values:
        summary.add(value)
    return summary.snapshot()


def test_of_nothing() -> None:
    assert _of([]) == StatisticsSummary()


def test_percentiles_lie_between_neighbours() -> None:
    result = _of([32, 112, 40, 86, 42, 53, 37, 86])
    assert (result.count, result.minimum, result.maximum, result.average) == (8, 32, 112, 61)
    assert (result.p50, result.p90, result.p999) == (47.5, 112.0, 112.0)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=1500))
def test_they_are_in_order(values: list[int]) -> None:
    result = _of(values)
    assert (result.count, result.minimum, result.maximum) == (len(values), min(values), max(values))
    assert result.minimum <= result.average <= result.maximum
    percentiles = [result.p50, result.p90, result.p95, result.p99, result.p999]
    assert percentiles == sorted(percentiles)
    assert min(values) <= result.p50 <= result.p999 <= max(values)
