"""Deletes what no checkpoint needs any more, and nothing else.

A checkpoint's own directory goes with it; shared files go when nothing refers to them. What a task hands over for a
checkpoint that is over already (given up, or complete without it) is deleted when it comes: nobody else knows of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from millstream.common.checkpoint.errors import BrokenSnapshotError
from millstream.common.checkpoint.layout import METADATA
from millstream.common.ids import AttemptId
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, TaskSnapshot
from millstream.jobmanager.checkpoint.actions import CheckpointAction, DeleteDirectory, DeleteFiles
from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint
from millstream.jobmanager.checkpoint.referenced_files import (
    files_of_metadata,
    files_of_snapshot,
    is_inside,
    resolved_snapshot,
)
from millstream.jobmanager.checkpoint.shared_state_registry import SharedStateRegistry

__all__ = ["CheckpointCleaner"]

# Of so many checkpoints that are over it is known where they were and who took part. Stragglers come sooner.
_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class _Closed:
    directory: str
    complete: bool
    attempts: frozenset[AttemptId]


class CheckpointCleaner:
    """Knows which files are needed, and words the deletions of all others."""

    __slots__ = ("_closed", "_registry")

    def __init__(self) -> None:
        self._registry = SharedStateRegistry()
        self._closed: OrderedDict[int, _Closed] = OrderedDict()

    def took(self, checkpoint_id: int, snapshot: TaskSnapshot) -> str:
        """A pending checkpoint refers to what is in this snapshot. Returns a file of it that is deleted already, or not
        the job's own, so that the checkpoint cannot become complete; empty: there is none.
        """
        shared = files_of_snapshot(snapshot).shared
        self._registry.register(checkpoint_id, shared)
        registry = self._registry
        return next((path for path in sorted(shared) if registry.was_deleted(path) or registry.is_foreign(path)), "")

    def restored(self, metadata: CheckpointMetadata, owned: bool) -> None:
        """The job begins from this checkpoint, whose files it owns or does not own."""
        shared = files_of_metadata(metadata).shared
        if owned:
            self._registry.register(metadata.checkpoint_id, shared)
        else:
            self._registry.protect(shared)

    def completed(self, pending: PendingCheckpoint, checkpoint: CompletedCheckpoint) -> None:
        """A checkpoint is complete. If the job does not own it, nothing that it refers to is ever deleted."""
        self._close(pending, True)
        if not checkpoint.owned:
            self._registry.protect(files_of_metadata(checkpoint.metadata).shared)
            self._registry.unregister(checkpoint.id)

    def left(self, pending: PendingCheckpoint) -> None:
        """It is for a later leader to find out whether a checkpoint is complete: nothing of it is deleted."""
        self._close(pending, True)

    def discard_pending(self, pending: PendingCheckpoint) -> list[CheckpointAction]:
        """A pending checkpoint was given up."""
        self._close(pending, False)
        unused = self._registry.unregister(pending.id)
        return _delete_directory(pending.directory) + _delete_files(_outside(unused, pending.directory))

    def discard_completed(self, checkpoint: CompletedCheckpoint) -> list[CheckpointAction]:
        """The job keeps a completed checkpoint no more. Nothing is deleted of one that it does not own."""
        if not checkpoint.owned:
            return []
        unused = self._registry.unregister(checkpoint.id)
        closed = self._closed.get(checkpoint.id)
        if closed is not None:
            self._closed[checkpoint.id] = _Closed(closed.directory, False, closed.attempts)
        directory = checkpoint.directory
        files = files_of_metadata(checkpoint.metadata)
        if not any(is_inside(path, directory) and self._registry.is_needed(path) for path in files.shared):
            return _delete_directory(directory) + _delete_files(_outside(unused, directory))
        # A later checkpoint refers to files in the directory: what else is in it goes one by one.
        own = {path for path in files.own if is_inside(path, directory)} | {f"{directory.rstrip('/')}/{METADATA}"}
        return _delete_files(sorted(own.union(unused)))

    def discard_straggler(
        self, checkpoint_id: int, attempt_id: AttemptId, snapshot: TaskSnapshot, pending: PendingCheckpoint | None
    ) -> list[CheckpointAction]:
        """A task has handed over what no checkpoint takes.

        :param pending: the checkpoint that it was for, if it is not over.
        """
        closed = self._closed.get(checkpoint_id)
        if closed is not None and attempt_id in closed.attempts:
            return []  # it was told before, and the acknowledgement came twice
        directory = pending.directory if pending is not None else "" if closed is None else closed.directory
        dead = closed is not None and not closed.complete
        try:
            files = files_of_snapshot(resolved_snapshot(snapshot, directory))
        except BrokenSnapshotError:
            # Nobody can tell what it means.
            return _delete_directory(directory) if dead else []
        own = {path for path in files.own if is_inside(path, directory)}
        unused = {path for path in files.shared if not self._registry.is_needed(path)}
        one_by_one = {path for path in (unused if dead else unused | own) if not self._registry.was_deleted(path)}
        self._registry.note_deleted(sorted(one_by_one))
        return (_delete_directory(directory) if dead and own else []) + _delete_files(sorted(one_by_one))

    def _close(self, pending: PendingCheckpoint, complete: bool) -> None:
        self._closed[pending.id] = _Closed(pending.directory, complete, frozenset(pending.snapshots))
        while len(self._closed) > _REMEMBERED:
            self._closed.popitem(last=False)


def _outside(paths: Iterable[str], directory: str) -> list[str]:
    return [path for path in paths if not is_inside(path, directory)]


def _delete_files(paths: Iterable[str]) -> list[CheckpointAction]:
    files = tuple(paths)
    return [DeleteFiles(files)] if files else []


def _delete_directory(directory: str) -> list[CheckpointAction]:
    return [DeleteDirectory(directory)] if directory else []
