"""Counts what an operator keeps in its state backends, for operator harnesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from millstream.taskmanager.operators.operator import Operator
from millstream.taskmanager.state.heap_keyed_state_backend import HeapSnapshot
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend
from millstream.taskmanager.state.state_pickle import load_state

__all__ = ["HarnessContents", "contents_of"]

_OPERATORS = "millstream.taskmanager.operators"
_DEEPEST = 3


@dataclass(slots=True)
class HarnessContents:
    """How much there is.

    :ivar state_entries: values of state, over all states, keys and windows.
    """

    state_entries: int = 0
    event_time_timers: int = 0
    processing_time_timers: int = 0


def contents_of(operator: Operator) -> HarnessContents:
    """Count what the operator holds now."""
    contents = HarnessContents()
    for backend in _backends(operator):
        # Backends differ in how they keep things; what a snapshot looks like is agreed on.
        snapshot = load_state(backend.snapshot())
        assert isinstance(snapshot, HeapSnapshot)
        for table in snapshot.tables.values():
            contents.state_entries += sum(map(len, table.namespaces.values()))
        for name, timers in snapshot.timers.items():
            if "processing" in name:
                contents.processing_time_timers += len(timers)
            else:
                contents.event_time_timers += len(timers)
    return contents


def _backends(operator: Operator) -> Iterator[KeyedStateBackend]:
    """The backends of an operator: its own, or those of the objects that it is made of."""
    seen: set[int] = set()
    level: list[object] = [operator]
    for _ in range(_DEEPEST):
        parts = [part for whole in level for part in _parts(whole)]
        level = []
        for part in parts:
            if id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, KeyedStateBackend):
                yield part
            elif type(part).__module__.startswith(_OPERATORS):
                level.append(part)


def _parts(whole: object) -> Iterator[object]:
    yield from getattr(whole, "__dict__", {}).values()
    for kind in type(whole).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if not slot.startswith("__") and hasattr(whole, slot):
                yield getattr(whole, slot)
