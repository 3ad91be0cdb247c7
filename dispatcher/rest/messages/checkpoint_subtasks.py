"""What a checkpoint has of each subtask of a vertex."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from millstream.dispatcher.rest.messages.base import Message
from millstream.dispatcher.rest.messages.checkpoints import TaskCheckpointInfo
from millstream.dispatcher.rest.messages.statistics import Summary

__all__ = [
    "AlignmentInfo",
    "AlignmentSummary",
    "CheckpointDurationInfo",
    "CheckpointDurationSummary",
    "CompletedSubtaskInfo",
    "PendingSubtaskInfo",
    "SubtasksSummary",
    "TaskCheckpointDetailsInfo",
]


class CheckpointDurationInfo(Message):
    """How long a subtask has stood still for its snapshot, and worked on it beside its records, ms."""

    sync: int
    async_: int = Field(serialization_alias="async")


class AlignmentInfo(Message):
    """What a subtask did from its first barrier to its last: bytes, and the time in ms. Nothing is ever buffered."""

    buffered: int
    processed: int
    persisted: int
    duration: int


class CompletedSubtaskInfo(Message):
    """A subtask that has acknowledged the checkpoint. Sizes are in bytes, durations in ms.

    :ivar start_delay: from the trigger to its first barrier.
    """

    class_name: Literal["completed"] = Field(default="completed", serialization_alias="className")
    index: int
    ack_timestamp: int
    end_to_end_duration: int
    checkpointed_size: int
    state_size: int
    checkpoint: CheckpointDurationInfo
    alignment: AlignmentInfo
    start_delay: int
    unaligned_checkpoint: bool
    aborted: bool
    status: Literal["completed"] = "completed"


class PendingSubtaskInfo(Message):
    """A subtask that has not acknowledged the checkpoint, or never will."""

    class_name: Literal["pending"] = Field(default="pending", serialization_alias="className")
    index: int
    status: Literal["pending_or_failed"] = "pending_or_failed"


class CheckpointDurationSummary(Message):
    """:class:`CheckpointDurationInfo` over subtasks."""

    sync: Summary
    async_: Summary = Field(serialization_alias="async")


class AlignmentSummary(Message):
    """:class:`AlignmentInfo` over subtasks."""

    buffered: Summary
    processed: Summary
    persisted: Summary
    duration: Summary


class SubtasksSummary(Message):
    """Over the subtasks that have acknowledged the checkpoint."""

    checkpointed_size: Summary
    state_size: Summary
    end_to_end_duration: Summary
    checkpoint_duration: CheckpointDurationSummary
    alignment: AlignmentSummary
    start_delay: Summary


class TaskCheckpointDetailsInfo(TaskCheckpointInfo):
    """What a checkpoint has of a vertex, subtask by subtask."""

    summary: SubtasksSummary
    subtasks: list[CompletedSubtaskInfo | PendingSubtaskInfo]
