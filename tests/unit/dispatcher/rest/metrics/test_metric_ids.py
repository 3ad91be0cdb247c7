"""Metrics of a dump as ids and texts."""

from __future__ import annotations

import math

import pytest

from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.dispatcher.rest.metrics.metric_ids import metric_values, name_in_id
from tests.unit.dispatcher.rest.metrics.dumps import counter, histogram, meter, number


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (counter("n", 2**60), str(2**60)),
        (MetricValue(name="n", whole_number=-(2**63)), "-9223372036854775808"),
        (number("n", 0.0), "0.0"),
        (number("n", 0.1), "0.1"),
        (number("n", math.nan), "NaN"),
        (number("n", math.inf), "Infinity"),
        (number("n", -math.inf), "-Infinity"),
        (MetricValue(name="n", truth=True), "true"),
        (MetricValue(name="n", truth=False), "false"),
        (MetricValue(name="n", text="file:/a b"), "file:/a b"),
        (meter("n", 20.5), "20.5"),
    ],
)
def test_each_kind_of_metric_has_its_text(metric: MetricValue, text: str) -> None:
    assert list(metric_values(metric)) == [("n", text)]


def test_a_gauge_without_a_value_has_no_id() -> None:
    assert list(metric_values(MetricValue(name="broken"))) == []


def test_a_histogram_becomes_an_id_for_each_statistic() -> None:
    assert dict(metric_values(histogram("lag"))) == {
        "lag_min": "1.0",
        "lag_max": "2.0",
        "lag_mean": "3.0",
        "lag_stddev": "4.0",
        "lag_median": "5.0",
        "lag_p75": "6.0",
        "lag_p90": "7.0",
        "lag_p95": "8.0",
        "lag_p98": "9.0",
        "lag_p99": "10.0",
        "lag_p999": "11.0",
    }


def test_groups_stand_before_the_name_with_their_values() -> None:
    metric = counter("seen: all", 1, "my.group", ("source_id", "a,b"))
    assert list(metric_values(metric)) == [("my_group.source_id.a_b.seen__all", "1")]


def test_only_fixed_names_keep_their_dots() -> None:
    assert [metric_id for metric_id, _ in metric_values(counter("Status.JVM.CPU.Load"))] == ["Status.JVM.CPU.Load"]
    assert [metric_id for metric_id, _ in metric_values(counter("my.counter"), dots=False)] == ["my_counter"]


def test_operator_names_as_flink_writes_them() -> None:
    assert name_in_id("Source: Demo Source") == "Source__Demo_Source"
    assert name_in_id("Timestamps/Watermarks") == "Timestamps/Watermarks"
    assert name_in_id("a.b,c") == "a_b_c"
