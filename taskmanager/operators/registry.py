"""From the specs of a JobGraph to the operators that run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import (
    AggregateSpec,
    AsyncSpec,
    BroadcastProcessSpec,
    CoFlatMapSpec,
    CollectSinkSpec,
    CoMapSpec,
    CoProcessSpec,
    FilterSpec,
    FlatMapSpec,
    IntervalJoinSpec,
    MapSpec,
    PrintSinkSpec,
    ProcessSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SinkSpec,
    TimestampsSpec,
    WindowSpec,
)
from millstream.datastream.functions import GenericWriteAheadSink, TwoPhaseCommitSinkFunction
from millstream.taskmanager.operators.aggregate import create_aggregate_operator
from millstream.taskmanager.operators.async_wait import AsyncWaitOperator
from millstream.taskmanager.operators.collect_sink import CollectSinkOperator
from millstream.taskmanager.operators.fused import FusedOperator, sees_keys
from millstream.taskmanager.operators.keyed import KeyedOperator
from millstream.taskmanager.operators.keyed_process import KeyedProcessOperator
from millstream.taskmanager.operators.operator import Operator, OperatorContext
from millstream.taskmanager.operators.print_sink import PrintSinkOperator
from millstream.taskmanager.operators.process import ProcessOperator
from millstream.taskmanager.operators.reduce import ReduceOperator
from millstream.taskmanager.operators.sink_function import SinkFunctionOperator
from millstream.taskmanager.operators.sink_writer import SinkWriterOperator
from millstream.taskmanager.operators.timestamps import TimestampsOperator
from millstream.taskmanager.operators.two_input.co_map import CoMapOperator
from millstream.taskmanager.operators.two_input.create import (
    create_broadcast_process_operator,
    create_co_process_operator,
)
from millstream.taskmanager.operators.two_input.interval_join import IntervalJoinOperator
from millstream.taskmanager.operators.two_phase_commit_sink import TwoPhaseCommitSinkOperator
from millstream.taskmanager.operators.window.create import create_window_operator
from millstream.taskmanager.operators.write_ahead_sink import WriteAheadSinkOperator

__all__ = ["create_fused_operator", "create_operator"]


def _stateless(spec: Any, context: OperatorContext) -> Operator:
    return KeyedOperator(spec, context) if sees_keys(spec) else FusedOperator([(spec, context)])


def _process(spec: Any, context: OperatorContext) -> Operator:
    return ProcessOperator(spec, context) if spec.key_selector is None else KeyedProcessOperator(spec, context)


def _sink_function(spec: Any, context: OperatorContext) -> Operator:
    if isinstance(spec.function, TwoPhaseCommitSinkFunction):
        return TwoPhaseCommitSinkOperator(spec, context)
    if isinstance(spec.function, GenericWriteAheadSink):
        return WriteAheadSinkOperator(spec, context)
    return SinkFunctionOperator(spec, context)


_FACTORIES: dict[type, Callable[[Any, OperatorContext], Operator]] = {
    MapSpec: _stateless,
    FilterSpec: _stateless,
    FlatMapSpec: _stateless,
    ProcessSpec: _process,
    ReduceSpec: ReduceOperator,
    AggregateSpec: create_aggregate_operator,
    AsyncSpec: AsyncWaitOperator,
    SinkFunctionSpec: _sink_function,
    SinkSpec: SinkWriterOperator,
    PrintSinkSpec: PrintSinkOperator,
    CollectSinkSpec: CollectSinkOperator,
    TimestampsSpec: TimestampsOperator,
    CoFlatMapSpec: CoMapOperator,
    CoMapSpec: CoMapOperator,
    CoProcessSpec: create_co_process_operator,
    BroadcastProcessSpec: create_broadcast_process_operator,
    IntervalJoinSpec: IntervalJoinOperator,
    WindowSpec: create_window_operator,
}


def create_operator(spec: Any, context: OperatorContext) -> Operator:
    """Build the operator of a spec (sources are not operators: the task drives them).

    :raises MillstreamError: no operator runs such a spec.
    """
    factory = _FACTORIES.get(type(spec))
    if factory is None:
        raise MillstreamError(
            f"operator {context.info.name!r}: no operator runs a {type(spec).__qualname__}; "
            "was the job made by another version of Millstream?"
        )
    return factory(spec, context)


def create_fused_operator(parts: Sequence[tuple[Any, OperatorContext]]) -> Operator:
    """Build one operator of contiguous stateless ones, first to last."""
    return FusedOperator(parts)
