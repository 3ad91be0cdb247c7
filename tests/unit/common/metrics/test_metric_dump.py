"""A dump holds every metric that has a value, whatever the others do."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from millstream.common.metrics import GaugeValue, MetricGroup
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.wire.metrics_pb2 import MetricValue
from tests.unit.common.metrics.samples import OPERATOR, TASK_MANAGER, one_of_each


class WholeNumber:
    """A whole number of another library, such as ``numpy.int64``."""

    def __index__(self) -> int:
        return 4


class RealNumber:
    """A number of another library, such as ``numpy.float32``."""

    def __float__(self) -> float:
        return 0.5


def value_of(given: object) -> MetricValue:
    group = MetricGroup()

    def gauge() -> GaugeValue:
        return given  # type: ignore[return-value]  # users' gauges give all sorts of things

    group.gauge("g", gauge)
    (value,) = dump_group(TASK_MANAGER, group).metrics
    return value


def test_every_kind_is_there() -> None:
    dump = dump_group(OPERATOR, one_of_each())
    assert dump.scope == "OPERATOR"
    assert dump.variables["operator_name"] == "Map"
    by_name = {value.name: value for value in dump.metrics}
    assert by_name["count"].count == 7
    assert by_name["whole"].whole_number == 42
    assert by_name["negative"].number == -1.5
    assert by_name["truth"].WhichOneof("value") == "truth"
    assert by_name["text"].text == "s3://bucket/chk-1"
    assert (by_name["rate"].meter.count, by_name["rate"].meter.rate) == (50, 10)
    latency = by_name["latency"]
    assert [(group.name, group.has_value, group.value) for group in latency.groups] == [("source_id", True, "abc")]
    assert (latency.histogram.count, latency.histogram.p99) == (99, 99)


@pytest.mark.parametrize(
    ("given", "which", "value"),
    [
        (True, "truth", True),
        (3, "whole_number", 3),
        (10**30, "number", 1e30),
        (1.5, "number", 1.5),
        (WholeNumber(), "whole_number", 4),
        (RealNumber(), "number", 0.5),
        (Decimal("2.5"), "number", 2.5),
        ("", "text", ""),
        ([1, 2], "text", "[1, 2]"),
    ],
)
def test_a_gauge_may_give_what_it_likes(given: object, which: str, value: object) -> None:
    dumped = value_of(given)
    assert dumped.WhichOneof("value") == which
    assert getattr(dumped, which) == value


def test_a_broken_metric_is_left_out_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    group = MetricGroup(("job",))
    group.gauge("broken", lambda: 1 // 0)
    group.gauge("none", lambda: None)
    group.distribution("odd")._latest.append("text")  # type: ignore[arg-type]
    group.counter("fine").inc()
    group.add_group("below").counter("also").inc()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [value.name for value in dump_group(TASK_MANAGER, group).metrics] == ["fine", "also"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "The metric job.broken has no value",
        "The metric job.odd has no value",
    ]
    assert "ZeroDivisionError" in caplog.records[0].getMessage()


def test_a_count_beyond_64_bits_is_the_greatest_there_is() -> None:
    group = MetricGroup()
    group.counter("c").inc(2**70)
    (value,) = dump_group(TASK_MANAGER, group).metrics
    assert value.count == 2**63 - 1


def test_names_that_are_no_text_on_the_wire_are_mended() -> None:
    group = MetricGroup()
    group.add_group("a\ud800", "b\udfff").counter("c\ud800").inc()
    (value,) = dump_group(TASK_MANAGER, group).metrics
    assert (value.groups[0].name, value.groups[0].value, value.name) == ("a?", "b?", "c?")
