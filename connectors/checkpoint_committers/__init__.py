"""Where write-ahead sinks note what they have sent."""

from __future__ import annotations

from millstream.connectors.checkpoint_committers.file_checkpoint_committer import FileCheckpointCommitter
from millstream.connectors.checkpoint_committers.sqlite_checkpoint_committer import SqliteCheckpointCommitter

__all__ = ["FileCheckpointCommitter", "SqliteCheckpointCommitter"]
