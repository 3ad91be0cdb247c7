"""The checkpoints of a job: counted, summed up, and one by one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from millstream.dispatcher.rest.messages.base import Message
from millstream.dispatcher.rest.messages.statistics import Summary

__all__ = [
    "AnyCheckpointInfo",
    "CheckpointCounts",
    "CheckpointInfo",
    "CheckpointSummary",
    "CheckpointsInfo",
    "CompletedCheckpointInfo",
    "FailedCheckpointInfo",
    "LatestCheckpoints",
    "PendingCheckpointInfo",
    "RestoredCheckpointInfo",
    "TaskCheckpointInfo",
]


class TaskCheckpointInfo(Message):
    """What a checkpoint has of a vertex. Sizes are in bytes, durations in ms.

    :ivar latest_ack_timestamp: -1: none of its subtasks has acknowledged the checkpoint; then there is no duration
        either, which is -1.
    """

    id: int
    status: str
    latest_ack_timestamp: int
    checkpointed_size: int
    state_size: int
    end_to_end_duration: int
    alignment_buffered: int
    processed_data: int
    persisted_data: int
    num_subtasks: int
    num_acknowledged_subtasks: int


class CheckpointInfo(TaskCheckpointInfo):
    """A checkpoint of the job as a whole.

    :ivar is_savepoint: somebody asked for it, to keep it.
    :ivar savepoint_format: ``CANONICAL`` or ``NATIVE``.
    :ivar checkpoint_type: ``CHECKPOINT``, ``UNALIGNED_CHECKPOINT``, ``SAVEPOINT``, or ``SYNC_SAVEPOINT`` if the job
        stops with it.
    :ivar tasks: vertex id -> what it has of that vertex; in lists of checkpoints there is nothing in it.
    """

    is_savepoint: bool
    savepoint_format: str | None = Field(serialization_alias="savepointFormat")
    trigger_timestamp: int
    checkpoint_type: str
    tasks: dict[str, TaskCheckpointInfo]


class PendingCheckpointInfo(CheckpointInfo):
    """A checkpoint that is under way."""

    class_name: Literal["in_progress"] = Field(default="in_progress", serialization_alias="className")


class CompletedCheckpointInfo(CheckpointInfo):
    """A checkpoint that is complete.

    :ivar external_path: the URI that a job can start from; none if its files are in no directory.
    :ivar discarded: it is not there any more.
    """

    class_name: Literal["completed"] = Field(default="completed", serialization_alias="className")
    external_path: str | None
    discarded: bool


class FailedCheckpointInfo(CheckpointInfo):
    """A checkpoint that was given up."""

    class_name: Literal["failed"] = Field(default="failed", serialization_alias="className")
    failure_timestamp: int
    failure_message: str | None


AnyCheckpointInfo: TypeAlias = CompletedCheckpointInfo | FailedCheckpointInfo | PendingCheckpointInfo


class RestoredCheckpointInfo(Message):
    """What the job has begun from, last."""

    id: int
    restore_timestamp: int
    is_savepoint: bool
    external_path: str | None


class CheckpointCounts(Message):
    """How many checkpoints there were.

    :ivar restored: how often the job has begun from one.
    """

    restored: int
    total: int
    in_progress: int
    completed: int
    failed: int


class CheckpointSummary(Message):
    """Over all checkpoints that were completed. Sizes are in bytes, durations in ms."""

    checkpointed_size: Summary
    state_size: Summary
    end_to_end_duration: Summary
    alignment_buffered: Summary
    processed_data: Summary
    persisted_data: Summary


class LatestCheckpoints(Message):
    """The last one of each kind."""

    completed: CompletedCheckpointInfo | None
    savepoint: CompletedCheckpointInfo | None
    failed: FailedCheckpointInfo | None
    restored: RestoredCheckpointInfo | None


class CheckpointsInfo(Message):
    """All about a job's checkpoints.

    :ivar history: the latest ones, newest first.
    """

    counts: CheckpointCounts
    summary: CheckpointSummary
    latest: LatestCheckpoints
    history: list[AnyCheckpointInfo]
