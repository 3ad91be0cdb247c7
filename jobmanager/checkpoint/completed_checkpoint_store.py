"""The completed checkpoints that a job may be restored from."""

from __future__ import annotations

from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint

__all__ = ["CompletedCheckpointStore"]


class CompletedCheckpointStore:
    """Keeps the newest ones.

    :param num_retained: how many of those that the job owns. What others own (a savepoint, a snapshot that the job
        began from) is kept until there is a newer checkpoint.
    """

    __slots__ = ("_checkpoints", "_num_retained")

    def __init__(self, num_retained: int) -> None:
        self._num_retained = num_retained
        self._checkpoints: list[CompletedCheckpoint] = []

    @property
    def latest(self) -> CompletedCheckpoint | None:
        """The one to restore from."""
        return self._checkpoints[-1] if self._checkpoints else None

    def get(self, checkpoint_id: int) -> CompletedCheckpoint | None:
        return next((checkpoint for checkpoint in self._checkpoints if checkpoint.id == checkpoint_id), None)

    def all(self) -> list[CompletedCheckpoint]:
        """All that are kept, oldest first."""
        return list(self._checkpoints)

    def add(self, checkpoint: CompletedCheckpoint) -> list[CompletedCheckpoint]:
        """Keep one more, newer than all others. Returns those that are kept no more, oldest first.

        A savepoint takes no checkpoint's place: its user may delete it at any time.
        """
        kept = [one for one in self._checkpoints if one.owned]
        surplus = len(kept) + checkpoint.owned - self._num_retained
        dropped = set() if surplus <= 0 or not checkpoint.owned else {one.id for one in kept[:surplus]}
        subsumed = [one for one in self._checkpoints if not one.owned or one.id in dropped]
        self._checkpoints = [one for one in kept if one.id not in dropped] + [checkpoint]
        return subsumed

    def clear(self) -> list[CompletedCheckpoint]:
        """Keep nothing. Returns what was kept, oldest first."""
        checkpoints, self._checkpoints = self._checkpoints, []
        return checkpoints
