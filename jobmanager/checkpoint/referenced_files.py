"""The files that snapshots refer to: those of one checkpoint alone, and those that several may share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from millstream.common.checkpoint.layout import checkpoint_id_of
from millstream.common.checkpoint.state_paths import absolute_path, stored_bytes_of
from millstream.common.wire.checkpoint_pb2 import (
    ChannelStateHandle,
    CheckpointMetadata,
    OperatorSubtaskState,
    StateBytes,
    TaskSnapshot,
)

__all__ = ["ReferencedFiles", "files_of_metadata", "files_of_snapshot", "ids_in", "is_inside", "resolved_snapshot"]


class ReferencedFiles(NamedTuple):
    """Absolute paths."""

    own: set[str]
    shared: set[str]


def files_of_snapshot(snapshot: TaskSnapshot) -> ReferencedFiles:
    """The files of one task's part of a checkpoint."""
    return _files(list(snapshot.operators.values()), snapshot.channels)


def files_of_metadata(metadata: CheckpointMetadata) -> ReferencedFiles:
    """The files of a completed checkpoint."""
    return _files([state for one in metadata.operators for state in one.subtasks.values()], metadata.channels)


def _files(states: Iterable[OperatorSubtaskState], channels: Iterable[ChannelStateHandle]) -> ReferencedFiles:
    states = list(states)
    shared = {file.bytes.path for state in states for keyed in state.keyed for file in keyed.files if file.shared}
    stored = {bytes_.path for state in states for bytes_ in stored_bytes_of(state)}
    stored.update(channel.bytes.path for channel in channels)
    return ReferencedFiles(stored - shared - {""}, shared - {""})


def resolved_snapshot(snapshot: TaskSnapshot, directory: str) -> TaskSnapshot:
    """Return the snapshot with absolute paths.

    :raises BrokenSnapshotError: one leads out of where snapshots put files.
    """
    result = TaskSnapshot()
    result.CopyFrom(snapshot)
    for stored in _stored(result):
        if stored.path:
            stored.path = absolute_path(stored.path, directory)
    return result


def _stored(snapshot: TaskSnapshot) -> Iterator[StateBytes]:
    for state in snapshot.operators.values():
        yield from stored_bytes_of(state)
    for channel in snapshot.channels:
        yield channel.bytes


def ids_in(metadata: CheckpointMetadata, directory: str) -> set[int]:
    """The ids of all checkpoints in whose directories a completed checkpoint may have files, with its own. It has none
    in that of any other, however paths are written.

    :param metadata: of the checkpoint, with absolute paths.
    :param directory: of the checkpoint.
    """
    files = files_of_metadata(metadata)
    names = {name for path in (directory, *files.own, *files.shared) for name in path.split("/")}
    return {checkpoint_id for name in names if (checkpoint_id := checkpoint_id_of(name)) is not None}


def is_inside(path: str, directory: str) -> bool:
    """Whether a file is somewhere under a directory."""
    return bool(directory) and path.startswith(directory.rstrip("/") + "/")
