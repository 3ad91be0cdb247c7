"""A checkpoint that is complete and stored: what a job can begin from."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata

__all__ = ["CHECKPOINT", "CompletedCheckpoint"]

CHECKPOINT = "CHECKPOINT"
"""The kind of snapshots that are no savepoints, in metadata and options."""


@dataclass(frozen=True, slots=True)
class CompletedCheckpoint:
    """One that is complete.

    :ivar metadata: with absolute paths.
    :ivar directory: where it is; empty: in memory alone.
    :ivar owned: the job deletes it when it needs it no more; savepoints belong to the user.
    """

    metadata: CheckpointMetadata
    directory: str
    owned: bool

    @property
    def id(self) -> int:
        return self.metadata.checkpoint_id
