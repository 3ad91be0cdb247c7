"""Counts what an operator keeps in its keyed state, for operator harnesses."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.taskmanager.state.canonical_format import TIMERS
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.snapshot import SnapshotOptions

__all__ = ["HarnessContents", "contents_of"]

_NO_LIMIT = 1 << 62


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
    # Backends differ in how they keep things; what a snapshot looks like is agreed on.
    handle = states.keyed().start_snapshot(SnapshotOptions()).write(MemorySnapshotStreams(_NO_LIMIT))
    if handle is None:
        return contents
    with SnapshotReader().open(handle.file) as file:
        reader = CanonicalReader(file, "the snapshot")
        for _, block in reader.blocks(reader.key_groups):
            if reader.states[block.state].kind != TIMERS:
                contents.state_entries += len(block.keys)
            elif "processing" in block.state:
                contents.processing_time_timers += len(block.keys)
            else:
                contents.event_time_timers += len(block.keys)
    return contents
