"""What users' functions log tells the task and the operator, whichever way the engine calls them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common.graph.operator_spec import (
    FilterSpec,
    FlatMapSpec,
    LegacySourceSpec,
    MapSpec,
    ProcessSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.logging import TaskFields
from millstream.datastream import MapFunction, ProcessFunction
from tests.unit.taskmanager.task.sources import CountingLegacy, ListSource
from tests.unit.taskmanager.task.support import Harness

LOGGER = logging.getLogger("tests.log_origin")
TOLD: list[tuple[str, str, str]] = []


class Notes(logging.Handler):
    """Notes the message, the task and the operator of each record."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = record.__dict__
        TOLD.append((record.getMessage(), f"{fields['task_name']} {fields['subtask']}", fields["operator"]))


@pytest.fixture(autouse=True)
def _notes() -> Iterator[None]:
    handler = Notes()
    handler.addFilter(TaskFields())
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    TOLD.clear()
    yield
    LOGGER.removeHandler(handler)
    LOGGER.propagate = True


def told(message: str) -> Any:
    LOGGER.warning(message)
    return message


class Opened(MapFunction):
    def open(self, runtime_context: Any) -> None:
        told("open")

    def map(self, value: Any) -> Any:
        told("map")
        return value

    def close(self) -> None:
        told("close")


class Process(ProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        told("process before")
        yield value
        told("process after")


class Blocking(CountingLegacy):
    def run(self, ctx: Any) -> None:
        told("source")
        super().run(ctx)


def _flat(value: Any) -> Iterator[Any]:
    told("flat before")
    yield value
    told("flat after")


def run(*specs: Any, inline: bool = True) -> dict[str, set[str]]:
    """Run a chain; return which operators each message came from."""

    async def scenario() -> None:
        harness = Harness(*specs, inline=inline)
        end = await harness.run()
        assert end.state == "FINISHED", end.failure

    asyncio.run(scenario())
    assert {task for _, task, _ in TOLD} == {"chain 1"}
    return {message: {operator for other, _, operator in TOLD if other == message} for message, _, _ in TOLD}


def one() -> SourceSpec:
    return SourceSpec(ListSource([[1, 2, 3]]))


@pytest.mark.parametrize("inline", [True, False])
def test_operators_that_were_fused_are_told_apart(inline: bool) -> None:
    assert run(
        one(),
        MapSpec(lambda x: (told("first"), x)[1]),
        FilterSpec(lambda x: bool(told("second"))),
        MapSpec(Opened()),
        FlatMapSpec(_flat),
        SinkFunctionSpec(lambda x: told("sink")),
        inline=inline,
    ) == {
        "first": {"op1"},
        "second": {"op2"},
        "open": {"op3"},
        "map": {"op3"},
        "close": {"op3"},
        "flat before": {"op4"},
        "flat after": {"op4"},
        "sink": {"op5"},
    }


def test_keyed_operators_and_processes() -> None:
    assert run(
        one(),
        ReduceSpec(lambda a, b: (told("reduce"), b)[1], lambda x: (told("key"), 0)[1]),
        ProcessSpec(Process()),
        SinkFunctionSpec(lambda x: None),
    ) == {"key": {"op1"}, "reduce": {"op1"}, "process before": {"op2"}, "process after": {"op2"}}


def test_a_blocking_source_in_its_thread() -> None:
    assert run(LegacySourceSpec(Blocking(3)), MapSpec(lambda x: told("map"))) == {"source": {"op0"}, "map": {"op1"}}
