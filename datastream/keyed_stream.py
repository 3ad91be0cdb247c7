"""Streams whose records are brought together by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import AggregateSpec, MapSpec, ProcessSpec, ReduceSpec
from millstream.common.types import Row
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream
from millstream.datastream.field_access import field_getter, field_key_selector
from millstream.datastream.functions import (
    Function,
    KeyedProcessFunction,
    KeySelector,
    ProcessFunction,
    ReduceFunction,
)
from millstream.datastream.functions_check import check_function, check_function_class
from millstream.datastream.key_selectors import assisted_key_selector
from millstream.datastream.transformation import OperatorTransformation, PartitionTransformation

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.interval_join import IntervalJoin
    from millstream.datastream.operator_settings import OperatorSettings
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment
    from millstream.datastream.window import WindowAssigner
    from millstream.datastream.windowed_stream import WindowedStream

__all__ = ["KeyedStream", "key_selector_of"]


def key_selector_of(given: tuple[Any, ...], key_type: TypeInformation | None = None) -> Callable[[Any], Any]:
    """The key selector for what the user gave: a callable or KeySelector, or field positions and expressions.

    :raises TypeError: it is none of these.
    :raises ValueError: a field expression cannot be read.
    """
    first = given[0]
    if len(given) == 1 and isinstance(first, (tuple, list)):
        given = tuple(first)
    elif len(given) == 1 and not isinstance(first, (int, str)):
        if isinstance(first, KeySelector) or (
            callable(first) and not isinstance(first, Function) and not _is_function_class(first)
        ):
            return assisted_key_selector(first, key_type)
        raise TypeError(
            f"{call_site()}: a key selector is a KeySelector, a callable function, a field position or a field "
            f"expression, not {first!r}"
        )
    return field_key_selector(given)


def _is_function_class(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, Function)


class KeyedStream(DataStream):
    """A stream that is partitioned by key.

    It is not an operator: it has no name, parallelism or chaining of its own, and its partitioning is fixed.
    """

    def __init__(
        self,
        environment: StreamExecutionEnvironment,
        transformation: PartitionTransformation,
        key_selector: Callable[[Any], Any],
        key_type: TypeInformation | None = None,
    ) -> None:
        super().__init__(environment, transformation)
        self._selector = key_selector
        self._key_type = key_type

    def get_key_type(self) -> TypeInformation | None:
        """What the keys are; ``None`` if the program does not say."""
        return self._key_type

    def reduce(self, func: Callable[[Any, Any], Any] | ReduceFunction) -> DataStream:
        """Combine the records of each key one after the other, and emit each step."""
        check_function(func, ReduceFunction, "reduce")
        return self._operator("reduce", "Reduce", ReduceSpec(func, self._selector), self._transformation.output_type)

    def sum(self, position_to_sum: int | str = 0) -> DataStream:
        """The running sum of a field per key; the other fields are those of the key's first record."""
        return self._aggregate("sum", "Sum", position_to_sum)

    def min(self, position_to_min: int | str = 0) -> DataStream:
        """The running minimum of a field per key; the other fields are those of the key's first record."""
        return self._aggregate("min", "Min", position_to_min)

    def max(self, position_to_max: int | str = 0) -> DataStream:
        """The running maximum of a field per key; the other fields are those of the key's first record."""
        return self._aggregate("max", "Max", position_to_max)

    def min_by(self, position_to_min_by: int | str = 0) -> DataStream:
        """The record with the smallest field so far per key; of several the first."""
        return self._aggregate("min_by", "MinBy", position_to_min_by)

    def max_by(self, position_to_max_by: int | str = 0) -> DataStream:
        """The record with the largest field so far per key; of several the first."""
        return self._aggregate("max_by", "MaxBy", position_to_max_by)

    def process(
        self, func: KeyedProcessFunction | ProcessFunction, output_type: TypeInformation | None = None
    ) -> DataStream:
        """Any number of records out for each record in, with the key's state and timers at hand."""
        check_function_class(func, KeyedProcessFunction, "process", also=(ProcessFunction,))
        return self._operator("process", "KEYED PROCESS", ProcessSpec(func, self._selector), output_type)

    # -- windows ----------------------------------------------------------------------------------------------------

    def window(self, window_assigner: WindowAssigner[Any, Any]) -> WindowedStream:
        """Put the records of each key into windows."""
        from millstream.datastream.windowed_stream import WindowedStream

        return WindowedStream(self, window_assigner)

    def time_window(self, size: Any, slide: Any = None) -> WindowedStream:
        """Tumbling, or with ``slide`` sliding, windows, in the environment's time characteristic."""
        from millstream.datastream.window_short_forms import time_window_assigner

        return self.window(time_window_assigner(self._environment, size, slide))

    def count_window(self, size: int, slide: int = 0) -> WindowedStream:
        """Windows of ``size`` records of a key; with ``slide`` its last ``size`` records after every ``slide``."""
        from millstream.datastream.window_short_forms import count_window_assigner

        return self.window(count_window_assigner(size, slide))

    # -- several streams --------------------------------------------------------------------------------------------

    def interval_join(self, other: KeyedStream) -> IntervalJoin:
        """Pairs of records of two keyed streams whose timestamps are not too far from one another."""
        from millstream.datastream.interval_join import IntervalJoin

        return IntervalJoin(self, other)

    # -- state in a function's hands --------------------------------------------------------------------------------

    def map_with_state(
        self, func: Callable[[Any, Any], tuple[Any, Any]], output_type: TypeInformation | None = None
    ) -> DataStream:
        """``func(value, state)`` returns ``(result, new state)``; the state is ``None`` at first, and to remove it."""
        from millstream.datastream.stateful_functions import map_with_state

        return self.flat_map(map_with_state(func), output_type)

    def flat_map_with_state(
        self, func: Callable[[Any, Any], tuple[Any, Any]], output_type: TypeInformation | None = None
    ) -> DataStream:
        """``func(value, state)`` returns ``(results, new state)``."""
        from millstream.datastream.stateful_functions import flat_map_with_state

        return self.flat_map(flat_map_with_state(func), output_type)

    def filter_with_state(self, func: Callable[[Any, Any], tuple[bool, Any]]) -> DataStream:
        """``func(value, state)`` returns ``(whether to keep the value, new state)``."""
        from millstream.datastream.stateful_functions import filter_with_state

        return self.flat_map(filter_with_state(func), self._transformation.output_type)

    # -- the key ----------------------------------------------------------------------------------------------------

    def key_by(
        self,
        key_selector: Callable[[Any], Any] | KeySelector | int | str,
        *more: Any,
        key_type: TypeInformation | None = None,
    ) -> KeyedStream:
        """Key the same records by something else."""
        original = self._transformation.inputs[0]
        return DataStream(self._environment, original).key_by(key_selector, *more, key_type=key_type)

    def _aggregate(self, kind: str, name: str, field: int | str) -> DataStream:
        field_getter(field)  # refuses, here and not in the job, what is no field
        spec = AggregateSpec(kind, field, self._selector)
        return self._operator("aggregate", name, spec, self._transformation.output_type)

    def _key_selector(self) -> Any:
        return self._selector

    def _collected(self) -> DataStream:
        """As in PyFlink, ``execute_and_collect`` of a keyed stream gives rows of key and record, in the order of its
        records: the rows are made where the records are, before they would be distributed by key.
        """
        before = self._transformation.inputs[0]
        source = DataStream(self._environment, before)
        rows = source._operator("map", "Map", MapSpec(_KeyAndValue(self._selector)), None)
        source._like_input(rows)
        if isinstance(before, OperatorTransformation) and before.non_parallel:
            rows.set_parallelism(1)
        return rows

    def _settings(self, method: str) -> OperatorSettings:
        raise InvalidProgramError(
            f"{call_site()}: {method}() is not supported for KeyedStream: it is not an operator; call it before "
            "key_by() or on what comes after"
        )

    def _fixed(self) -> NoReturn:
        raise InvalidProgramError(f"{call_site()}: Cannot override partitioning for KeyedStream.")

    def cache(self) -> NoReturn:
        """Refused: cache the stream that is keyed."""
        raise InvalidProgramError(f"{call_site()}: cache() is not supported for KeyedStream: call it before key_by()")

    def shuffle(self) -> DataStream:
        self._fixed()

    def rebalance(self) -> DataStream:
        self._fixed()

    def rescale(self) -> DataStream:
        self._fixed()

    def forward(self) -> DataStream:
        self._fixed()

    def broadcast(self, *args: Any) -> Any:  # refused whatever they are
        self._fixed()

    def global_(self) -> DataStream:
        self._fixed()

    def partition_custom(self, partitioner: Any, key_selector: Any) -> DataStream:
        self._fixed()

    def assign_timestamps_and_watermarks(self, watermark_strategy: Any) -> DataStream:
        """As in PyFlink, on the records of the stream, whose keys are forgotten."""
        return DataStream(self._environment, self._transformation).assign_timestamps_and_watermarks(watermark_strategy)


# `global` is a keyword of Python, so that it cannot be defined in the class's body.
setattr(KeyedStream, "global", KeyedStream.global_)


class _KeyAndValue:
    """Makes ``Row(f0=key, f1=value)``."""

    __slots__ = ("_key_selector",)

    def __init__(self, key_selector: Callable[[Any], Any]) -> None:
        self._key_selector = key_selector

    def __call__(self, value: Any) -> Row:
        return Row(f0=self._key_selector(value), f1=value)
