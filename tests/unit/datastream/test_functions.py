"""Function classes."""

from __future__ import annotations

from typing import Any

import cloudpickle
import pytest

from millstream.common.accumulators import Accumulator
from millstream.datastream import functions
from millstream.datastream.functions import (
    KeySelector,
    MapFunction,
    ParallelSourceFunction,
    Partitioner,
    RichMapFunction,
    RichParallelSourceFunction,
    RichSourceFunction,
    RuntimeContext,
    SourceFunction,
)


class Place(RuntimeContext):
    """The second of four subtasks."""

    def get_task_name(self) -> str:
        return "parse"

    def get_number_of_parallel_subtasks(self) -> int:
        return 4

    def get_max_number_of_parallel_subtasks(self) -> int:
        return 128

    def get_index_of_this_subtask(self) -> int:
        return 1

    def get_attempt_number(self) -> int:
        return 0

    def get_job_parameter(self, key: str, default_value: str | None = None) -> str | None:
        return default_value

    def get_metrics_group(self) -> Any:
        return None

    def add_accumulator(self, name: str, accumulator: Accumulator[Any, Any]) -> None:
        raise NotImplementedError

    def get_accumulator(self, name: str) -> Accumulator[Any, Any] | None:
        return None


class Named(RichMapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.opened = True

    def map(self, value: Any) -> Any:
        return f"{self.get_runtime_context().get_task_name_with_subtasks()}: {value}"


def test_a_rich_function_knows_its_context() -> None:
    function = cloudpickle.loads(cloudpickle.dumps(Named()))
    with pytest.raises(RuntimeError, match="Named has no runtime context"):
        function.map(1)
    context = Place()
    function.set_runtime_context(context)
    function.open(context)
    assert function.map(1) == "parse (2/4): 1"


def test_a_class_without_its_method_cannot_be_used() -> None:
    with pytest.raises(TypeError, match="abstract"):
        MapFunction()  # type: ignore[abstract]


def test_state_is_refused_with_the_reason() -> None:
    for name in ("state", "list_state", "map_state", "reducing_state", "aggregating_state"):
        with pytest.raises(NotImplementedError, match=r"call key_by\(\.\.\.\) before"):
            getattr(Place(), f"get_{name}")(None)


def test_selectors_and_partitioners_can_be_called() -> None:
    class Modulo(KeySelector):
        def get_key(self, value: Any) -> Any:
            return value % 3

    class First(Partitioner):
        def partition(self, key: Any, num_partitions: int) -> int:
            return int(min(key, num_partitions - 1))

    assert Modulo()(5) == 2
    assert First()(9, 4) == 3


def test_which_sources_are_parallel() -> None:
    assert issubclass(RichSourceFunction, SourceFunction)
    assert not issubclass(RichSourceFunction, ParallelSourceFunction)
    assert issubclass(RichParallelSourceFunction, ParallelSourceFunction)


def test_every_exported_name_is_there() -> None:
    assert all(hasattr(functions, name) for name in functions.__all__)
