"""The paths in a snapshot's metadata: written so that the directory can be moved, read so that all can open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from millstream.common.checkpoint.errors import BrokenSnapshotError
from millstream.common.checkpoint.layout import SHARED, TASK_OWNED
from millstream.common.file_system import FileSystemError, join, name_of, parent
from millstream.common.file_system.uri import scheme_of
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, OperatorSubtaskState, StateBytes

__all__ = [
    "absolute_path",
    "relative_path",
    "stored_bytes",
    "stored_bytes_of",
    "with_absolute_paths",
    "with_relative_paths",
]

_BESIDE = (SHARED, TASK_OWNED)


def relative_path(path: str, directory: str) -> str:
    """A path as the metadata in a directory has it: relative if it is in the snapshot or beside it.

    The file of another job's snapshot, which this one goes on from, keeps its whole path.
    """
    above = parent(path)
    if above == directory:
        return name_of(path)
    for name in _BESIDE:
        if above == join(parent(directory), name):
            return f"../{name}/{name_of(path)}"
    return path


def absolute_path(stored: str, directory: str) -> str:
    """The path that the metadata in a directory means.

    :raises BrokenSnapshotError: a relative one leads to a place where no files of a snapshot are.
    """
    if stored.startswith("/") or scheme_of(stored):
        return stored
    steps = stored.split("/")
    try:
        if len(steps) == 1:
            return join(directory, steps[0])
        if len(steps) == 3 and steps[0] == ".." and steps[1] in _BESIDE:
            return join(parent(directory), *steps[1:])
    except FileSystemError:
        pass  # as said below
    raise BrokenSnapshotError(f"the metadata in {directory} refers to {stored!r}, where no file of a snapshot can be")


def stored_bytes_of(state: OperatorSubtaskState) -> Iterator[StateBytes]:
    """All that one subtask of one operator has stored."""
    for keyed in state.keyed:
        if keyed.HasField("file"):
            yield keyed.file
        for file in keyed.files:
            yield file.bytes
    for handle in state.operator:
        yield handle.bytes


def stored_bytes(metadata: CheckpointMetadata) -> Iterator[StateBytes]:
    """All that a snapshot refers to."""
    for operator in metadata.operators:
        for state in operator.subtasks.values():
            yield from stored_bytes_of(state)
    for channel in metadata.channels:
        yield channel.bytes


def with_relative_paths(metadata: CheckpointMetadata, directory: str) -> CheckpointMetadata:
    """A copy to be written into a directory."""
    return _with_paths(metadata, lambda path: relative_path(path, directory))


def with_absolute_paths(metadata: CheckpointMetadata, directory: str) -> CheckpointMetadata:
    """A copy of what was read from a directory.

    :raises BrokenSnapshotError: a path leads to a place where no files of a snapshot are.
    """
    return _with_paths(metadata, lambda path: absolute_path(path, directory))


def _with_paths(metadata: CheckpointMetadata, change: Callable[[str], str]) -> CheckpointMetadata:
    changed = CheckpointMetadata()
    changed.CopyFrom(metadata)
    for stored in stored_bytes(changed):
        if stored.path:
            stored.path = change(stored.path)
    return changed
