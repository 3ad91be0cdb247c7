"""Scope formats make the beginnings of identifiers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config.configuration import Configuration
from millstream.common.metrics import MetricScope, ScopeKind
from millstream.common.metrics.scope_formats import ScopeFormats
from tests.unit.common.metrics.samples import JOB, OPERATOR, TASK, TASK_MANAGER, formats

MASTER = MetricScope.job_manager("h")
MASTER_JOB = MASTER.job("1", "j")


def components(scope: MetricScope, made: ScopeFormats) -> tuple[str, ...]:
    return made.scope_components(scope.kind, scope.variables)


def test_the_defaults_are_flinks() -> None:
    made = formats()
    tm = ("127.0.0.1", "taskmanager", "127.0.0.1:44315-239bff")
    assert components(MASTER, made) == ("h", "jobmanager")
    assert components(MASTER_JOB, made) == ("h", "jobmanager", "j")
    assert components(MASTER_JOB.operator("2", "o"), made) == ("h", "jobmanager", "j", "o")
    assert components(TASK_MANAGER, made) == tm
    assert components(JOB, made) == (*tm, "Demo Job")
    assert components(TASK, made) == (*tm, "Demo Job", "Source: Demo -> Map", "0")
    assert components(OPERATOR, made) == (*tm, "Demo Job", "Map", "0")


def test_an_asterisk_stands_for_the_format_above() -> None:
    made = formats(tm="tm-<tm_id>", **{"tm-job": "*.<job_name>", "task": "*.<task_id>_<subtask_index>"})
    assert components(TASK, made) == ("tm-127.0.0.1:44315-239bff", "Demo Job", "f362_0")


def test_former_keys_are_understood() -> None:
    made = ScopeFormats.of(Configuration.from_map({"metrics.scope.jm.job": "a.<job_id>"}))
    assert components(MASTER_JOB, made) == ("a", "1")


def test_a_variable_that_a_scope_lacks_stays_as_it_is_written() -> None:
    assert components(MASTER, formats(jm="<host>.<task_name>")) == ("h", "<task_name>")


@given(st.dictionaries(st.sampled_from(["host", "tm_id"]), st.text(), min_size=2))
def test_values_of_variables_are_never_taken_for_formats(variables: dict[str, str]) -> None:
    made = formats(tm="<host>.x.<tm_id>")
    expected = (variables["host"], "x", variables["tm_id"])
    assert made.scope_components(ScopeKind.TASK_MANAGER, variables) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: JOB.job("1", "again"),
        lambda: TASK_MANAGER.task("1", "t", "a", 0, 0),
        lambda: JOB.operator("1", "o"),
    ],
)
def test_scopes_only_nest_as_they_should(wrong: Callable[[], MetricScope]) -> None:
    with pytest.raises(ValueError, match="not to a scope of kind TASK_MANAGER"):
        wrong()
