"""Chooses the operator that runs a window operator's spec."""

from __future__ import annotations

from dataclasses import replace

from millstream.common.graph.operator_spec import AggregateSpec, WindowSpec
from millstream.taskmanager.operators.aggregate import RollingAggregate
from millstream.taskmanager.operators.operator import Operator, OperatorContext
from millstream.taskmanager.operators.window.aligned import AlignedWindowOperator, aligned_applies
from millstream.taskmanager.operators.window.count import CountWindowOperator, counts_apply
from millstream.taskmanager.operators.window.session import SessionWindowOperator, sessions_apply
from millstream.taskmanager.operators.window.window_operator import WindowOperator

__all__ = ["create_window_operator"]


def create_window_operator(spec: WindowSpec, context: OperatorContext) -> Operator:
    """Return the operator of windows: a fast one for common windows, else the general one.

    ``sum`` and its like come as the spec of an aggregation, which is made a function here.
    """
    if isinstance(spec.function, AggregateSpec):
        spec = replace(spec, function=RollingAggregate(spec.function.kind, spec.function.field))
    if isinstance(spec.incremental, AggregateSpec):
        spec = replace(spec, incremental=RollingAggregate(spec.incremental.kind, spec.incremental.field))
    if aligned_applies(spec, context):
        return AlignedWindowOperator(spec, context)
    if sessions_apply(spec):
        return SessionWindowOperator(spec, context)
    if counts_apply(spec):
        return CountWindowOperator(spec, context)
    return WindowOperator(spec, context)
