"""Groups name their metrics, know their variables, and refuse names that are taken."""

from __future__ import annotations

import logging

import pytest

from millstream.common.metrics import MetricGroup
from tests.unit.common.metrics.samples import OPERATOR, formats


def test_a_group_knows_its_identifier_and_variables() -> None:
    group = formats(delimiter="/").group(OPERATOR).add_group("mine").add_group("topic", "orders")
    assert group.get_metric_identifier("seen") == (
        "127.0.0.1/taskmanager/127.0.0.1:44315-239bff/Demo Job/Map/0/mine/topic/orders/seen"
    )
    variables = group.get_all_variables()
    assert variables["<topic>"] == "orders"
    assert variables["<operator_name>"] == "Map"
    assert variables["<task_attempt_num>"] == "0"
    assert set(variables) == {
        "<host>", "<tm_id>", "<job_id>", "<job_name>", "<task_id>", "<task_name>", "<task_attempt_id>",
        "<task_attempt_num>", "<subtask_index>", "<operator_id>", "<operator_name>", "<topic>",
    }  # fmt: skip


def test_asking_twice_gives_the_same_metric() -> None:
    group = MetricGroup()
    assert group.counter("a") is group.counter("a")
    assert group.histogram("h") is group.histogram("h")
    assert group.meter("m") is group.meter("m")
    assert group.add_group("g") is group.add_group("g")
    assert group.add_group("g", "1") is not group.add_group("g", "2")


def test_a_later_gauge_takes_the_place_of_an_earlier() -> None:
    group = MetricGroup()
    group.gauge("size", lambda: 1)
    group.gauge("size", lambda: 2)
    assert dict(group.values()) == {"size": 2}


def test_a_name_is_of_one_kind() -> None:
    group = MetricGroup(("job",)).add_group("mine")
    group.counter("seen")
    with pytest.raises(ValueError, match=r"'job.mine.seen' is already registered as another kind"):
        group.histogram("seen")


def test_names_are_text_and_gauges_are_functions() -> None:
    group = MetricGroup()
    with pytest.raises(TypeError, match="not 5"):
        group.counter(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not None"):
        group.add_group("topic").add_group(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function without arguments, not 3"):
        group.gauge("size", 3)  # type: ignore[arg-type]


def test_rates_below_a_group_are_updated_with_it(caplog: pytest.LogCaptureFixture) -> None:
    group = MetricGroup(("job",))
    meter = group.add_group("a").add_group("b", "1").meter("rate", 5)
    group.meter_view("broken", lambda: 1 // 0)
    with caplog.at_level(logging.WARNING):
        group.update(0.0)
        meter.mark_event(10)
        group.update(5.0)
    assert meter.get_rate() == 2
    (told,) = caplog.records
    assert "The metric job.broken has no value: ZeroDivisionError" in told.getMessage()
