"""Rolling ``sum``, ``min``, ``max``, ``min_by`` and ``max_by`` of one field, as combining functions for a reduce.

As in Flink: ``sum``, ``min`` and ``max`` keep the other fields of a key's first record and change the one field;
``min_by`` and ``max_by`` keep the whole record that has the extreme value, the first one if several have it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import AggregateSpec, ReduceSpec
from millstream.taskmanager.operators.field_access import FieldAccess, field_access
from millstream.taskmanager.operators.operator import OperatorContext
from millstream.taskmanager.operators.reduce import ReduceOperator

__all__ = ["RollingAggregate", "create_aggregate_operator"]

Combine = Callable[[Any, Any], Any]


def _sum(access: FieldAccess) -> Combine:
    get, replace = access.get, access.replace
    return lambda old, new: replace(old, get(old) + get(new))


def _extreme(access: FieldAccess, better: Callable[[Any, Any], Any]) -> Combine:
    get, replace = access.get, access.replace

    def combine(old: Any, new: Any) -> Any:
        value = get(new)
        return replace(old, value) if better(value, get(old)) else old

    return combine


def _extreme_by(access: FieldAccess, better: Callable[[Any, Any], Any]) -> Combine:
    get = access.get
    return lambda old, new: new if better(get(new), get(old)) else old


_KINDS: dict[str, Callable[[FieldAccess], Combine]] = {
    "sum": _sum,
    "min": lambda access: _extreme(access, operator.lt),
    "max": lambda access: _extreme(access, operator.gt),
    "min_by": lambda access: _extreme_by(access, operator.lt),
    "max_by": lambda access: _extreme_by(access, operator.gt),
}


class RollingAggregate:
    """Combines two records of one type; the way to their field is found once per type."""

    __slots__ = ("_by_type", "_field", "_make", "kind")

    def __init__(self, kind: str, field: int | str) -> None:
        if kind not in _KINDS:
            raise MillstreamError(f"unknown aggregation {kind!r}; there are {', '.join(_KINDS)}")
        self.kind = kind
        self._make = _KINDS[kind]
        self._field = field
        self._by_type: dict[type, Combine] = {}

    def reduce(self, old: Any, new: Any) -> Any:
        """Return the key's new aggregate."""
        combine = self._by_type.get(type(old))
        if combine is None:
            access = field_access(old, self._field, self.kind)
            combine = self._by_type[type(old)] = self._make(access)
        return combine(old, new)


def create_aggregate_operator(spec: AggregateSpec, context: OperatorContext) -> ReduceOperator:
    """Return the operator of an aggregation."""
    combine = RollingAggregate(spec.kind, spec.field)
    return ReduceOperator(
        ReduceSpec(combine, spec.key_selector, spec.emit_final_only, spec.output_type), context, spec.kind
    )
