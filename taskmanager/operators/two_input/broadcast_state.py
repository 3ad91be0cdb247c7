"""The broadcast state of one operator: a map per descriptor, which the broadcast records write and all others read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from millstream.common.errors import MillstreamError
from millstream.datastream.state import BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState
from millstream.taskmanager.state.operator_states import OperatorStates

__all__ = ["BroadcastStates", "ReadOnlyView"]


class ReadOnlyView(ReadOnlyBroadcastState[Any, Any]):
    """A broadcast state for those who must not change it."""

    __slots__ = ("_name", "_state")

    def __init__(self, state: BroadcastState[Any, Any], name: str) -> None:
        self._state = state
        self._name = name

    def get(self, key: Any) -> Any:
        return self._state.get(key)

    def contains(self, key: Any) -> bool:
        return self._state.contains(key)

    def items(self) -> Iterable[tuple[Any, Any]]:
        return self._state.items()

    def keys(self) -> Iterable[Any]:
        return self._state.keys()

    def values(self) -> Iterable[Any]:
        return self._state.values()

    def is_empty(self) -> bool:
        return self._state.is_empty()

    def clear(self) -> None:
        self._refuse()

    def put(self, key: Any, value: Any) -> None:
        """Refused, as are the other methods that write."""
        self._refuse()

    def put_all(self, dict_value: dict[Any, Any]) -> None:
        self._refuse()

    def remove(self, key: Any) -> None:
        self._refuse()

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse()

    def __delitem__(self, key: Any) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise MillstreamError(
            f"broadcast state {self._name!r} can only be read here: each subtask sees other records of this stream, so "
            "that their states would come to differ; change it in process_broadcast_element()"
        )


class BroadcastStates:
    """All broadcast states of one operator. They are in its state without keys."""

    def __init__(self, descriptors: Iterable[MapStateDescriptor], states: OperatorStates) -> None:
        self._descriptors = {each.get_name(): each for each in descriptors}
        self._operator_states = states
        self._states: dict[str, BroadcastState[Any, Any]] = {}
        self._views: dict[str, ReadOnlyView] = {}

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Return the state of a descriptor, to read and to write.

        :raises MillstreamError: the stream was not broadcast with it.
        """
        name = _name_of(state_descriptor)
        state = self._states.get(name)
        if state is None:
            descriptor = self._descriptors.get(name)
            if descriptor is None:
                raise MillstreamError(
                    f"there is no broadcast state {name!r}: the stream was broadcast with "
                    f"{', '.join(map(repr, self._descriptors)) or 'none'}; give this descriptor to broadcast() as well"
                )
            state = self._states[name] = self._operator_states.operator().get_broadcast_state(descriptor)
        return state

    def get_read_only(self, state_descriptor: MapStateDescriptor) -> ReadOnlyBroadcastState[Any, Any]:
        """Return the same, to be read.

        :raises MillstreamError: the stream was not broadcast with it.
        """
        name = _name_of(state_descriptor)
        view = self._views.get(name)
        if view is None:
            view = self._views[name] = ReadOnlyView(self.get_broadcast_state(state_descriptor), name)
        return view


def _name_of(descriptor: Any) -> str:
    if not isinstance(descriptor, MapStateDescriptor):
        raise MillstreamError(f"get_broadcast_state() takes a MapStateDescriptor, not {descriptor!r}")
    return descriptor.get_name()
