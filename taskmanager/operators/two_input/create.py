"""Which operator runs a process function of two inputs: that depends on whether there are keys."""

from __future__ import annotations

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import BroadcastProcessSpec, CoProcessSpec
from millstream.taskmanager.operators.operator import Operator, OperatorContext
from millstream.taskmanager.operators.two_input.broadcast_process import BroadcastProcessOperator
from millstream.taskmanager.operators.two_input.co_process import CoProcessOperator
from millstream.taskmanager.operators.two_input.keyed_broadcast_process import KeyedBroadcastProcessOperator
from millstream.taskmanager.operators.two_input.keyed_co_process import KeyedCoProcessOperator

__all__ = ["create_broadcast_process_operator", "create_co_process_operator"]


def create_co_process_operator(spec: CoProcessSpec, context: OperatorContext) -> Operator:
    """Build the operator of a spec.

    :raises MillstreamError: only one input has a key selector.
    """
    if (spec.key_selector1 is None) != (spec.key_selector2 is None):
        raise MillstreamError(f"operator {context.info.name!r}: one of its inputs is keyed, and the other one is not")
    return CoProcessOperator(spec, context) if spec.key_selector1 is None else KeyedCoProcessOperator(spec, context)


def create_broadcast_process_operator(spec: BroadcastProcessSpec, context: OperatorContext) -> Operator:
    """Build the operator of a spec."""
    if spec.key_selector is None:
        return BroadcastProcessOperator(spec, context)
    return KeyedBroadcastProcessOperator(spec, context)
