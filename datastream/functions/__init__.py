"""The interfaces of user functions.

Wherever the API takes one of these classes it takes a plain callable with the same arguments too, sources excepted.
"""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.datastream.functions.aggregate_function import AggregateFunction
from millstream.datastream.functions.all_window_function import AllWindowFunction, RichAllWindowFunction
from millstream.datastream.functions.async_function import AsyncFunction, RichAsyncFunction, takes_result_future
from millstream.datastream.functions.async_retry_strategy import AsyncRetryPredicate, AsyncRetryStrategy
from millstream.datastream.functions.base_broadcast_process_function import BaseBroadcastProcessFunction
from millstream.datastream.functions.broadcast_process_function import BroadcastProcessFunction
from millstream.datastream.functions.checkpoint_committer import CheckpointCommitter
from millstream.datastream.functions.checkpoint_listener import CheckpointListener
from millstream.datastream.functions.checkpointed_function import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
)
from millstream.datastream.functions.co_flat_map_function import CoFlatMapFunction, RichCoFlatMapFunction
from millstream.datastream.functions.co_group_function import CoGroupFunction, RichCoGroupFunction
from millstream.datastream.functions.co_map_function import CoMapFunction, RichCoMapFunction
from millstream.datastream.functions.co_process_function import CoProcessFunction
from millstream.datastream.functions.filter_function import FilterFunction, RichFilterFunction
from millstream.datastream.functions.flat_join_function import FlatJoinFunction, RichFlatJoinFunction
from millstream.datastream.functions.flat_map_function import FlatMapFunction, RichFlatMapFunction
from millstream.datastream.functions.function import Function, RichFunction
from millstream.datastream.functions.generic_write_ahead_sink import GenericWriteAheadSink
from millstream.datastream.functions.join_function import JoinFunction, RichJoinFunction
from millstream.datastream.functions.key_selector import KeySelector
from millstream.datastream.functions.keyed_broadcast_process_function import KeyedBroadcastProcessFunction
from millstream.datastream.functions.keyed_co_process_function import KeyedCoProcessFunction
from millstream.datastream.functions.keyed_process_function import KeyedProcessFunction
from millstream.datastream.functions.keyed_state_function import KeyedStateFunction
from millstream.datastream.functions.list_checkpointed import ListCheckpointed
from millstream.datastream.functions.map_function import MapFunction, RichMapFunction
from millstream.datastream.functions.output_selector import OutputSelector
from millstream.datastream.functions.partitioner import Partitioner
from millstream.datastream.functions.process_all_window_function import ProcessAllWindowFunction
from millstream.datastream.functions.process_function import ProcessFunction
from millstream.datastream.functions.process_join_function import ProcessJoinFunction
from millstream.datastream.functions.process_window_function import ProcessWindowFunction
from millstream.datastream.functions.reduce_function import ReduceFunction, RichReduceFunction
from millstream.datastream.functions.result_future import ResultFuture
from millstream.datastream.functions.runtime_context import KeyedStateStore, RuntimeContext
from millstream.datastream.functions.sink_function import RichSinkFunction, SinkContext, SinkFunction
from millstream.datastream.functions.source_function import (
    ParallelSourceFunction,
    RichParallelSourceFunction,
    RichSourceFunction,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.functions.two_phase_commit_sink_function import TwoPhaseCommitSinkFunction
from millstream.datastream.functions.window_function import RichWindowFunction, WindowFunction
from millstream.datastream.timerservice import TimerService

__all__ = [
    "AggregateFunction",
    "AllWindowFunction",
    "AsyncFunction",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "BaseBroadcastProcessFunction",
    "BroadcastProcessFunction",
    "CheckpointCommitter",
    "CheckpointListener",
    "CheckpointedFunction",
    "CoFlatMapFunction",
    "CoGroupFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "FilterFunction",
    "FlatJoinFunction",
    "FlatMapFunction",
    "Function",
    "FunctionInitializationContext",
    "FunctionSnapshotContext",
    "GenericWriteAheadSink",
    "JoinFunction",
    "KeySelector",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStateFunction",
    "KeyedStateStore",
    "ListCheckpointed",
    "MapFunction",
    "OutputSelector",
    "ParallelSourceFunction",
    "Partitioner",
    "ProcessAllWindowFunction",
    "ProcessFunction",
    "ProcessJoinFunction",
    "ProcessWindowFunction",
    "ReduceFunction",
    "ResultFuture",
    "RichAllWindowFunction",
    "RichAsyncFunction",
    "RichCoFlatMapFunction",
    "RichCoGroupFunction",
    "RichCoMapFunction",
    "RichFilterFunction",
    "RichFlatJoinFunction",
    "RichFlatMapFunction",
    "RichFunction",
    "RichJoinFunction",
    "RichMapFunction",
    "RichParallelSourceFunction",
    "RichReduceFunction",
    "RichSinkFunction",
    "RichSourceFunction",
    "RichWindowFunction",
    "RuntimeContext",
    "SinkContext",
    "SinkFunction",
    "SourceContext",
    "SourceFunction",
    "TimerService",
    "TwoPhaseCommitSinkFunction",
    "WindowFunction",
    "takes_result_future",
]

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.datastream.state": (
            "AggregatingState AggregatingStateDescriptor BroadcastState ListState ListStateDescriptor "
            "MapState MapStateDescriptor ReadOnlyBroadcastState ReducingState ReducingStateDescriptor "
            "ValueState ValueStateDescriptor"
        ),
        "millstream.datastream.time_domain": "TimeDomain",
        "millstream.common.metrics": "MetricGroup",
    },
)
