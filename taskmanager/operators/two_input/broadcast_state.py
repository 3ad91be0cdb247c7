"""The broadcast state of one operator: a map per descriptor, which the broadcast records write and all others read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from millstream.common.errors import MillstreamError
from millstream.datastream.state import BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState
from millstream.taskmanager.state.state_pickle import dump_state, load_state

__all__ = ["BroadcastStates", "HeapBroadcastState", "ReadOnlyView"]


class HeapBroadcastState(BroadcastState[Any, Any]):
    """A dict. Iterating goes over what is there at that moment, so that it may change meanwhile."""

    __slots__ = ("_map",)

    def __init__(self, map_: dict[Any, Any]) -> None:
        self._map = map_

    def get(self, key: Any) -> Any:
        return self._map.get(key)

    def contains(self, key: Any) -> bool:
        return key in self._map

    def items(self) -> Iterable[tuple[Any, Any]]:
        return list(self._map.items())

    def keys(self) -> Iterable[Any]:
        return list(self._map)

    def values(self) -> Iterable[Any]:
        return list(self._map.values())

    def is_empty(self) -> bool:
        return not self._map

    def put(self, key: Any, value: Any) -> None:
        self._map[key] = value

    def put_all(self, dict_value: dict[Any, Any]) -> None:
        self._map.update(dict_value)

    def remove(self, key: Any) -> None:
        self._map.pop(key, None)

    def clear(self) -> None:
        self._map.clear()


class ReadOnlyView(ReadOnlyBroadcastState[Any, Any]):
    """The same dict, for those who must not change it."""

    __slots__ = ("_map", "_name")

    def __init__(self, map_: dict[Any, Any], name: str) -> None:
        self._map = map_
        self._name = name

    def get(self, key: Any) -> Any:
        return self._map.get(key)

    def contains(self, key: Any) -> bool:
        return key in self._map

    # No copies here: nobody changes it while a record of the other input, or its timer, is processed.

    def items(self) -> Iterable[tuple[Any, Any]]:
        return self._map.items()

    def keys(self) -> Iterable[Any]:
        return self._map.keys()

    def values(self) -> Iterable[Any]:
        return self._map.values()

    def is_empty(self) -> bool:
        return not self._map

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
    """All broadcast states of one operator."""

    def __init__(self, descriptors: Iterable[MapStateDescriptor]) -> None:
        self._maps: dict[str, dict[Any, Any]] = {each.get_name(): {} for each in descriptors}
        self._states = {name: HeapBroadcastState(map_) for name, map_ in self._maps.items()}
        self._views = {name: ReadOnlyView(map_, name) for name, map_ in self._maps.items()}

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Return the state of a descriptor, to read and to write.

        :raises MillstreamError: the stream was not broadcast with it.
        """
        state = self._states.get(_name_of(state_descriptor))
        return self._unknown(state_descriptor) if state is None else state

    def get_read_only(self, state_descriptor: MapStateDescriptor) -> ReadOnlyBroadcastState[Any, Any]:
        """Return the same, to be read.

        :raises MillstreamError: the stream was not broadcast with it.
        """
        view = self._views.get(_name_of(state_descriptor))
        return self._unknown(state_descriptor) if view is None else view

    def _unknown(self, descriptor: MapStateDescriptor) -> NoReturn:
        raise MillstreamError(
            f"there is no broadcast state {_name_of(descriptor)!r}: the stream was broadcast with "
            f"{', '.join(map(repr, self._maps)) or 'none'}; give this descriptor to broadcast() as well"
        )

    def snapshot(self) -> bytes:
        """All states, as bytes."""
        return dump_state(self._maps)

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot. States that there is no descriptor for any more are dropped."""
        for name, stored in load_state(snapshot).items():
            map_ = self._maps.get(name)
            if map_ is not None:
                map_.clear()
                map_.update(stored)


def _name_of(descriptor: Any) -> str:
    if not isinstance(descriptor, MapStateDescriptor):
        raise MillstreamError(f"get_broadcast_state() takes a MapStateDescriptor, not {descriptor!r}")
    return descriptor.get_name()
