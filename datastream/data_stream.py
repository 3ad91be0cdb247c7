"""Streams: what a program's operators are put together with.

A :class:`DataStream` is a handle on a transformation. Its methods add transformations to the environment and return
new handles; nothing runs before ``env.execute()``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from millstream.common.borrowed_names import borrowed_names
from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import (
    CollectSinkSpec,
    FilterSpec,
    FlatMapSpec,
    MapSpec,
    OperatorSpec,
    PartitionerSpec,
    PrintSinkSpec,
    ProcessSpec,
    SinkFunctionSpec,
    SinkSpec,
    TimestampsSpec,
)
from millstream.common.typeinfo import PickledBytesTypeInfo, TupleTypeInfo, TypeInformation
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream_sink import DataStreamSink
from millstream.datastream.field_access import projection
from millstream.datastream.functions import (
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    Partitioner,
    ProcessFunction,
    SinkFunction,
)
from millstream.datastream.functions_check import check_function, check_function_class
from millstream.datastream.operator_settings import OperatorSettings
from millstream.datastream.output_tag import OutputTag
from millstream.datastream.output_type import declared_output_type
from millstream.datastream.sink import Sink
from millstream.datastream.transformation import (
    OperatorTransformation,
    PartitionTransformation,
    SideOutputTransformation,
    Transformation,
    UnionTransformation,
)

if TYPE_CHECKING:
    from millstream.common.execution_config import ExecutionConfig
    from millstream.datastream.all_windowed_stream import AllWindowedStream
    from millstream.datastream.broadcast_connected_stream import BroadcastConnectedStream
    from millstream.datastream.broadcast_stream import BroadcastStream
    from millstream.datastream.cached_data_stream import CachedDataStream
    from millstream.datastream.closeable_iterator import CloseableIterator
    from millstream.datastream.co_grouped_streams import CoGroupedStreams
    from millstream.datastream.connected_streams import ConnectedStreams
    from millstream.datastream.joined_streams import JoinedStreams
    from millstream.datastream.keyed_stream import KeyedStream
    from millstream.datastream.slot_sharing_group import SlotSharingGroup
    from millstream.datastream.split_stream import SplitStream
    from millstream.datastream.state import MapStateDescriptor
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment
    from millstream.datastream.window import WindowAssigner

__all__ = ["DataStream"]

_LOG = logging.getLogger(__name__)

S = TypeVar("S", bound="DataStream")


class DataStream:
    """A stream of records."""

    def __init__(self, environment: StreamExecutionEnvironment, transformation: Transformation) -> None:
        self._environment = environment
        self._transformation = transformation

    # -- the operator that makes this stream ------------------------------------------------------------------------

    def get_name(self) -> str:
        """The name of the operator that makes this stream."""
        return self._settings("get_name").get_name()

    def name(self: S, name: str) -> S:
        """Name the operator; plans, metrics and errors show the name."""
        self._settings("name").name(name)
        return self

    def uid(self: S, uid: str) -> S:
        """Give the operator an id that stays when the program changes; its state is found again by it."""
        self._settings("uid").uid(uid)
        return self

    def set_uid_hash(self: S, uid_hash: str) -> S:
        """Give the operator's id itself: 32 hexadecimal digits."""
        self._settings("set_uid_hash").set_uid_hash(uid_hash)
        return self

    def set_parallelism(self: S, parallelism: int) -> S:
        """Set how many subtasks the operator has."""
        self._settings("set_parallelism").set_parallelism(parallelism)
        return self

    def set_max_parallelism(self: S, max_parallelism: int) -> S:
        """Set the operator's number of key groups: no later parallelism can be above it."""
        self._settings("set_max_parallelism").set_max_parallelism(max_parallelism)
        return self

    def force_non_parallel(self: S) -> S:
        """Fix parallelism and max parallelism at 1."""
        self._settings("force_non_parallel").force_non_parallel()
        return self

    def set_buffer_timeout(self: S, timeout_millis: int) -> S:
        """Set how long records wait for their buffer to fill; 0: not at all, -1: until it is full."""
        self._settings("set_buffer_timeout").set_buffer_timeout(timeout_millis)
        return self

    def start_new_chain(self: S) -> S:
        """Do not chain the operator to what comes before it."""
        self._settings("start_new_chain").start_new_chain()
        return self

    def disable_chaining(self: S) -> S:
        """Do not chain the operator to anything."""
        self._settings("disable_chaining").disable_chaining()
        return self

    def slot_sharing_group(self: S, slot_sharing_group: str | SlotSharingGroup) -> S:
        """Put the operator into a group; operators of different groups never share a slot."""
        self._settings("slot_sharing_group").slot_sharing_group(slot_sharing_group)
        return self

    def set_description(self: S, description: str) -> S:
        """Describe the operator, at more length than its name."""
        self._settings("set_description").set_description(description)
        return self

    def returns(self: S, output_type: TypeInformation) -> S:
        """Say what the records of this stream are."""
        if not isinstance(output_type, TypeInformation):
            raise TypeError(
                f"{call_site()}: returns() takes a TypeInformation such as Types.STRING(), not {output_type!r}"
            )
        self._transformation.output_type = output_type
        return self

    output_type = returns

    def get_type(self) -> TypeInformation:
        """What the records of this stream are."""
        return self._transformation.output_type or PickledBytesTypeInfo()

    def get_execution_environment(self) -> StreamExecutionEnvironment:
        return self._environment

    def get_execution_config(self) -> ExecutionConfig:
        return self._environment.get_config()

    # -- operators --------------------------------------------------------------------------------------------------

    def map(self, func: Callable[[Any], Any] | MapFunction, output_type: TypeInformation | None = None) -> DataStream:
        """One record out for each record in."""
        check_function(func, MapFunction, "map")
        return self._operator("map", "Map", MapSpec(func, self._key_selector()), output_type)

    def flat_map(
        self, func: Callable[[Any], Any] | FlatMapFunction, output_type: TypeInformation | None = None
    ) -> DataStream:
        """Any number of records out for each record in: the function yields them or returns an iterable (or None)."""
        check_function(func, FlatMapFunction, "flat_map")
        return self._operator("flat_map", "FlatMap", FlatMapSpec(func, self._key_selector()), output_type)

    def filter(self, func: Callable[[Any], Any] | FilterFunction) -> DataStream:
        """Only the records for which the function is true."""
        check_function(func, FilterFunction, "filter")
        spec = FilterSpec(func, self._key_selector())
        return self._operator("filter", "Filter", spec, self._transformation.output_type)

    def project(self, *field_indexes: int) -> DataStream:
        """Tuples of some fields of tuples, in the order that is given."""
        known = self._transformation.output_type
        output_type: TypeInformation | None = None
        getter = projection(field_indexes)
        if isinstance(known, TupleTypeInfo):
            field_types = known.get_field_types()
            output_type = TupleTypeInfo([field_types[index] for index in field_indexes])
        return self._operator("map", "Projection", MapSpec(getter), output_type)

    def process(self, func: ProcessFunction, output_type: TypeInformation | None = None) -> DataStream:
        """Any number of records out for each record in, with its timestamp, watermarks and side outputs at hand."""
        check_function_class(func, ProcessFunction, "process")
        return self._operator("process", "PROCESS", ProcessSpec(func, self._key_selector()), output_type)

    def get_side_output(self, output_tag: OutputTag) -> DataStream:
        """What the operator that makes this stream puts out with a tag."""
        if not isinstance(output_tag, OutputTag):
            raise TypeError(f"{call_site()}: get_side_output() takes an OutputTag, not {output_tag!r}")
        if not isinstance(self._transformation, OperatorTransformation):
            raise InvalidProgramError(
                f"{call_site()}: only an operator has side outputs; call get_side_output() on the result of process() "
                "or of a window, before any union or partitioning"
            )
        side_output = SideOutputTransformation(
            self._environment._next_id(), self._transformation, output_tag.tag_id, call_site(), output_tag.type_info
        )
        return DataStream(self._environment, side_output)

    # -- time and windows -------------------------------------------------------------------------------------------

    def assign_timestamps_and_watermarks(self, watermark_strategy: Any) -> DataStream:
        """Give records their event timestamps, and make watermarks from here on.

        :param watermark_strategy: a :class:`~millstream.common.watermark_strategy.WatermarkStrategy`, or one of the
            older ``AssignerWithPeriodicWatermarks`` and ``AssignerWithPunctuatedWatermarks``.
        """
        from millstream.common.watermark_strategy import watermark_strategy_of

        spec = TimestampsSpec(watermark_strategy_of(watermark_strategy))
        known = self._transformation.output_type
        stream = self._operator("timestamps/watermarks", "Timestamps/Watermarks", spec, known)
        self._like_input(stream)
        return stream

    def assign_ascending_timestamps(self, extractor: Callable[[Any], int]) -> DataStream:
        """The same for timestamps (ms) that never go back in any one subtask."""
        from millstream.common.watermark_strategy import ascending_timestamps

        return self.assign_timestamps_and_watermarks(ascending_timestamps(extractor))

    def window_all(self, window_assigner: WindowAssigner[Any, Any]) -> AllWindowedStream:
        """Windows over all records, whatever their key. Their operator runs at parallelism 1."""
        from millstream.datastream.all_windowed_stream import AllWindowedStream

        return AllWindowedStream(self, window_assigner)

    def time_window_all(self, size: Any, slide: Any = None) -> AllWindowedStream:
        """Tumbling, or with ``slide`` sliding, windows over all records, in the environment's time characteristic."""
        from millstream.datastream.window_short_forms import time_window_assigner

        return self.window_all(time_window_assigner(self._environment, size, slide))

    def count_window_all(self, size: int, slide: int = 0) -> AllWindowedStream:
        """Windows of ``size`` records each; with ``slide`` the last ``size`` records after every ``slide``."""
        from millstream.datastream.window_short_forms import count_window_assigner

        return self.window_all(count_window_assigner(size, slide))

    # -- several streams --------------------------------------------------------------------------------------------

    @overload
    def connect(self, ds: DataStream) -> ConnectedStreams: ...

    @overload
    def connect(self, ds: BroadcastStream) -> BroadcastConnectedStream: ...

    def connect(self, ds: DataStream | BroadcastStream) -> ConnectedStreams | BroadcastConnectedStream:
        """Process this and another stream, of another type perhaps, in one function."""
        from millstream.datastream.broadcast_connected_stream import BroadcastConnectedStream
        from millstream.datastream.broadcast_stream import BroadcastStream
        from millstream.datastream.connected_streams import ConnectedStreams

        if isinstance(ds, BroadcastStream):
            return BroadcastConnectedStream(self, ds, ds.broadcast_state_descriptors)
        return ConnectedStreams(self, ds)

    def join(self, other: DataStream) -> JoinedStreams:
        """Pairs of records of two streams with equal keys in the same window."""
        from millstream.datastream.joined_streams import JoinedStreams

        return JoinedStreams(self, other)

    def co_group(self, other: DataStream) -> CoGroupedStreams:
        """All records of two streams with equal keys in the same window, side by side."""
        from millstream.datastream.co_grouped_streams import CoGroupedStreams

        return CoGroupedStreams(self, other)

    def split(self, output_selector: Any) -> SplitStream:
        """Name each record's outputs; ``select`` then gives the stream of one of them. Side outputs do it faster."""
        from millstream.datastream.split_stream import SplitStream

        return SplitStream(self, output_selector)

    def key_by(
        self,
        key_selector: Callable[[Any], Any] | KeySelector | int | str,
        *more: Any,
        key_type: TypeInformation | None = None,
    ) -> KeyedStream:
        """Bring records with equal keys to the same subtask.

        :param key_selector: a callable or :class:`KeySelector`; or one or more field positions or field expressions:
            ``key_by(0)``, ``key_by(0, 2)``, ``key_by("id")``, ``key_by("address.zip")``, ``key_by("f0.f1")``,
            ``key_by("*")``.
        :param key_type: what the keys are; may be the second argument after a key selector.
        """
        from millstream.datastream.keyed_stream import KeyedStream, key_selector_of

        if len(more) == 1 and (more[0] is None or isinstance(more[0], TypeInformation)):
            key_type, more = more[0] or key_type, ()
        selector = key_selector_of((key_selector, *more), key_type)
        return KeyedStream(self._environment, self._partition("HASH", PartitionerSpec(selector)), selector, key_type)

    def union(self, *streams: DataStream) -> DataStream:
        """The records of this and other streams as one; a stream given twice comes twice."""
        for stream in streams:
            if not isinstance(stream, DataStream):
                raise TypeError(f"{call_site()}: union() takes streams, not {stream!r}")
            if stream._environment is not self._environment:
                raise InvalidProgramError(f"{call_site()}: union() of streams of different environments")
        types = {stream._transformation.output_type for stream in (self, *streams)} - {None}
        if len(types) > 1:
            kinds = ", ".join(sorted(map(repr, types)))
            raise InvalidProgramError(f"{call_site()}: cannot union streams of different types: {kinds}")
        inputs = tuple(stream._transformation for stream in (self, *streams))
        if len(inputs) == 1:
            return DataStream(self._environment, inputs[0])
        union = UnionTransformation(self._environment._next_id(), inputs, call_site())
        return DataStream(self._environment, union)

    # -- how records are distributed --------------------------------------------------------------------------------

    def shuffle(self) -> DataStream:
        """Each record goes to a random subtask."""
        return self._distributed("SHUFFLE")

    def rebalance(self) -> DataStream:
        """Records go to all subtasks in turn."""
        return self._distributed("REBALANCE")

    def rescale(self) -> DataStream:
        """Records go in turn to some of the subtasks, so that every subtask has few connections."""
        return self._distributed("RESCALE")

    def forward(self) -> DataStream:
        """Records stay with the subtask of the same index."""
        return self._distributed("FORWARD")

    def broadcast(
        self,
        broadcast_state_descriptor: MapStateDescriptor | None = None,
        *other_broadcast_state_descriptors: MapStateDescriptor,
    ) -> Any:
        """Each record goes to all subtasks.

        :param broadcast_state_descriptor: state that the records are to be kept in where they arrive.
        :returns: a stream; with descriptors a ``BroadcastStream``, to be connected with another stream.
        """
        distributed = self._distributed("BROADCAST")
        if broadcast_state_descriptor is None:
            return distributed
        from millstream.datastream.broadcast_stream import BroadcastStream

        return BroadcastStream(distributed, [broadcast_state_descriptor, *other_broadcast_state_descriptors])

    def global_(self) -> DataStream:
        """All records go to the first subtask. Also there as ``getattr(stream, "global")``."""
        return self._distributed("GLOBAL")

    def partition_custom(
        self,
        partitioner: Callable[[Any, int], int] | Partitioner,
        key_selector: Callable[[Any], Any] | KeySelector | int | str,
    ) -> DataStream:
        """The partitioner chooses each record's subtask by its key and the number of subtasks."""
        from millstream.datastream.keyed_stream import key_selector_of

        check_function(partitioner, Partitioner, "partition_custom")
        spec = PartitionerSpec(key_selector_of((key_selector,)), partitioner)
        return DataStream(self._environment, self._partition("CUSTOM", spec))

    # -- sinks ------------------------------------------------------------------------------------------------------

    def add_sink(self, sink_func: SinkFunction | Callable[[Any], Any]) -> DataStreamSink:
        """Give each record to a :class:`SinkFunction`, or to a callable of one argument."""
        if isinstance(sink_func, Sink) and isinstance(sink_func, SinkFunction):  # a StreamingFileSink
            return self.sink_to(sink_func)
        check_function(sink_func, SinkFunction, "add_sink")
        return self._sink("Unnamed", SinkFunctionSpec(sink_func))

    def sink_to(self, sink: Sink) -> DataStreamSink:
        """Write the records with a :class:`~millstream.datastream.sink.Sink`."""
        if not isinstance(sink, Sink):
            raise TypeError(f"{call_site()}: sink_to() takes a Sink, not {sink!r}; a SinkFunction goes to add_sink()")
        known = self._transformation.output_type
        return self._sink("Unnamed", SinkSpec(sink if known is None else sink.for_input_type(known)))

    def print(self, sink_identifier: str | None = None) -> DataStreamSink:
        """Print each record on the standard output of the worker that has it.

        Lines begin with ``N> ``, the subtask's number, where there are several.

        :param sink_identifier: put before the number.
        """
        source = self
        known = self._transformation.output_type
        if known is not None and known.text_differs():
            source = DataStream(self._environment, self._transformation)._operator(
                "map", "Map", MapSpec(known.to_text), None
            )
            self._like_input(source)
        return source._sink("Print to Std. Out", PrintSinkSpec(sink_identifier or ""))

    def execute_and_collect(
        self, job_execution_name: str | None = None, limit: int | None = None
    ) -> CloseableIterator | list[Any]:
        """Run the job and fetch this stream's records while it runs.

        :param limit: return a list of at most so many records, and end the job then.
        :returns: an iterator that should be closed (it is a context manager), or the list.
        :raises JobExecutionError: the job failed (from the iterator: when it gets there).
        """
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise ValueError(f"{call_site()}: limit must be a number of records from 0, not {limit!r}")
        if limit == 0:
            return []
        sink = self._collected()._sink("Data stream collect sink", CollectSinkSpec())
        sink.set_parallelism(1)
        results = self._environment._execute_and_collect(sink, job_execution_name)
        if limit is None:
            return results
        with results:
            values: list[Any] = []
            for value in results:
                values.append(value)
                if len(values) == limit:
                    break
            return values

    def cache(self) -> CachedDataStream:
        """The stream for use in several jobs. In this version each of them computes it anew."""
        from millstream.datastream.cached_data_stream import CachedDataStream

        _LOG.info("cache(): nothing is stored in this version of Millstream; each job computes the stream anew")
        return CachedDataStream(self._environment, self._transformation)

    # -- what the methods above are made of -------------------------------------------------------------------------

    def _key_selector(self) -> Any:
        """The key that operators on this stream work by."""
        return None

    def _collected(self) -> DataStream:
        """The stream whose records ``execute_and_collect`` gives."""
        return self

    def _settings(self, method: str) -> OperatorSettings:
        return OperatorSettings.of(self._transformation, method)

    def _operator(self, kind: str, name: str, spec: OperatorSpec, output_type: TypeInformation | None) -> DataStream:
        declared = declared_output_type(output_type)
        transformation = self._environment._add_operator(kind, name, spec, (self._transformation,), declared)
        return DataStream(self._environment, transformation)

    def _sink(self, name: str, spec: OperatorSpec) -> DataStreamSink:
        return DataStreamSink(self._environment._add_operator("sink", name, spec, (self._transformation,), None))

    def _like_input(self, stream: DataStream) -> None:
        """Let an operator that the user does not see run where the stream's own operator does."""
        own, helper = self._transformation, stream._transformation
        if isinstance(own, OperatorTransformation) and isinstance(helper, OperatorTransformation):
            helper.parallelism = own.parallelism
            helper.max_parallelism = own.max_parallelism

    def _partition(self, partitioner: str, spec: PartitionerSpec | None = None) -> PartitionTransformation:
        return PartitionTransformation(
            self._environment._next_id(), partitioner, self._transformation, call_site(), spec
        )

    def _distributed(self, partitioner: str) -> DataStream:
        return DataStream(self._environment, self._partition(partitioner))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"a {type(self).__name__} is a part of the program, not of the data: it cannot be used inside a function"
        )


# `global` is a keyword of Python, so that it cannot be defined in the class's body.
setattr(DataStream, "global", DataStream.global_)


# In PyFlink the first of these are in this module; here they build on it.
__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.datastream.all_windowed_stream": "AllWindowedStream",
        "millstream.datastream.broadcast_connected_stream": "BroadcastConnectedStream",
        "millstream.datastream.broadcast_stream": "BroadcastStream",
        "millstream.datastream.cached_data_stream": "CachedDataStream",
        "millstream.datastream.closeable_iterator": "CloseableIterator",
        "millstream.datastream.connected_streams": "ConnectedStreams",
        "millstream.datastream.data_stream_sink": "DataStreamSink",
        "millstream.datastream.keyed_stream": "KeyedStream",
        "millstream.datastream.windowed_stream": "WindowedStream",
        "millstream.datastream.slot_sharing_group": "SlotSharingGroup",
        "millstream.common.execution_config": "ExecutionConfig",
        "millstream.common.typeinfo": "RowTypeInfo Types",
        "millstream.common.types": "Row",
        "millstream.common.watermark_strategy": "TimestampAssigner WatermarkStrategy",
        "millstream.datastream.functions": (
            "AggregateFunction AllWindowFunction BroadcastProcessFunction CoFlatMapFunction CoMapFunction "
            "CoProcessFunction Function KeyedBroadcastProcessFunction KeyedCoProcessFunction KeyedProcessFunction "
            "ProcessAllWindowFunction ProcessWindowFunction ReduceFunction RuntimeContext WindowFunction"
        ),
        "millstream.datastream.state": (
            "AggregatingStateDescriptor ListStateDescriptor MapStateDescriptor ReducingState ReducingStateDescriptor "
            "StateDescriptor"
        ),
        "millstream.datastream.window": (
            "CountSlidingWindowAssigner CountTumblingWindowAssigner CountWindowSerializer GlobalWindowSerializer "
            "MergingWindowAssigner TimeWindowSerializer Trigger WindowAssigner"
        ),
    },
)
