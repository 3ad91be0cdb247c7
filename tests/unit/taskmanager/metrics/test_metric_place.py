"""Whose metrics they are."""

from __future__ import annotations

import pytest

from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.operators.operator import OperatorInfo, TaskInfo


@pytest.mark.parametrize(
    ("kind", "shown"), [("source", "Source: clicks"), ("sink", "Sink: clicks"), ("map", "clicks"), ("", "clicks")]
)
def test_operators_have_the_names_that_plans_show(kind: str, shown: str) -> None:
    scope = MetricPlace.nowhere().operator_scope(TaskInfo(), OperatorInfo("clicks", "a" * 32, kind))
    assert scope.variables["operator_name"] == shown
