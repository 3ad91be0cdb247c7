"""Counters count, meters tell rates, histograms and distributions tell how values spread."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.metrics import UPDATE_SECONDS, Distribution, Histogram, Meter, MeterView

numbers = st.floats(-1e9, 1e9)


def test_a_meter_tells_the_rate_of_the_last_minute() -> None:
    meter = Meter()
    assert meter.get_rate() == 0
    now = 1000.0
    for _ in range(30):
        meter.mark_event(50)
        now += UPDATE_SECONDS
        meter.update(now)
    assert meter.get_rate() == 10
    assert meter.get_count() == 1500
    for _ in range(6):
        now += UPDATE_SECONDS
        meter.update(now)
    assert meter.get_rate() == 5  # half of the last minute was quiet
    for _ in range(6):
        now += UPDATE_SECONDS
        meter.update(now)
    assert meter.get_rate() == 0


def test_what_happened_before_the_first_update_counts() -> None:
    meter = Meter()
    meter.mark_event(100)
    meter.update(0.0)
    assert meter.get_rate() == 100 / UPDATE_SECONDS


def test_a_late_update_does_not_raise_the_rate() -> None:
    meter = Meter(10)
    meter.update(0.0)
    meter.mark_event(100)
    meter.update(50.0)
    assert meter.get_rate() == pytest.approx(100 / 50)


def test_an_update_at_the_same_time_changes_nothing() -> None:
    meter = Meter()
    meter.update(5.0)
    meter.mark_event(1000)
    meter.update(5.0)
    assert meter.get_rate() == 0


@given(
    st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 1000)), min_size=1, max_size=60),
    st.integers(1, 120),
)
def test_a_rate_lies_between_the_least_and_the_greatest_of_its_intervals(
    steps: Sequence[tuple[float, int]], span: int
) -> None:
    meter = Meter(span)
    meter.update(0.0)
    now = 0.0
    rates = [0.0]
    for elapsed, events in steps:
        meter.mark_event(events)
        now += elapsed
        meter.update(now)
        rates.append(events / elapsed)
        assert min(rates) * (1 - 1e-6) <= meter.get_rate() <= max(rates) * (1 + 1e-6)


def test_a_view_tells_how_a_total_grows() -> None:
    total = 0.0
    view = MeterView(lambda: total, 10)
    view.update(0.0)
    total = 25.5
    view.update(5.0)
    assert view.get_rate() == pytest.approx(25.5 / 10)
    assert view.get_count() == 25


@pytest.mark.parametrize("span", [0, -5])
def test_a_meter_needs_a_time_span(span: int) -> None:
    with pytest.raises(ValueError, match=f"above 0 seconds, not {span}"):
        Meter(span)


def test_a_histogram_forgets_the_oldest_but_counts_all() -> None:
    histogram = Histogram(3)
    for value in (100, 1, 2, 3):
        histogram.update(value)
    told = histogram.get_statistics()
    assert (told.count, told.minimum, told.maximum, told.mean, told.p50) == (4, 1, 3, 2, 2)
    assert histogram.get_count() == 4


def test_without_values_there_are_no_statistics() -> None:
    told = Histogram().get_statistics()
    assert (told.count, told.minimum, told.maximum) == (0, 0, 0)
    assert math.isnan(told.mean)
    assert math.isnan(told.p99)
    with pytest.raises(ValueError, match="at least 1 value"):
        Histogram(0)


def test_percentiles_interpolate_between_neighbours() -> None:
    histogram = Histogram()
    for value in range(1, 100):
        histogram.update(value)
    told = histogram.get_statistics()
    assert (told.p50, told.p75, told.p90, told.p95) == pytest.approx((50, 75, 90, 95))
    assert (told.p98, told.p99, told.p999) == pytest.approx((98, 99, 99))
    few = Histogram()
    few.update(10)
    few.update(20)
    assert few.get_statistics().p50 == pytest.approx(15)


@given(st.lists(numbers, min_size=1, max_size=200))
def test_statistics_are_those_of_the_values(values: Sequence[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.update(value)
    told = histogram.get_statistics()
    assert (told.count, told.minimum, told.maximum) == (len(values), min(values), max(values))
    assert told.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    if len(values) > 1:
        assert told.standard_deviation == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-3)
    ladder = (told.minimum, told.p50, told.p75, told.p90, told.p95, told.p98, told.p99, told.p999, told.maximum)
    for lower, higher in itertools.pairwise(ladder):
        assert lower <= higher or math.isclose(lower, higher, rel_tol=1e-9, abs_tol=1e-6)


def test_infinite_values_break_nothing() -> None:
    histogram = Histogram()
    for value in (math.inf, math.inf, 1.0):
        histogram.update(value)
    told = histogram.get_statistics()
    assert (told.minimum, told.maximum, told.p99) == (1, math.inf, math.inf)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=1500))
def test_a_distribution_keeps_the_extremes_of_all_values(values: Sequence[int]) -> None:
    distribution = Distribution()
    for value in values:
        distribution.update(value)
    assert (distribution.count, distribution.sum) == (len(values), sum(values))
    told = distribution.get_statistics()
    assert (told.minimum, told.maximum, told.mean) == (min(values), max(values), sum(values) / len(values))
    assert distribution.latest() == list(values)[-1024:]
