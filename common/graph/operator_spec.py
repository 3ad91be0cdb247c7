"""Operator specs: what the payload of an operator in a JobGraph unpickles to.

The client pickles one spec per operator; a slot worker unpickles it and builds the operator that runs it
(``millstream.taskmanager.operators``). Specs hold the user's functions as given (a callable or an instance of a
function class of ``millstream.datastream.functions``) and nothing of the engine, so that they stay small and stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = [
    "AggregateSpec",
    "AsyncSpec",
    "BroadcastProcessSpec",
    "CoFlatMapSpec",
    "CoMapSpec",
    "CoProcessSpec",
    "CollectSinkSpec",
    "EnumeratorSpec",
    "FilterSpec",
    "FlatMapSpec",
    "IntervalJoinSpec",
    "LegacySourceSpec",
    "MapSpec",
    "OperatorSpec",
    "PartitionerSpec",
    "PrintSinkSpec",
    "ProcessSpec",
    "ReduceSpec",
    "SinkFunctionSpec",
    "SinkSpec",
    "SourceSpec",
    "TimestampsSpec",
    "WindowSpec",
]


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A :class:`~millstream.datastream.source.Source` whose reader runs on the slot's event loop.

    :ivar watermark_strategy: ``None``: the reader's own timestamps, and no watermarks but the one at the end.
    :ivar batch: the job is a batch job: timestamps only, no watermark but the one at the end.
    :ivar output_type: a ``TypeInformation`` that records are converted to; ``None``: they stay as they are.
    """

    source: Any
    watermark_strategy: Any = None
    batch: bool = False
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class EnumeratorSpec:
    """The enumerator of a source that has one: its records are splits, for the subtasks of the :class:`SourceSpec`."""

    source: Any


@dataclass(frozen=True, slots=True)
class LegacySourceSpec:
    """A ``SourceFunction`` whose blocking ``run`` has a thread of its own.

    :ivar output_type: as that of a :class:`SourceSpec`.
    """

    function: Any
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class MapSpec:
    """One output per record. With ``key_selector`` it runs keyed (each call sees its record's key).

    :ivar output_type: a ``TypeInformation`` that results are converted to; ``None``: they stay as they are.
    """

    function: Any
    key_selector: Any = None
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """Keeps the records for which the function is true."""

    function: Any
    key_selector: Any = None


@dataclass(frozen=True, slots=True)
class FlatMapSpec:
    """Any number of outputs per record: the function returns or yields an iterable (or None).

    :ivar output_type: as that of a map.
    """

    function: Any
    key_selector: Any = None
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class ReduceSpec:
    """Rolling reduce per key, emitting each step. Output type = input type.

    :ivar emit_final_only: emit one result per key instead, when the input has ended.
    :ivar output_type: as that of a map.
    """

    function: Any
    key_selector: Any
    emit_final_only: bool = False
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class AggregateSpec:
    """Rolling ``sum | min | max | min_by | max_by`` of a field (index or name) per key, emitting each step.

    :ivar emit_final_only: emit one result per key instead, when the input has ended.
    :ivar output_type: as that of a map.
    """

    kind: str
    field: int | str
    key_selector: Any
    emit_final_only: bool = False
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class SinkFunctionSpec:
    """A ``SinkFunction`` (``invoke(value, context)``) or a callable of one argument."""

    function: Any


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """A unified :class:`~millstream.datastream.sink.Sink`.

    :ivar bounded: all sources of the job end by themselves: what writers hand over is committed then, not before.
    """

    sink: Any
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class PrintSinkSpec:
    """``print()``: one line per record on the worker's standard output (or error), prefixed as Flink does."""

    identifier: str = ""
    to_stderr: bool = False


@dataclass(frozen=True, slots=True)
class CollectSinkSpec:
    """Keeps results until the client has fetched them with operator requests (``execute_and_collect``).

    Request payload: 8 bytes big-endian, the number of results that the client has received so far (acknowledges
    them), and in UTF-8 the attempt that they are from. Response payload: pickle of ``(attempt, offset of the first
    result, list of results, finished: bool, covered)``. The client may give out results before the number ``covered``:
    if the job takes checkpoints, a complete one has them. If the request was for another attempt than the sink's, or
    none, nothing is acknowledged and there are no results; results from ``covered`` on are made again then, and a
    client that has none begins at the offset.
    """

    max_buffered_records: int = 10_000


@dataclass(frozen=True, slots=True)
class PartitionerSpec:
    """Payload of a HASH or CUSTOM partitioner.

    HASH needs ``key_selector``. CUSTOM calls ``partitioner(key, number of partitions)`` (a callable or a
    ``Partitioner``) with ``key_selector`` of the record.
    """

    key_selector: Any
    partitioner: Any = None


@dataclass(frozen=True, slots=True)
class TimestampsSpec:
    """``assign_timestamps_and_watermarks``: gives records their timestamps, and makes the watermarks.

    Watermarks that come from before are dropped, the one at the end of the input excepted.

    :ivar watermark_strategy: a :class:`~millstream.common.watermark_strategy.WatermarkStrategy`.
    :ivar batch: the job is a batch job: timestamps only, no watermark but the one at the end.
    """

    watermark_strategy: Any
    batch: bool = False


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A ``ProcessFunction``; with ``key_selector`` a ``KeyedProcessFunction``.

    :ivar output_type: as that of a map.
    :ivar batch: the job is a batch job: keys are processed one after the other when the input has ended, each one's
        records by timestamp, and its timers fire after its last record.
    """

    function: Any
    key_selector: Any = None
    output_type: Any = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class CoMapSpec:
    """A ``CoMapFunction`` on two connected streams; with key selectors it sees the state of each record's key."""

    function: Any
    key_selector1: Any = None
    key_selector2: Any = None
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class CoFlatMapSpec:
    """A ``CoFlatMapFunction`` on two connected streams."""

    function: Any
    key_selector1: Any = None
    key_selector2: Any = None
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class CoProcessSpec:
    """A ``CoProcessFunction``, or with key selectors a ``KeyedCoProcessFunction``, on two connected streams.

    :ivar batch: as that of :class:`ProcessSpec`; of equal timestamps the first input's records come first.
    """

    function: Any
    key_selector1: Any = None
    key_selector2: Any = None
    output_type: Any = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class BroadcastProcessSpec:
    """A ``BroadcastProcessFunction``, or with a key selector a ``KeyedBroadcastProcessFunction``.

    The second input is the broadcast one.

    :ivar state_descriptors: the ``MapStateDescriptor`` s of the broadcast state.
    :ivar batch: the job is a batch job: the broadcast input is processed first, then the other one.
    """

    function: Any
    state_descriptors: tuple[Any, ...]
    key_selector: Any = None
    output_type: Any = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """A window operator.

    :ivar assigner: a ``WindowAssigner``.
    :ivar kind: what is kept per key and window: ``reduce`` or ``aggregate`` (``function``'s result so far) or
        ``list`` (all elements).
    :ivar key_selector: ``None``: windows over all elements (parallelism 1).
    :ivar function: the ``ReduceFunction`` or ``AggregateFunction``; ``None`` for ``list``.
    :ivar window_function: takes what was kept when the window fires: a (process, all) window function or a callable
        with its arguments; ``None``: the incremental result itself goes out.
    :ivar trigger: ``None``: the assigner's default.
    :ivar evictor: ``None``: nothing is evicted; else ``kind`` is ``list``.
    :ivar incremental: with an evictor: the ``ReduceFunction`` or ``AggregateFunction`` that is applied to the elements
        that are left, before ``window_function``.
    :ivar allowed_lateness_ms: how long after its end a window is kept for late elements.
    :ivar late_output_tag: id of the side output for elements that come too late; empty: they are counted and dropped.
    :ivar output_type: as that of a map.
    :ivar batch: the job is a batch job: no element is late, and each window fires once, when the input has ended.
    """

    assigner: Any
    kind: str
    key_selector: Any = None
    function: Any = None
    window_function: Any = None
    trigger: Any = None
    evictor: Any = None
    incremental: Any = None
    allowed_lateness_ms: int = 0
    late_output_tag: str = ""
    output_type: Any = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class IntervalJoinSpec:
    """Joins two keyed streams: a right record belongs to a left one if its timestamp is in
    ``[left + lower_bound_ms, left + upper_bound_ms]`` (both included; exclusive bounds are moved by 1 before).

    :ivar late_left_tag: id of the side output for left records behind the watermark; empty: they are dropped, counted.
    """

    function: Any
    key_selector1: Any
    key_selector2: Any
    lower_bound_ms: int
    upper_bound_ms: int
    late_left_tag: str = ""
    late_right_tag: str = ""
    output_type: Any = None


@dataclass(frozen=True, slots=True)
class AsyncSpec:
    """An ``AsyncFunction`` whose calls wait together.

    :ivar ordered: results keep the order of the input; else they only never cross a watermark.
    :ivar timeout_ms: of one record, all its retries included; 0: none.
    :ivar capacity: at most so many records are under way.
    :ivar retry_strategy: an ``AsyncRetryStrategy``; ``None``: no retries.
    """

    function: Any
    ordered: bool
    timeout_ms: int
    capacity: int = 100
    retry_strategy: Any = None
    output_type: Any = None


OperatorSpec: TypeAlias = (
    SourceSpec
    | EnumeratorSpec
    | LegacySourceSpec
    | MapSpec
    | FilterSpec
    | FlatMapSpec
    | ReduceSpec
    | AggregateSpec
    | SinkFunctionSpec
    | SinkSpec
    | PrintSinkSpec
    | CollectSinkSpec
    | TimestampsSpec
    | ProcessSpec
    | CoMapSpec
    | CoFlatMapSpec
    | CoProcessSpec
    | BroadcastProcessSpec
    | WindowSpec
    | IntervalJoinSpec
    | AsyncSpec
)
