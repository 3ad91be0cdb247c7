"""All records of a stream in windows, whatever their key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from millstream.common.time import Duration, Time
from millstream.common.typeinfo import PickledBytesTypeInfo, TypeInformation
from millstream.datastream.data_stream import DataStream
from millstream.datastream.functions import (
    AggregateFunction,
    AllWindowFunction,
    ProcessAllWindowFunction,
    ReduceFunction,
)
from millstream.datastream.window import Evictor, Trigger, WindowAssigner
from millstream.datastream.window_operation import WindowOperation

if TYPE_CHECKING:
    from millstream.datastream.output_tag import OutputTag
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["AllWindowedStream"]


class AllWindowedStream:
    """Says how records are put into windows; its last methods say what is made of a window.

    One subtask has all windows. Results have the last timestamp of their window.
    """

    def __init__(self, data_stream: DataStream, window_assigner: WindowAssigner[Any, Any]) -> None:
        self._operation = WindowOperation(_without_keys(data_stream), "AllWindow", window_assigner)

    def get_execution_environment(self) -> StreamExecutionEnvironment:
        return self._operation.stream.get_execution_environment()

    def get_input_type(self) -> TypeInformation:
        """What the records are."""
        return self._operation.stream._transformation.output_type or PickledBytesTypeInfo()

    # -- how --------------------------------------------------------------------------------------------------------

    def trigger(self, trigger: Trigger[Any, Any]) -> AllWindowedStream:
        """Say when windows are evaluated, in place of the assigner's default trigger."""
        self._operation.trigger(trigger)
        return self

    def evictor(self, evictor: Evictor[Any, Any]) -> AllWindowedStream:
        """Have elements removed before or after a window is evaluated. All elements are kept until then."""
        self._operation.evictor(evictor)
        return self

    def allowed_lateness(self, time_ms: int | Duration | Time | timedelta) -> AllWindowedStream:
        """Keep windows of event time for so long (ms) after their end; each element that comes then fires them again.

        What comes later still is dropped, and counted as ``numLateRecordsDropped``.
        """
        self._operation.allowed_lateness(time_ms)
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> AllWindowedStream:
        """Emit elements that come too late to a side output of the result, instead of dropping them."""
        self._operation.side_output_late_data(output_tag)
        return self

    # -- what -------------------------------------------------------------------------------------------------------

    def reduce(
        self,
        reduce_function: Callable[[Any, Any], Any] | ReduceFunction,
        window_function: AllWindowFunction[Any, Any, Any]
        | ProcessAllWindowFunction[Any, Any, Any]
        | Callable[[Any, Iterable[Any]], Any]
        | None = None,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Combine the elements of a window as they come.

        :param window_function: is given the one result when the window fires.
        """
        self._check_after("reduce", window_function)
        return self._operation.reduce(reduce_function, window_function, output_type)

    def aggregate(
        self,
        aggregate_function: AggregateFunction,
        window_function: AllWindowFunction[Any, Any, Any]
        | ProcessAllWindowFunction[Any, Any, Any]
        | Callable[[Any, Iterable[Any]], Any]
        | None = None,
        accumulator_type: TypeInformation | None = None,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Fold the elements of a window into an accumulator as they come.

        :param window_function: is given the one result when the window fires.
        :param accumulator_type: what accumulators are.
        """
        self._check_after("aggregate", window_function)
        return self._operation.aggregate(aggregate_function, window_function, accumulator_type, output_type)

    def apply(
        self,
        window_function: AllWindowFunction[Any, Any, Any] | Callable[[Any, Iterable[Any]], Any],
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Call ``window_function(window, elements)`` when a window fires."""
        self._operation.check_window_function(window_function, "apply", AllWindowFunction, callables=True)
        return self._operation.on_elements(window_function, output_type)

    def process(
        self,
        process_window_function: ProcessAllWindowFunction[Any, Any, Any],
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Call the function with context and elements when a window fires."""
        self._operation.check_window_function(
            process_window_function, "process", ProcessAllWindowFunction, callables=False
        )
        return self._operation.on_elements(process_window_function, output_type)

    def sum(self, position_to_sum: int | str = 0) -> DataStream:
        """The sum of a field; the other fields are those of the window's first element."""
        return self._operation.rolling("sum", position_to_sum)

    def min(self, position_to_min: int | str = 0) -> DataStream:
        """The minimum of a field; the other fields are those of the window's first element."""
        return self._operation.rolling("min", position_to_min)

    def max(self, position_to_max: int | str = 0) -> DataStream:
        """The maximum of a field; the other fields are those of the window's first element."""
        return self._operation.rolling("max", position_to_max)

    def min_by(self, position_to_min_by: int | str = 0) -> DataStream:
        """The element with the smallest field; of several the first."""
        return self._operation.rolling("min_by", position_to_min_by)

    def max_by(self, position_to_max_by: int | str = 0) -> DataStream:
        """The element with the largest field; of several the first."""
        return self._operation.rolling("max_by", position_to_max_by)

    def _check_after(self, method: str, window_function: Any) -> None:
        if window_function is not None:
            self._operation.check_window_function(
                window_function, method, AllWindowFunction, ProcessAllWindowFunction, callables=True
            )


def _without_keys(stream: DataStream) -> DataStream:
    """The stream itself: windows over all records do not see the keys of a keyed stream."""
    return DataStream(stream._environment, stream._transformation)
