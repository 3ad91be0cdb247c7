"""The kinds of keyed state: how each is made, merged and trimmed on the heap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    State,
    StateDescriptor,
    ValueStateDescriptor,
)
from millstream.taskmanager.state.cell_value_state import CellValueState
from millstream.taskmanager.state.heap_aggregating_state import HeapAggregatingState
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.heap_list_state import HeapListState
from millstream.taskmanager.state.heap_map_state import HeapMapState
from millstream.taskmanager.state.heap_reducing_state import HeapReducingState
from millstream.taskmanager.state.ttl_cell import trim_value, ttl_cell
from millstream.taskmanager.state.ttl_clock import TtlClock
from millstream.taskmanager.state.ttl_list_state import TtlListState, trim_list
from millstream.taskmanager.state.ttl_map_state import TtlMapState, trim_map

__all__ = ["create_state", "kind_of", "stored_merger", "trimmer_of"]

_KINDS: dict[type[StateDescriptor], str] = {
    ValueStateDescriptor: "value",
    ListStateDescriptor: "list",
    MapStateDescriptor: "map",
    ReducingStateDescriptor: "reducing",
    AggregatingStateDescriptor: "aggregating",
}


def kind_of(descriptor: StateDescriptor) -> str:
    """Return ``value``, ``list``, ``map``, ``reducing`` or ``aggregating``.

    :raises MillstreamError: it is no descriptor of keyed state.
    """
    for descriptor_class, kind in _KINDS.items():
        if isinstance(descriptor, descriptor_class):
            return kind
    names = ", ".join(descriptor_class.__name__ for descriptor_class in _KINDS)
    raise MillstreamError(f"keyed state is described by one of {names}, not by {descriptor!r}")


def create_state(descriptor: StateDescriptor, cell: HeapCell, clock: TtlClock | None) -> State:
    """Return a state object over a cell. With a clock what it stores is stamped."""
    if isinstance(descriptor, ListStateDescriptor):
        return HeapListState(cell) if clock is None else TtlListState(cell, clock)
    if isinstance(descriptor, MapStateDescriptor):
        return HeapMapState(cell) if clock is None else TtlMapState(cell, clock)
    current = cell.get
    if clock is not None:
        cell, current = ttl_cell(cell, clock)
    if isinstance(descriptor, ReducingStateDescriptor):
        return HeapReducingState(cell, current, descriptor.get_reduce_function().reduce)
    if isinstance(descriptor, AggregatingStateDescriptor):
        return HeapAggregatingState(cell, current, descriptor.get_agg_function())
    return CellValueState(cell)


def trimmer_of(descriptor: StateDescriptor) -> Callable[[Any, int], Any]:
    """Return what takes the expired parts out of something stored."""
    if isinstance(descriptor, ListStateDescriptor):
        return trim_list
    return trim_map if isinstance(descriptor, MapStateDescriptor) else trim_value


def stored_merger(descriptor: StateDescriptor, clock: TtlClock | None) -> Callable[[Any, Any], Any]:
    """Return what makes one of two stored things, neither of which is used again.

    :raises MillstreamError: states of this kind cannot be merged.
    """
    if isinstance(descriptor, ListStateDescriptor):
        return _extended
    if isinstance(descriptor, ReducingStateDescriptor):
        merge: Callable[[Any, Any], Any] = descriptor.get_reduce_function().reduce
    elif isinstance(descriptor, AggregatingStateDescriptor):
        merge = descriptor.get_agg_function().merge
    else:
        raise MillstreamError(
            f"state {descriptor.get_name()!r} is {kind_of(descriptor)} state, which cannot be merged when windows "
            "merge; use list, reducing or aggregating state"
        )
    if clock is None:
        return merge

    def merge_stamped(first: Any, second: Any) -> Any:
        live = [pair[0] for pair in (first, second) if pair[1] > clock.horizon()]
        if len(live) < 2:
            return first if first[1] >= second[1] else second
        return merge(*live), clock.now()

    return merge_stamped


def _extended(first: list[Any], second: list[Any]) -> list[Any]:
    first.extend(second)
    return first
