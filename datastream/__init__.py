"""What programs are written with: the environment, streams, functions.

The names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millstream.datastream.all_windowed_stream import AllWindowedStream as AllWindowedStream
    from millstream.datastream.async_data_stream import AsyncDataStream as AsyncDataStream
    from millstream.datastream.broadcast_connected_stream import BroadcastConnectedStream as BroadcastConnectedStream
    from millstream.datastream.broadcast_stream import BroadcastStream as BroadcastStream
    from millstream.datastream.checkpoint_config import CheckpointConfig as CheckpointConfig
    from millstream.datastream.checkpoint_storage import CheckpointStorage as CheckpointStorage
    from millstream.datastream.checkpoint_storage import CustomCheckpointStorage as CustomCheckpointStorage
    from millstream.datastream.checkpoint_storage import FileSystemCheckpointStorage as FileSystemCheckpointStorage
    from millstream.datastream.checkpoint_storage import JobManagerCheckpointStorage as JobManagerCheckpointStorage
    from millstream.datastream.checkpointing_mode import CheckpointingMode as CheckpointingMode
    from millstream.datastream.closeable_iterator import CloseableIterator as CloseableIterator
    from millstream.datastream.co_grouped_streams import CoGroupedStreams as CoGroupedStreams
    from millstream.datastream.connected_streams import ConnectedStreams as ConnectedStreams
    from millstream.datastream.data_stream import DataStream as DataStream
    from millstream.datastream.data_stream_sink import DataStreamSink as DataStreamSink
    from millstream.datastream.execution_mode import RuntimeExecutionMode as RuntimeExecutionMode
    from millstream.datastream.externalized_checkpoint_cleanup import (
        ExternalizedCheckpointCleanup as ExternalizedCheckpointCleanup,
    )
    from millstream.datastream.externalized_checkpoint_retention import (
        ExternalizedCheckpointRetention as ExternalizedCheckpointRetention,
    )
    from millstream.datastream.functions import AggregateFunction as AggregateFunction
    from millstream.datastream.functions import AllWindowFunction as AllWindowFunction
    from millstream.datastream.functions import AsyncFunction as AsyncFunction
    from millstream.datastream.functions import AsyncRetryPredicate as AsyncRetryPredicate
    from millstream.datastream.functions import AsyncRetryStrategy as AsyncRetryStrategy
    from millstream.datastream.functions import BaseBroadcastProcessFunction as BaseBroadcastProcessFunction
    from millstream.datastream.functions import BroadcastProcessFunction as BroadcastProcessFunction
    from millstream.datastream.functions import CoFlatMapFunction as CoFlatMapFunction
    from millstream.datastream.functions import CoGroupFunction as CoGroupFunction
    from millstream.datastream.functions import CoMapFunction as CoMapFunction
    from millstream.datastream.functions import CoProcessFunction as CoProcessFunction
    from millstream.datastream.functions import FilterFunction as FilterFunction
    from millstream.datastream.functions import FlatJoinFunction as FlatJoinFunction
    from millstream.datastream.functions import FlatMapFunction as FlatMapFunction
    from millstream.datastream.functions import Function as Function
    from millstream.datastream.functions import JoinFunction as JoinFunction
    from millstream.datastream.functions import KeyedBroadcastProcessFunction as KeyedBroadcastProcessFunction
    from millstream.datastream.functions import KeyedCoProcessFunction as KeyedCoProcessFunction
    from millstream.datastream.functions import KeyedProcessFunction as KeyedProcessFunction
    from millstream.datastream.functions import KeyedStateFunction as KeyedStateFunction
    from millstream.datastream.functions import KeySelector as KeySelector
    from millstream.datastream.functions import MapFunction as MapFunction
    from millstream.datastream.functions import OutputSelector as OutputSelector
    from millstream.datastream.functions import ParallelSourceFunction as ParallelSourceFunction
    from millstream.datastream.functions import Partitioner as Partitioner
    from millstream.datastream.functions import ProcessAllWindowFunction as ProcessAllWindowFunction
    from millstream.datastream.functions import ProcessFunction as ProcessFunction
    from millstream.datastream.functions import ProcessJoinFunction as ProcessJoinFunction
    from millstream.datastream.functions import ProcessWindowFunction as ProcessWindowFunction
    from millstream.datastream.functions import ReduceFunction as ReduceFunction
    from millstream.datastream.functions import ResultFuture as ResultFuture
    from millstream.datastream.functions import RichAsyncFunction as RichAsyncFunction
    from millstream.datastream.functions import RichCoFlatMapFunction as RichCoFlatMapFunction
    from millstream.datastream.functions import RichCoGroupFunction as RichCoGroupFunction
    from millstream.datastream.functions import RichCoMapFunction as RichCoMapFunction
    from millstream.datastream.functions import RichFilterFunction as RichFilterFunction
    from millstream.datastream.functions import RichFlatJoinFunction as RichFlatJoinFunction
    from millstream.datastream.functions import RichFlatMapFunction as RichFlatMapFunction
    from millstream.datastream.functions import RichFunction as RichFunction
    from millstream.datastream.functions import RichJoinFunction as RichJoinFunction
    from millstream.datastream.functions import RichMapFunction as RichMapFunction
    from millstream.datastream.functions import RichParallelSourceFunction as RichParallelSourceFunction
    from millstream.datastream.functions import RichReduceFunction as RichReduceFunction
    from millstream.datastream.functions import RichSinkFunction as RichSinkFunction
    from millstream.datastream.functions import RichSourceFunction as RichSourceFunction
    from millstream.datastream.functions import RichWindowFunction as RichWindowFunction
    from millstream.datastream.functions import RuntimeContext as RuntimeContext
    from millstream.datastream.functions import SinkFunction as SinkFunction
    from millstream.datastream.functions import SourceContext as SourceContext
    from millstream.datastream.functions import SourceFunction as SourceFunction
    from millstream.datastream.functions import WindowFunction as WindowFunction
    from millstream.datastream.interval_join import IntervalJoin as IntervalJoin
    from millstream.datastream.joined_streams import JoinedStreams as JoinedStreams
    from millstream.datastream.keyed_stream import KeyedStream as KeyedStream
    from millstream.datastream.memory_size import MemorySize as MemorySize
    from millstream.datastream.output_tag import OutputTag as OutputTag
    from millstream.datastream.slot_sharing_group import SlotSharingGroup as SlotSharingGroup
    from millstream.datastream.split_stream import SplitStream as SplitStream
    from millstream.datastream.state_backend import CustomStateBackend as CustomStateBackend
    from millstream.datastream.state_backend import EmbeddedRocksDBStateBackend as EmbeddedRocksDBStateBackend
    from millstream.datastream.state_backend import FsStateBackend as FsStateBackend
    from millstream.datastream.state_backend import HashMapStateBackend as HashMapStateBackend
    from millstream.datastream.state_backend import MemoryStateBackend as MemoryStateBackend
    from millstream.datastream.state_backend import PredefinedOptions as PredefinedOptions
    from millstream.datastream.state_backend import RocksDBStateBackend as RocksDBStateBackend
    from millstream.datastream.state_backend import StateBackend as StateBackend
    from millstream.datastream.stream_execution_environment import (
        StreamExecutionEnvironment as StreamExecutionEnvironment,
    )
    from millstream.datastream.time_characteristic import TimeCharacteristic as TimeCharacteristic
    from millstream.datastream.time_domain import TimeDomain as TimeDomain
    from millstream.datastream.timerservice import TimerService as TimerService
    from millstream.datastream.window import CountWindow as CountWindow
    from millstream.datastream.window import GlobalWindow as GlobalWindow
    from millstream.datastream.window import MergingWindowAssigner as MergingWindowAssigner
    from millstream.datastream.window import TimeWindow as TimeWindow
    from millstream.datastream.window import Trigger as Trigger
    from millstream.datastream.window import TriggerResult as TriggerResult
    from millstream.datastream.window import Window as Window
    from millstream.datastream.window import WindowAssigner as WindowAssigner
    from millstream.datastream.windowed_stream import WindowedStream as WindowedStream

_MODULES = {
    "AggregateFunction": "functions",
    "AllWindowFunction": "functions",
    "AllWindowedStream": "all_windowed_stream",
    "AsyncDataStream": "async_data_stream",
    "AsyncFunction": "functions",
    "AsyncRetryPredicate": "functions",
    "AsyncRetryStrategy": "functions",
    "BaseBroadcastProcessFunction": "functions",
    "BroadcastConnectedStream": "broadcast_connected_stream",
    "BroadcastProcessFunction": "functions",
    "BroadcastStream": "broadcast_stream",
    "CheckpointConfig": "checkpoint_config",
    "CheckpointStorage": "checkpoint_storage",
    "CheckpointingMode": "checkpointing_mode",
    "CloseableIterator": "closeable_iterator",
    "CoFlatMapFunction": "functions",
    "CoGroupFunction": "functions",
    "CoGroupedStreams": "co_grouped_streams",
    "CoMapFunction": "functions",
    "CoProcessFunction": "functions",
    "ConnectedStreams": "connected_streams",
    "CountWindow": "window",
    "CustomCheckpointStorage": "checkpoint_storage",
    "CustomStateBackend": "state_backend",
    "DataStream": "data_stream",
    "DataStreamSink": "data_stream_sink",
    "EmbeddedRocksDBStateBackend": "state_backend",
    "ExternalizedCheckpointCleanup": "externalized_checkpoint_cleanup",
    "ExternalizedCheckpointRetention": "externalized_checkpoint_retention",
    "FileSystemCheckpointStorage": "checkpoint_storage",
    "FilterFunction": "functions",
    "FlatJoinFunction": "functions",
    "FlatMapFunction": "functions",
    "FsStateBackend": "state_backend",
    "Function": "functions",
    "GlobalWindow": "window",
    "HashMapStateBackend": "state_backend",
    "IntervalJoin": "interval_join",
    "JobManagerCheckpointStorage": "checkpoint_storage",
    "JoinFunction": "functions",
    "JoinedStreams": "joined_streams",
    "KeySelector": "functions",
    "KeyedBroadcastProcessFunction": "functions",
    "KeyedCoProcessFunction": "functions",
    "KeyedProcessFunction": "functions",
    "KeyedStateFunction": "functions",
    "KeyedStream": "keyed_stream",
    "MapFunction": "functions",
    "MemorySize": "memory_size",
    "MemoryStateBackend": "state_backend",
    "MergingWindowAssigner": "window",
    "OutputSelector": "functions",
    "OutputTag": "output_tag",
    "ParallelSourceFunction": "functions",
    "Partitioner": "functions",
    "PredefinedOptions": "state_backend",
    "ProcessAllWindowFunction": "functions",
    "ProcessFunction": "functions",
    "ProcessJoinFunction": "functions",
    "ProcessWindowFunction": "functions",
    "ReduceFunction": "functions",
    "ResultFuture": "functions",
    "RichAsyncFunction": "functions",
    "RichCoFlatMapFunction": "functions",
    "RichCoGroupFunction": "functions",
    "RichCoMapFunction": "functions",
    "RichFilterFunction": "functions",
    "RichFlatJoinFunction": "functions",
    "RichFlatMapFunction": "functions",
    "RichFunction": "functions",
    "RichJoinFunction": "functions",
    "RichMapFunction": "functions",
    "RichParallelSourceFunction": "functions",
    "RichReduceFunction": "functions",
    "RichSinkFunction": "functions",
    "RichSourceFunction": "functions",
    "RichWindowFunction": "functions",
    "RocksDBStateBackend": "state_backend",
    "RuntimeContext": "functions",
    "RuntimeExecutionMode": "execution_mode",
    "SinkFunction": "functions",
    "SlotSharingGroup": "slot_sharing_group",
    "SourceContext": "functions",
    "SourceFunction": "functions",
    "SplitStream": "split_stream",
    "StateBackend": "state_backend",
    "StreamExecutionEnvironment": "stream_execution_environment",
    "TimeCharacteristic": "time_characteristic",
    "TimeDomain": "time_domain",
    "TimeWindow": "window",
    "TimerService": "timerservice",
    "Trigger": "window",
    "TriggerResult": "window",
    "Window": "window",
    "WindowAssigner": "window",
    "WindowFunction": "functions",
    "WindowedStream": "windowed_stream",
}

__all__ = list(_MODULES)  # one list of names, not two


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
