"""A keyed state that is to be written: entries by key group."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import key_group
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.state import StateDescriptor
from millstream.state_processor.arrow_rows import as_rows
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, StateMeta, timers_meta
from millstream.taskmanager.state.heap_state_kind import kind_of
from millstream.taskmanager.state.type_form import form_of

__all__ = ["NewKeyedState"]

_CONTAINERS = {"list": list, "map": dict}


class NewKeyedState:
    """All of it is in memory.

    :ivar meta: what the file will say of it.
    """

    def __init__(self, meta: StateMeta, max_parallelism: int) -> None:
        self.meta = meta
        self._max_parallelism = max_parallelism
        self._groups: dict[int, dict[Hashable, dict[Any, Any]]] = {}

    @staticmethod
    def of_descriptor(
        descriptor: StateDescriptor, entries: Iterable[Any], max_parallelism: int, key_type: TypeInformation | None
    ) -> NewKeyedState:
        """Take entries, as of :func:`~millstream.state_processor.arrow_rows.as_rows`, of a state.

        :raises MillstreamError: an entry does not fit, or a key comes twice.
        """
        rows = list(as_rows(entries, key_type, descriptor.type_info))
        name, kind = descriptor.get_name(), kind_of(descriptor)
        expires = descriptor.get_ttl_config() is not None
        namespaced = any(row.namespace is not None for row in rows)
        form = form_of(descriptor.type_info)
        meta = StateMeta(name, kind, expires, namespaced, key_type=form_of(key_type), value_type=form)
        state = NewKeyedState(meta, max_parallelism)
        now = time.time_ns() // 1_000_000
        for row in rows:
            value = _contained(name, kind, row.key, row.value)
            if value is not None:
                stored = _stamped(kind, value, now if row.written_ms is None else row.written_ms) if expires else value
                state._put(row.key, row.namespace, stored)
        return state

    @staticmethod
    def of_timers(name: str, timers: Iterable[tuple[Any, int]], max_parallelism: int) -> NewKeyedState:
        """Take timers, each a key and a time in ms."""
        state = NewKeyedState(timers_meta(name, namespaced=False), max_parallelism)
        for key, time_ms in timers:
            # The same key may have several: they lie side by side, as namespaces do.
            state._groups.setdefault(key_group(key, max_parallelism), {}).setdefault(time_ms, {})[key] = time_ms
        return state

    def blocks(self, group: int) -> Iterator[EntryBlock]:
        """What a key group holds."""
        for namespace, values in self._groups.get(group, {}).items():
            shown = None if self.meta.kind == TIMERS else namespace
            yield EntryBlock(self.meta.name, shown, list(values), list(values.values()))

    def _put(self, key: Any, namespace: Hashable, stored: Any) -> None:
        values = self._groups.setdefault(key_group(key, self._max_parallelism), {}).setdefault(namespace, {})
        if key in values:
            raise MillstreamError(f"state {self.meta.name!r}: the key {key!r} comes twice; each key has one entry")
        values[key] = stored


def _contained(name: str, kind: str, key: Any, value: Any) -> Any:
    """A value as the state stores it; ``None``: nothing."""
    container = _CONTAINERS.get(kind)
    if container is None or value is None:
        return value
    try:
        return container(value) or None
    except (TypeError, ValueError) as error:
        raise MillstreamError(
            f"state {name!r} is {kind} state: its value for the key {key!r} is a {container.__name__}, not "
            f"{value!r:.200}"
        ) from error


def _stamped(kind: str, value: Any, stamps: Any) -> Any:
    if kind == "list":
        each = stamps if isinstance(stamps, list) else [stamps] * len(value)
        return list(zip(value, each, strict=True))
    if kind == "map":
        by_key = stamps if isinstance(stamps, dict) else dict.fromkeys(value, stamps)
        return {key: (item, by_key[key]) for key, item in value.items()}
    return value, stamps
