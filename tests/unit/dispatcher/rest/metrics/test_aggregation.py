"""Aggregated metrics: the numbers, and when there are none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.dispatcher.rest.metrics.aggregation import Aggregate, aggregate, aggregate_metrics

_VALUES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20)


def test_the_numbers_that_flink_gave_for_two_subtasks() -> None:
    result = aggregate([15.4, 20.516666666666666])
    assert result.minimum == 15.4
    assert result.maximum == 20.516666666666666
    assert result.average == pytest.approx(17.958333333333332)
    assert result.total == pytest.approx(35.916666666666664)
    assert result.skew == pytest.approx(14.24593967517401)


def test_one_value_has_no_skew() -> None:
    assert aggregate([15124.0]) == Aggregate(15124.0, 15124.0, 15124.0, 15124.0, 0.0)


def test_skew_is_never_more_than_all_of_the_mean() -> None:
    assert aggregate([0.0, 0.0, 0.0, 0.0, 0.0, 1000.0]).skew == 100.0
    assert aggregate([-1.0, 1.0]).skew == 0.0  # there is no mean to set it against


def test_what_holds_something_that_is_no_number_is_none() -> None:
    result = aggregate([1.0, math.nan])
    assert all(
        math.isnan(value) for value in (result.minimum, result.maximum, result.average, result.total, result.skew)
    )


@given(_VALUES)
def test_the_numbers_bound_one_another(values: list[float]) -> None:
    result = aggregate(values)
    slack = 1e-6 * max(1.0, abs(result.minimum), abs(result.maximum))
    assert result.minimum - slack <= result.average <= result.maximum + slack
    assert result.total == pytest.approx(result.average * len(values), abs=slack)
    assert 0.0 <= result.skew <= 100.0


@given(_VALUES)
def test_the_order_of_values_does_not_matter(values: list[float]) -> None:
    one, other = aggregate(values), aggregate(values[::-1])
    assert (one.minimum, one.maximum) == (other.minimum, other.maximum)


def test_components_that_lack_a_metric_are_left_out() -> None:
    components = [{"a": "1", "b": "2.5"}, {"a": "3"}, {}]
    aggregates = aggregate_metrics(components, ["a", "b"])
    assert list(aggregates) == ["a", "b"]
    assert (aggregates["a"].minimum, aggregates["a"].maximum, aggregates["a"].total) == (1.0, 3.0, 4.0)
    assert aggregates["b"].average == 2.5


def test_there_is_nothing_at_all_if_one_metric_is_missing_or_no_number() -> None:
    components = [{"a": "1", "text": "file:/x", "truth": "true"}]
    assert aggregate_metrics(components, ["a", "missing"]) == {}
    assert aggregate_metrics(components, ["a", "text"]) == {}
    assert aggregate_metrics(components, ["a", "truth"]) == {}
    assert aggregate_metrics([], ["a"]) == {}
    assert aggregate_metrics(components, []) == {}
