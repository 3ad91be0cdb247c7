"""A reporter gets what its filters and variables say, under every name that reporters use."""

from __future__ import annotations

import pytest

from millstream.common.errors import ConfigurationError
from millstream.common.metrics import MetricGroup
from tests.unit.common.metrics.samples import OPERATOR, TASK, TASK_MANAGER, formats, reported, settings


def test_a_key_is_in_the_scope_and_its_value_in_the_labels() -> None:
    group = MetricGroup()
    group.add_group("plain").add_group("topic", "orders").counter("seen")
    (metric,) = reported(group, OPERATOR)
    assert metric.logical_scope == ("taskmanager", "job", "task", "operator", "plain", "topic")
    assert metric.components[-4:] == ("plain", "topic", "orders", "seen")
    assert metric.labels["topic"] == "orders"
    assert metric.labels["operator_name"] == "Map"
    assert metric.kind == "counter"


def test_dots_in_standard_names_are_groups() -> None:
    group = MetricGroup()
    group.gauge("buffers.outPoolUsage", lambda: 0.5)
    group.gauge("my.own", lambda: 1)
    standard, own = reported(group, TASK)
    assert (standard.logical_scope[-1], standard.name) == ("buffers", "outPoolUsage")
    assert (own.logical_scope[-1], own.name) == ("task", "my.own")
    assert standard.components[-2:] == ("buffers", "outPoolUsage")


def test_variables_are_left_out_and_added() -> None:
    group = MetricGroup()
    group.counter("seen")
    group.add_group("secret", "x").counter("told")
    metrics = reported(
        group,
        TASK_MANAGER,
        scope__variables__excludes="<tm_id>;secret",
        scope__variables__additional="cluster:prod,region:eu",
    )
    for metric in metrics:
        assert metric.labels == {"host": "127.0.0.1", "cluster": "prod", "region": "eu"}


def test_filters_see_groups() -> None:
    group = MetricGroup()
    group.add_group("Status").add_group("JVM").gauge("Load", lambda: 1)
    group.counter("seen")
    group.meter("rate")
    names = [metric.name for metric in reported(group, filter__includes="*.Status.*:Load;taskmanager:*:counter")]
    assert names == ["seen", "Load"]
    assert [metric.name for metric in reported(group, filter__excludes="taskmanager.*;*:*:meter")] == ["seen"]


def test_a_wrong_filter_names_its_key() -> None:
    with pytest.raises(ConfigurationError, match=r"metrics.reporter.r.filter.excludes: 'a:b:c' names the type 'c'"):
        settings(filter__excludes="a:b:c").selection(formats())
