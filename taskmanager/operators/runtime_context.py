"""The RuntimeContext that user functions get in ``open``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from millstream.common.accumulators import Accumulator
from millstream.common.errors import MillstreamError
from millstream.common.metrics import MetricGroup
from millstream.datastream.functions import RuntimeContext
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)
from millstream.taskmanager.operators.operator import OperatorContext

if TYPE_CHECKING:
    from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["OperatorRuntimeContext"]


class OperatorRuntimeContext(RuntimeContext):
    """One operator's view of its subtask. With a backend it gives keyed state."""

    __slots__ = ("_backend", "_context", "_metrics")

    def __init__(self, context: OperatorContext) -> None:
        self._context = context
        self._metrics = context.metric_group
        self._backend: KeyedStateBackend | None = None

    def use_backend(self, backend: KeyedStateBackend) -> None:
        """Give the keyed state of this backend from now on."""
        self._backend = backend

    def get_state(self, state_descriptor: Any) -> Any:
        return self._state("get_state", ValueStateDescriptor, state_descriptor)

    def get_list_state(self, state_descriptor: Any) -> Any:
        return self._state("get_list_state", ListStateDescriptor, state_descriptor)

    def get_map_state(self, state_descriptor: Any) -> Any:
        return self._state("get_map_state", MapStateDescriptor, state_descriptor)

    def get_reducing_state(self, state_descriptor: Any) -> Any:
        return self._state("get_reducing_state", ReducingStateDescriptor, state_descriptor)

    def get_aggregating_state(self, state_descriptor: Any) -> Any:
        return self._state("get_aggregating_state", AggregatingStateDescriptor, state_descriptor)

    def _state(self, method: str, wanted: type[StateDescriptor], given: Any) -> Any:
        if self._backend is None:
            self._no_keyed_state(method)
        if not isinstance(given, wanted):
            raise TypeError(f"{method}() takes a {wanted.__name__}, not {given!r}")
        return self._backend.get_state(given)

    def _no_keyed_state(self, method: str) -> NoReturn:
        raise MillstreamError(
            f"{method}() of operator {self._context.info.name!r}: keyed state needs a stream with keys; call "
            "key_by(...) before this operator, or keep what you need in attributes that open() sets up"
        )

    def get_task_name(self) -> str:
        return self._context.info.name

    def get_number_of_parallel_subtasks(self) -> int:
        return self._context.task.parallelism

    def get_max_number_of_parallel_subtasks(self) -> int:
        return self._context.task.max_parallelism

    def get_index_of_this_subtask(self) -> int:
        return self._context.task.subtask_index

    def get_attempt_number(self) -> int:
        return self._context.task.attempt_number

    def get_job_parameter(self, key: str, default_value: str | None = None) -> str | None:
        return self._context.job_parameters.get(key, default_value)

    def add_accumulator(self, name: str, accumulator: Accumulator[Any, Any]) -> None:
        self._context.accumulators.add(name, accumulator)

    def get_accumulator(self, name: str) -> Accumulator[Any, Any] | None:
        return self._context.accumulators.get(name)

    def get_metrics_group(self) -> MetricGroup:
        if self._metrics is None:
            task = self._context.task
            self._metrics = MetricGroup((task.task_name, self._context.info.name, str(task.subtask_index)))
        return self._metrics
