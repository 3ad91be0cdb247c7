"""What a function can learn about the task it runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup
    from millstream.datastream.state import (
        AggregatingState,
        AggregatingStateDescriptor,
        ListState,
        ListStateDescriptor,
        MapState,
        MapStateDescriptor,
        ReducingState,
        ReducingStateDescriptor,
        ValueState,
        ValueStateDescriptor,
    )

__all__ = ["KeyedStateStore", "RuntimeContext"]


class KeyedStateStore(ABC):
    """Gives the state of the key that is being worked on.

    The methods are not abstract: an operator that has no keyed state is one that does not define them.
    """

    def get_state(self, state_descriptor: ValueStateDescriptor) -> ValueState[Any]:
        """A single value per key."""
        self._no_keyed_state("get_state")

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """A list per key."""
        self._no_keyed_state("get_list_state")

    def get_map_state(self, state_descriptor: MapStateDescriptor) -> MapState[Any, Any]:
        """A map per key."""
        self._no_keyed_state("get_map_state")

    def get_reducing_state(self, state_descriptor: ReducingStateDescriptor) -> ReducingState[Any]:
        """A value per key that a ReduceFunction combines."""
        self._no_keyed_state("get_reducing_state")

    def get_aggregating_state(self, state_descriptor: AggregatingStateDescriptor) -> AggregatingState[Any, Any]:
        """A value per key that an AggregateFunction combines."""
        self._no_keyed_state("get_aggregating_state")

    def _no_keyed_state(self, method: str) -> NoReturn:
        raise NotImplementedError(
            f"{method}() is not available in {type(self).__name__}: keyed state needs a stream with keys; call "
            "key_by(...) before, or keep what you need in attributes of the function that open() sets up"
        )


class RuntimeContext(KeyedStateStore):
    """One subtask's place in the job."""

    @abstractmethod
    def get_task_name(self) -> str:
        """The operator's name."""

    @abstractmethod
    def get_number_of_parallel_subtasks(self) -> int:
        """The operator's parallelism."""

    @abstractmethod
    def get_max_number_of_parallel_subtasks(self) -> int:
        """The operator's max parallelism (number of key groups)."""

    @abstractmethod
    def get_index_of_this_subtask(self) -> int:
        """From 0 to the parallelism - 1."""

    @abstractmethod
    def get_attempt_number(self) -> int:
        """How often this subtask has been restarted; 0 the first time."""

    def get_task_name_with_subtasks(self) -> str:
        """``name (2/4)``: the second of four subtasks."""
        index = self.get_index_of_this_subtask() + 1
        return f"{self.get_task_name()} ({index}/{self.get_number_of_parallel_subtasks()})"

    @abstractmethod
    def get_job_parameter(self, key: str, default_value: str | None = None) -> str | None:
        """A global job parameter (``ExecutionConfig.set_global_job_parameters``), or the default."""

    @abstractmethod
    def get_metrics_group(self) -> MetricGroup:
        """Where this function registers its metrics."""
