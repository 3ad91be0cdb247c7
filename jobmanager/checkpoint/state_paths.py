"""Where the files of a snapshot are, as its messages name them.

In metadata a path is relative to the directory of ``_metadata``, so that a snapshot can be moved as a whole; everywhere
else it is absolute. A snapshot comes from outside: its relative paths must not lead anywhere but where snapshots put
files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from millstream.common.errors import MillstreamError
from millstream.common.wire.checkpoint_pb2 import (
    ChannelStateHandle,
    CheckpointMetadata,
    OperatorSubtaskState,
    StateBytes,
    TaskSnapshot,
)

__all__ = [
    "InvalidStatePathError",
    "StoredState",
    "absolute_path",
    "is_inside",
    "map_paths",
    "relative_path",
    "states_of_metadata",
    "states_of_snapshot",
]

_ABSOLUTE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:")
_BESIDE = ("shared", "taskowned")


class InvalidStatePathError(MillstreamError):
    """A snapshot names a file where no snapshot puts one."""


class StoredState(NamedTuple):
    """Bytes of a snapshot; ``shared``: those of several checkpoints may be the same."""

    stored: StateBytes
    shared: bool


def states_of_snapshot(snapshot: TaskSnapshot) -> Iterator[StoredState]:
    """All bytes that a task's snapshot consists of."""
    yield from _states(snapshot.operators.values(), snapshot.channels)


def states_of_metadata(metadata: CheckpointMetadata) -> Iterator[StoredState]:
    """All bytes that a checkpoint consists of. Those that several handles name come several times."""
    for operator in metadata.operators:
        yield from _states(operator.subtasks.values(), ())
    yield from _states((), metadata.channels)


def _states(subtasks: Iterable[OperatorSubtaskState], channels: Iterable[ChannelStateHandle]) -> Iterator[StoredState]:
    for subtask in subtasks:
        for keyed in subtask.keyed:
            if keyed.HasField("file"):
                yield StoredState(keyed.file, False)
            for file in keyed.files:
                yield StoredState(file.bytes, file.shared)
        for operator in subtask.operator:
            yield StoredState(operator.bytes, False)
    for channel in channels:
        yield StoredState(channel.bytes, False)


def map_paths(states: Iterator[StoredState], change: Callable[[str], str]) -> None:
    """Change the paths of all bytes that lie in files, in place."""
    for stored, _ in states:
        if stored.path:
            stored.path = change(stored.path)


def absolute_path(path: str, directory: str) -> str:
    """Return a path that a snapshot in ``directory`` names as an absolute one.

    :raises InvalidStatePathError: it leads out of where snapshots put files.
    """
    absolute = _ABSOLUTE.match(path) is not None
    segments = path.split("/")
    base = directory.rstrip("/")
    if not absolute and len(segments) > 2 and segments[0] == ".." and segments[1] in _BESIDE:
        base, segments = _parent(directory), segments[1:]
    if ".." in segments or (not absolute and any(segment in ("", ".") for segment in segments)):
        raise InvalidStatePathError(
            f"the snapshot in {directory} refers to the file {path!r}; only files in its own directory, in ../shared/ "
            "and in ../taskowned/ may be named like that. Its metadata is damaged or was not written by Millstream"
        )
    return path if absolute else f"{base}/{'/'.join(segments)}"


def relative_path(path: str, directory: str) -> str:
    """Return how the metadata in ``directory`` names a file: relative to itself if it is near, else as it is."""
    if is_inside(path, directory):
        return path[len(directory.rstrip("/")) + 1 :]
    parent = _parent(directory)
    for beside in _BESIDE:
        if is_inside(path, f"{parent}/{beside}"):
            return f"..{path[len(parent) :]}"
    return path


def is_inside(path: str, directory: str) -> bool:
    """Whether a file is somewhere under a directory."""
    return bool(directory) and path.startswith(directory.rstrip("/") + "/")


def _parent(directory: str) -> str:
    return directory.rstrip("/").rpartition("/")[0]
