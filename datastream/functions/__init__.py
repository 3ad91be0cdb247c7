"""The interfaces of user functions.

Wherever the API takes one of these classes it takes a plain callable with the same arguments too, sources excepted.
"""

from __future__ import annotations

from millstream.datastream.functions.aggregate_function import AggregateFunction
from millstream.datastream.functions.filter_function import FilterFunction, RichFilterFunction
from millstream.datastream.functions.flat_map_function import FlatMapFunction, RichFlatMapFunction
from millstream.datastream.functions.function import Function, RichFunction
from millstream.datastream.functions.key_selector import KeySelector
from millstream.datastream.functions.keyed_process_function import KeyedProcessFunction
from millstream.datastream.functions.map_function import MapFunction, RichMapFunction
from millstream.datastream.functions.partitioner import Partitioner
from millstream.datastream.functions.process_function import ProcessFunction
from millstream.datastream.functions.reduce_function import ReduceFunction, RichReduceFunction
from millstream.datastream.functions.runtime_context import KeyedStateStore, RuntimeContext
from millstream.datastream.functions.sink_function import RichSinkFunction, SinkContext, SinkFunction
from millstream.datastream.functions.source_function import (
    ParallelSourceFunction,
    RichParallelSourceFunction,
    RichSourceFunction,
    SourceContext,
    SourceFunction,
)

__all__ = [
    "AggregateFunction",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "KeySelector",
    "KeyedProcessFunction",
    "KeyedStateStore",
    "MapFunction",
    "ParallelSourceFunction",
    "Partitioner",
    "ProcessFunction",
    "ReduceFunction",
    "RichFilterFunction",
    "RichFlatMapFunction",
    "RichFunction",
    "RichMapFunction",
    "RichParallelSourceFunction",
    "RichReduceFunction",
    "RichSinkFunction",
    "RichSourceFunction",
    "RuntimeContext",
    "SinkContext",
    "SinkFunction",
    "SourceContext",
    "SourceFunction",
]
