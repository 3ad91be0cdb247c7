"""Counts what an operator keeps in its keyed state, for operator harnesses."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend, HeapSnapshot
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.state_pickle import load_state

__all__ = ["HarnessContents", "contents_of"]


@dataclass(slots=True)
class HarnessContents:
    """How much there is.

    :ivar state_entries: values of state, over all states, keys and windows.
    """

    state_entries: int = 0
    event_time_timers: int = 0
    processing_time_timers: int = 0


def contents_of(states: OperatorStates) -> HarnessContents:
    """Count what an operator holds now."""
    contents = HarnessContents()
    backend = states.keyed()
    assert isinstance(backend, HeapKeyedStateBackend)
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
