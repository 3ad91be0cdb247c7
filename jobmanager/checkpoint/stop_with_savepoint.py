"""The savepoint that a job stops or is cancelled with. While it is under way no other checkpoint begins.

Its request is answered when the job has ended after it. If a task fails in between the job goes on from the savepoint,
with all tasks.
"""

from __future__ import annotations

from millstream.common.failure import FailureInfo
from millstream.common.states import JobStatus
from millstream.jobmanager.checkpoint.actions import CheckpointAction, CompleteRequest, FailJob
from millstream.jobmanager.checkpoint.checkpoint_failures import checkpoint_failure
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint

__all__ = ["StopWithSavepoint"]


class StopWithSavepoint:
    """At most one savepoint at a time.

    :ivar savepoint: that one; ``None``: the job is not being stopped with any.
    """

    __slots__ = ("_directory", "_job_id", "savepoint")

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self.savepoint: PendingCheckpoint | None = None
        self._directory = ""  # when it is complete

    def began(self, savepoint: PendingCheckpoint) -> None:
        """The job is to stop, or to be cancelled, with this one."""
        self.savepoint = savepoint

    def completed(self, directory: str) -> None:
        """The savepoint that the job stops with is complete."""
        self._directory = directory

    def given_up(self, pending: PendingCheckpoint) -> None:
        """A checkpoint was given up. If it was that one the job goes on."""
        if pending is self.savepoint:
            self.savepoint = None

    def status_changed(self, status: JobStatus) -> list[CheckpointAction]:
        """The job may have failed before it had stopped."""
        savepoint = self.savepoint
        if not self._directory or savepoint is None or status not in (JobStatus.RESTARTING, JobStatus.FAILING):
            return []
        failure = self._failure(savepoint, "failed while it stopped, and is restarted from it if it may be")
        actions = self._answer(savepoint, failure)
        if status is JobStatus.RESTARTING:
            actions.append(FailJob(failure))
        self.savepoint, self._directory = None, ""
        return actions

    def job_ended(self, status: JobStatus) -> list[CheckpointAction]:
        """The job has come to its end."""
        savepoint = self.savepoint
        if savepoint is None or not self._directory:
            return []
        failed = status is not JobStatus.FINISHED
        failure = self._failure(savepoint, f"ended as {status.name}") if failed else None
        return self._answer(savepoint, failure)

    def _answer(self, savepoint: PendingCheckpoint, failure: FailureInfo | None) -> list[CheckpointAction]:
        if not savepoint.request_id:
            return []
        location = self._directory if failure is None else ""
        return [CompleteRequest(savepoint.request_id, savepoint.id, location, failure)]

    def _failure(self, savepoint: PendingCheckpoint, what: str) -> FailureInfo:
        return checkpoint_failure(
            f"savepoint {savepoint.id} is complete ({self._directory}), but job {self._job_id} {what}. What its sinks "
            "were to commit may not be committed yet; a job that begins from the savepoint commits it"
        )
