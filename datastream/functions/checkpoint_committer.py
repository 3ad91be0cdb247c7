"""Where a write-ahead sink keeps outside of the job which checkpoints it has sent."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["CheckpointCommitter"]


class CheckpointCommitter(ABC):
    """Remembers the checkpoints whose records are all sent, so that they are not sent again after a failure.

    It is at its best in the same transaction, or at least the same system, as what ``send_values`` writes.

    :ivar job_id: which job's checkpoints: the same after each restore.
    :ivar operator_id: which sink's.
    """

    job_id = ""
    operator_id = ""

    def set_job_id(self, job_id: str) -> None:
        """Called by the engine, before everything else."""
        self.job_id = job_id

    def set_operator_id(self, operator_id: str) -> None:
        """Called by the engine, before everything else."""
        self.operator_id = operator_id

    def create_resource(self) -> None:  # noqa: B027  # optional hook
        """Make the table, or whatever it is, if it is not there. Called before :meth:`open`, by all subtasks."""

    def open(self) -> None:  # noqa: B027  # optional hook
        """Called once per subtask."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Called once per subtask if :meth:`open` was."""

    @abstractmethod
    def commit_checkpoint(self, subtask_index: int, checkpoint_id: int) -> None:
        """Remember for ever that what this subtask had for this checkpoint is sent.

        After the sink was rescaled another subtask may say it.
        """

    @abstractmethod
    def is_checkpoint_committed(self, subtask_index: int, checkpoint_id: int) -> bool:
        """Whether :meth:`commit_checkpoint` was called with the same."""
