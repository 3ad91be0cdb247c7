"""What a task says to the JobMaster, on the way through its slot worker and its TaskManager."""

from __future__ import annotations

from typing import Protocol

from millstream.common.wire.cluster_pb2 import (
    CheckpointAcknowledgement,
    CheckpointDecline,
    EndOfDataReport,
    SplitRequest,
    TaskExecutionState,
)

__all__ = ["TaskReports"]


class TaskReports(Protocol):
    """Takes a task's reports; the JobMaster gets them in the order in which they were given.

    All methods belong to the slot's event loop and return at once.
    """

    def state(self, state: TaskExecutionState) -> None:
        """The task has reached a state: INITIALIZING, RUNNING, or one terminal state, after which nothing follows."""
        ...

    def acknowledge(self, acknowledgement: CheckpointAcknowledgement) -> None:
        """The task's part of a checkpoint is stored."""
        ...

    def decline(self, decline: CheckpointDecline) -> None:
        """The task cannot take part in a checkpoint, and lives on."""
        ...

    def end_of_data(self, report: EndOfDataReport) -> None:
        """The task has processed all of its input and waits for a checkpoint that makes that final."""
        ...

    def request_split(self, request: SplitRequest) -> None:
        """A reader wants a split from the enumerator of its source. It may get lost on the way."""
        ...
