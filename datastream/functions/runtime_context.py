"""What a function can learn about the task it runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from millstream.common.accumulators import Accumulator, DoubleCounter, Histogram, IntCounter, LongCounter

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

A = TypeVar("A", bound=Accumulator[Any, Any])


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

    @abstractmethod
    def add_accumulator(self, name: str, accumulator: Accumulator[Any, Any]) -> None:
        """Make what ``accumulator`` holds at the end part of the job's result, under ``name``, merged with those of all
        tasks that have one of this name.

        It begins anew when the task is restarted: only what the last attempt has added counts.

        :raises MillstreamError: the operator has one of this name.
        """

    @abstractmethod
    def get_accumulator(self, name: str) -> Accumulator[Any, Any] | None:
        """The one that the operator has under this name; ``None``: it has none."""

    def get_int_counter(self, name: str) -> IntCounter:
        """The counter of this name, a new one if there is none.

        :raises TypeError: the operator has an accumulator of another type under this name.
        """
        return self._accumulator(name, IntCounter)

    def get_long_counter(self, name: str) -> LongCounter:
        """As :meth:`get_int_counter`."""
        return self._accumulator(name, LongCounter)

    def get_double_counter(self, name: str) -> DoubleCounter:
        """As :meth:`get_int_counter`, for floating-point numbers."""
        return self._accumulator(name, DoubleCounter)

    def get_histogram(self, name: str) -> Histogram:
        """The histogram of this name, a new one if there is none.

        :raises TypeError: the operator has an accumulator of another type under this name.
        """
        return self._accumulator(name, Histogram)

    def _accumulator(self, name: str, kind: type[A]) -> A:
        accumulator = self.get_accumulator(name)
        if accumulator is None:
            accumulator = kind()
            self.add_accumulator(name, accumulator)
        if not isinstance(accumulator, kind):
            raise TypeError(
                f"accumulator {name!r} of {self.get_task_name()!r} is of type {type(accumulator).__name__}, not "
                f"{kind.__name__}: use another name"
            )
        return accumulator
