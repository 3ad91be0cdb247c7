"""Percentiles, aggregates and summaries of numbers."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.wire.checkpoint_pb2 import StatisticsSummary
from millstream.dispatcher.rest.payloads.statistics import aggregate, percentile, summary, told_summary

_VALUES = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40)


@given(values=st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=40))
def test_percentiles_are_those_of_the_textbook(values: list[int]) -> None:
    ordered = sorted(values)
    for percent, expected in enumerate(statistics.quantiles(ordered, n=100, method="exclusive"), 1):
        # The textbook goes on beyond the ends.
        bounded = min(max(expected, ordered[0]), ordered[-1])
        assert percentile(ordered, percent) == pytest.approx(bounded, rel=1e-9, abs=1e-3)


@given(values=_VALUES)
def test_percentiles_rise_from_the_least_to_the_greatest(values: list[int]) -> None:
    ordered = sorted(values)
    percentiles = [percentile(ordered, percent) for percent in (0.1, 25, 50, 75, 95, 99.9)]
    assert percentiles == sorted(percentiles)
    assert ordered[0] <= percentiles[0]
    assert percentiles[-1] <= ordered[-1]


@given(values=_VALUES)
def test_an_aggregate_does_not_depend_on_the_order(values: list[int]) -> None:
    assert aggregate(values) == aggregate(values[::-1])
    whole = aggregate(values)
    assert (whole.min, whole.max, whole.sum) == (min(values), max(values), sum(values))
    assert whole.min <= whole.p25 <= whole.median <= whole.p75 <= whole.p95 <= whole.max


def test_an_aggregate_cuts_fractions_off() -> None:
    numbers = aggregate([1305, 1300])
    assert (numbers.avg, numbers.median, numbers.p25, numbers.p75, numbers.p95) == (1302, 1302, 1300, 1305, 1305)


def test_nothing_has_an_aggregate_of_zeros() -> None:
    assert set(aggregate([]).model_dump().values()) == {0}


def test_a_summary_keeps_fractions_of_percentiles() -> None:
    durations = summary([112, 32, 40, 55])
    assert (durations.min, durations.max, durations.avg) == (32, 112, 59)
    assert (durations.p50, durations.p90, durations.p999) == (47.5, 112.0, 112.0)


def test_nothing_has_percentiles_that_are_no_numbers() -> None:
    for nothing in (summary([]), told_summary(StatisticsSummary(p50=3))):
        assert (nothing.min, nothing.max, nothing.avg) == (0, 0, 0)
        assert all(math.isnan(value) for value in (nothing.p50, nothing.p90, nothing.p95, nothing.p99, nothing.p999))
        assert '"p50":"NaN"' in nothing.model_dump_json()
