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
    "CollectSinkSpec",
    "FilterSpec",
    "FlatMapSpec",
    "LegacySourceSpec",
    "MapSpec",
    "OperatorSpec",
    "PartitionerSpec",
    "PrintSinkSpec",
    "ReduceSpec",
    "SinkFunctionSpec",
    "SinkSpec",
    "SourceSpec",
]


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A :class:`~millstream.datastream.source.Source` whose reader runs on the slot's event loop."""

    source: Any
    watermark_strategy: Any = None


@dataclass(frozen=True, slots=True)
class LegacySourceSpec:
    """A ``SourceFunction`` whose blocking ``run`` has a thread of its own."""

    function: Any


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
    """

    function: Any
    key_selector: Any
    emit_final_only: bool = False


@dataclass(frozen=True, slots=True)
class AggregateSpec:
    """Rolling ``sum | min | max | min_by | max_by`` of a field (index or name) per key, emitting each step.

    :ivar emit_final_only: emit one result per key instead, when the input has ended.
    """

    kind: str
    field: int | str
    key_selector: Any
    emit_final_only: bool = False


@dataclass(frozen=True, slots=True)
class SinkFunctionSpec:
    """A ``SinkFunction`` (``invoke(value, context)``) or a callable of one argument."""

    function: Any


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """A unified :class:`~millstream.datastream.sink.Sink`."""

    sink: Any


@dataclass(frozen=True, slots=True)
class PrintSinkSpec:
    """``print()``: one line per record on the worker's standard output (or error), prefixed as Flink does."""

    identifier: str = ""
    to_stderr: bool = False


@dataclass(frozen=True, slots=True)
class CollectSinkSpec:
    """Keeps results until the client has fetched them with operator requests (``execute_and_collect``).

    Request payload: 8 bytes big-endian, the number of results that the client has received so far (acknowledges
    them). Response payload: pickle of ``(offset of the first result, list of results, finished: bool)``.
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


OperatorSpec: TypeAlias = (
    SourceSpec
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
)
