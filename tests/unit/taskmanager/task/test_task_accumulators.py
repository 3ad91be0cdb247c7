"""What a task tells of its accumulators, while it runs and at its end."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from millstream.common.accumulators import Accumulator, Histogram, IntCounter, ListAccumulator
from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import MapSpec, SinkFunctionSpec, SourceSpec
from millstream.datastream.functions import RichMapFunction, RuntimeContext
from millstream.taskmanager.operators.accumulator_registry import AccumulatorRegistry
from millstream.taskmanager.operators.operator import OperatorContext, OperatorInfo, TaskInfo
from millstream.taskmanager.operators.runtime_context import OperatorRuntimeContext
from millstream.taskmanager.task.task_accumulators import (
    MAX_ACCUMULATOR_BYTES,
    MAX_RUNNING_BYTES,
    MAX_TASK_BYTES,
    TaskAccumulators,
)
from tests.unit.taskmanager.task.sources import ListSource
from tests.unit.taskmanager.task.support import Harness


class Counts(RichMapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_int_counter("seen")

    def map(self, value: int) -> int:
        self.seen.add(1)
        if value < 0:
            raise ValueError("negative")
        return value

    def close(self) -> None:
        self.seen.add(100)


class Unwilling(IntCounter):
    def __reduce__(self) -> Any:
        raise RuntimeError("stays here")


class Large(IntCounter):
    """Has many bytes, and counts how often it was looked at."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.looks = 0

    def __reduce__(self) -> Any:
        self.looks += 1
        return bytes, (b"x" * self.size,)


def _told(*accumulators: Accumulator[Any, Any], final: bool = True) -> list[Any]:
    return _of(*accumulators).values(final=final)


def _of(*accumulators: Accumulator[Any, Any]) -> TaskAccumulators:
    registry = AccumulatorRegistry("parse")
    for number, accumulator in enumerate(accumulators):
        registry.add(f"a{number}", accumulator)
    return TaskAccumulators([registry], TaskInfo(subtask_index=1, parallelism=4))


def test_a_task_tells_the_final_values_of_each_operator_with_its_end() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[1, 2, 3]])), MapSpec(Counts()), MapSpec(Counts()), SinkFunctionSpec(lambda _: None)
        )
        end = await harness.run()
        assert end.state == "FINISHED"
        # Both functions have one of this name: whether they are chained makes no difference.
        assert [(one.name, one.type, one.whole) for one in end.metrics.accumulators] == [
            ("seen", "IntCounter", "103"),
            ("seen", "IntCounter", "103"),
        ]

    asyncio.run(scenario())


def test_a_task_that_fails_tells_how_far_it_came() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[1, -2, 3]])), MapSpec(Counts()), SinkFunctionSpec(lambda _: None), inline=False
        )
        end = await harness.run()
        assert end.state == "FAILED"
        assert [one.whole for one in end.metrics.accumulators] == ["102"]

    asyncio.run(scenario())


def test_a_task_without_accumulators_tells_none() -> None:
    assert not TaskAccumulators([AccumulatorRegistry(), AccumulatorRegistry()], TaskInfo())
    assert _of(IntCounter())


def test_others_than_numbers_are_pickled() -> None:
    (value,) = _told(ListAccumulator([1, 2]))
    assert (value.type, value.text) == ("ListAccumulator", "[1, 2]")
    assert pickle.loads(value.pickled).get_local_value() == [1, 2]


def test_what_cannot_be_told_names_itself_and_harms_nothing_else() -> None:
    broken, counter = _told(Unwilling(1), IntCounter(2))
    assert broken.failure.message == "accumulator 'a0' (Unwilling) cannot be told: stays here"
    assert broken.failure.exception_type == "RuntimeError"
    assert (broken.failure.operator_name, broken.failure.subtask_index) == ("parse", 1)
    assert counter.whole == "2"


def test_one_has_a_limit() -> None:
    large, counter = _told(Large(MAX_ACCUMULATOR_BYTES), IntCounter(2))
    assert f"the limit per accumulator is {MAX_ACCUMULATOR_BYTES}" in large.failure.message
    assert (large.pickled, counter.whole) == (b"", "2")
    (histogram,) = _told(Histogram(dict.fromkeys(range(2**20), 1)))
    assert f"the limit per accumulator is {MAX_ACCUMULATOR_BYTES}" in histogram.failure.message


def test_all_together_have_a_limit() -> None:
    values = _told(*(Large(MAX_ACCUMULATOR_BYTES - 100) for _ in range(5)))
    assert [value.HasField("failure") for value in values] == [False] * 4 + [True]
    assert f"the limit per task's accumulators is {MAX_TASK_BYTES}" in values[-1].failure.message


def test_large_ones_wait_for_the_end() -> None:
    large = Large(MAX_RUNNING_BYTES)
    task = _of(large, IntCounter(2))
    for _ in range(3):
        held_back, counter = task.values(final=False)
        assert "the value comes when the task has ended" in held_back.failure.message
        assert counter.whole == "2"
    assert large.looks == 1, "nobody pays for it each second"
    assert task.values(final=True)[0].pickled


def test_a_context_gives_what_it_has() -> None:
    info = OperatorInfo("parse")
    operator = OperatorContext(info, accumulators=AccumulatorRegistry("parse"))
    context, of_another_function = OperatorRuntimeContext(operator), OperatorRuntimeContext(operator)
    words = ListAccumulator[str]()
    context.add_accumulator("words", words)
    assert of_another_function.get_accumulator("words") is words
    assert context.get_accumulator("letters") is None
    assert context.get_histogram("sizes") is context.get_histogram("sizes")
    assert context.get_long_counter("long") is context.get_accumulator("long")
    assert context.get_double_counter("double") is context.get_accumulator("double")
    with pytest.raises(TypeError, match="'words' of 'parse' is of type ListAccumulator, not IntCounter"):
        context.get_int_counter("words")
    with pytest.raises(MillstreamError, match="'words' already exists in operator 'parse' and cannot be added"):
        context.add_accumulator("words", IntCounter())


@pytest.mark.parametrize(
    ("name", "accumulator", "said"),
    [("", IntCounter(), "at least one character"), (3, IntCounter(), "not 3"), ("a", 3, "'parse' has to be an Acc")],
)
def test_what_is_no_accumulator(name: Any, accumulator: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        AccumulatorRegistry("parse").add(name, accumulator)
