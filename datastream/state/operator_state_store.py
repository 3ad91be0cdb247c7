"""Gives the state of a subtask that belongs to no key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.datastream.state.broadcast_state import BroadcastState
from millstream.datastream.state.list_state import ListState
from millstream.datastream.state.state_descriptor import ListStateDescriptor, MapStateDescriptor

__all__ = ["OperatorStateStore"]


class OperatorStateStore(ABC):
    """The operator state of one function. Names are unique in the function."""

    @abstractmethod
    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """A map that is the same in every subtask."""

    @abstractmethod
    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """A list whose elements are divided evenly among the subtasks when their number changes."""

    @abstractmethod
    def get_union_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """A list of which each subtask gets the elements of all when the job is restored."""
