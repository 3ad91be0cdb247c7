"""Keyed and broadcast state, as functions see it."""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.datastream.state.aggregating_state import AggregatingState
from millstream.datastream.state.broadcast_state import BroadcastState, ReadOnlyBroadcastState
from millstream.datastream.state.list_state import ListState
from millstream.datastream.state.map_state import MapState
from millstream.datastream.state.operator_state_store import OperatorStateStore
from millstream.datastream.state.reducing_state import ReducingState
from millstream.datastream.state.state import AppendingState, MergingState, State
from millstream.datastream.state.state_descriptor import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)
from millstream.datastream.state.state_ttl_config import StateTtlConfig
from millstream.datastream.state.value_state import ValueState

__all__ = [
    "AggregatingState",
    "AggregatingStateDescriptor",
    "AppendingState",
    "BroadcastState",
    "ListState",
    "ListStateDescriptor",
    "MapState",
    "MapStateDescriptor",
    "MergingState",
    "OperatorStateStore",
    "ReadOnlyBroadcastState",
    "ReducingState",
    "ReducingStateDescriptor",
    "State",
    "StateDescriptor",
    "StateTtlConfig",
    "ValueState",
    "ValueStateDescriptor",
]

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.time": "Duration Time",
        "millstream.common.typeinfo": "TypeInformation Types",
    },
)
