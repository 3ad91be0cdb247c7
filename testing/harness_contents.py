"""Counts what an operator keeps in its keyed state, for operator harnesses."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.taskmanager.state.canonical_format import TIMERS, queue_name
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.snapshot import SnapshotOptions

__all__ = ["HarnessContents", "contents_of"]

_NO_LIMIT: Final = 1 << 40  # bytes


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
    stored = CanonicalReader(BytesIO(handle.file.inline), "what the harness counts")
    for _, block in stored.blocks(stored.key_groups):
        meta = stored.states[block.state]
        if meta.kind != TIMERS:
            contents.state_entries += len(block.keys)
        elif "processing" in queue_name(meta):
            contents.processing_time_timers += len(block.keys)
        else:
            contents.event_time_timers += len(block.keys)
    return contents
