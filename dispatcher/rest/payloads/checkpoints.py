"""The checkpoints of a job, as answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from millstream.common.failure import first_line
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointStatistics,
    JobCheckpoints,
    SubtaskCheckpointStatistics,
)
from millstream.common.wire.cluster_pb2 import VertexDetails
from millstream.dispatcher.rest.messages.checkpoints import (
    AnyCheckpointInfo,
    CheckpointCounts,
    CheckpointsInfo,
    CheckpointSummary,
    CompletedCheckpointInfo,
    FailedCheckpointInfo,
    LatestCheckpoints,
    PendingCheckpointInfo,
    RestoredCheckpointInfo,
    TaskCheckpointInfo,
)
from millstream.dispatcher.rest.payloads.statistics import ZERO_SUMMARY, told_summary

__all__ = ["VertexPart", "checkpoint_details", "checkpoints_overview", "find_checkpoint", "part_of", "task_checkpoint"]

_SAVEPOINTS: Final = {"SAVEPOINT": "SAVEPOINT", "STOP": "SYNC_SAVEPOINT", "DRAIN": "SYNC_SAVEPOINT"}


@dataclass(frozen=True, slots=True)
class VertexPart:
    """What a checkpoint has of a vertex.

    :ivar expected: the subtasks that have to acknowledge the checkpoint; the others had finished before.
    :ivar acknowledged: subtask -> what it told.
    """

    expected: Sequence[int]
    acknowledged: dict[int, SubtaskCheckpointStatistics]


def checkpoints_overview(checkpoints: JobCheckpoints) -> CheckpointsInfo:
    """Return all about a job's checkpoints, without what they have of each vertex."""
    return CheckpointsInfo(
        counts=CheckpointCounts(
            restored=checkpoints.restored,
            total=checkpoints.total,
            in_progress=checkpoints.in_progress,
            completed=checkpoints.completed,
            failed=checkpoints.failed,
        ),
        summary=_summary(checkpoints),
        latest=LatestCheckpoints(
            completed=_completed(checkpoints.latest_completed, {})
            if checkpoints.HasField("latest_completed")
            else None,
            savepoint=_completed(checkpoints.latest_savepoint, {})
            if checkpoints.HasField("latest_savepoint")
            else None,
            failed=_failed(checkpoints.latest_failed, {}) if checkpoints.HasField("latest_failed") else None,
            restored=_restored(checkpoints),
        ),
        history=[_checkpoint(checkpoint, {}) for checkpoint in checkpoints.history],
    )


def find_checkpoint(checkpoints: JobCheckpoints, checkpoint_id: int) -> CheckpointStatistics | None:
    """Return what is known of one checkpoint, ``None`` if nothing (any more)."""
    latest = (checkpoints.latest_completed, checkpoints.latest_savepoint, checkpoints.latest_failed)
    for checkpoint in (*checkpoints.history, *latest):
        if checkpoint.checkpoint_id == checkpoint_id and checkpoint.status:
            return checkpoint
    return None


def checkpoint_details(checkpoint: CheckpointStatistics, vertices: Sequence[VertexDetails]) -> AnyCheckpointInfo:
    """Return one checkpoint with what it has of each vertex.

    :param vertices: of the job, which all are in the answer, whether any of their subtasks have acknowledged or not.
    """
    tasks = {
        vertex.vertex_id: task_checkpoint(checkpoint, part_of(checkpoint, vertex.vertex_id, vertex.parallelism))
        for vertex in vertices
    }
    return _checkpoint(checkpoint, tasks)


def part_of(checkpoint: CheckpointStatistics, vertex_id: str, parallelism: int) -> VertexPart:
    """Return what a checkpoint has of a vertex.

    :param parallelism: of the vertex now; the checkpoint knows the one of its own time if its tasks have begun.
    """
    acknowledged = {one.subtask_index: one for one in checkpoint.subtask_statistics if one.vertex_id == vertex_id}
    for vertex in checkpoint.vertices:
        if vertex.vertex_id == vertex_id:
            finished = set(vertex.finished_subtasks)
            return VertexPart([index for index in range(vertex.parallelism) if index not in finished], acknowledged)
    return VertexPart(range(max([parallelism, *(index + 1 for index in acknowledged)])), acknowledged)


def task_checkpoint(checkpoint: CheckpointStatistics, part: VertexPart) -> TaskCheckpointInfo:
    """Return what a checkpoint has of a vertex, summed up."""
    told = part.acknowledged.values()
    latest_ms = max((one.ack_ms for one in told), default=-1)
    return TaskCheckpointInfo(
        id=checkpoint.checkpoint_id,
        status=checkpoint.status,
        latest_ack_timestamp=latest_ms,
        checkpointed_size=sum(one.metrics.checkpointed_size for one in told),
        state_size=sum(one.metrics.full_size for one in told),
        end_to_end_duration=max(0, latest_ms - checkpoint.trigger_ms) if told else -1,
        alignment_buffered=0,
        processed_data=sum(one.metrics.bytes_processed for one in told),
        persisted_data=sum(one.metrics.bytes_persisted for one in told),
        num_subtasks=len(part.expected),
        num_acknowledged_subtasks=len(told),
    )


def _checkpoint(checkpoint: CheckpointStatistics, tasks: dict[str, TaskCheckpointInfo]) -> AnyCheckpointInfo:
    if checkpoint.status == "COMPLETED":
        return _completed(checkpoint, tasks)
    if checkpoint.status == "FAILED":
        return _failed(checkpoint, tasks)
    return _pending(checkpoint, tasks)


class _Common(TypedDict):
    """The fields that checkpoints of every status have."""

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
    is_savepoint: bool
    savepoint_format: str | None
    trigger_timestamp: int
    checkpoint_type: str
    tasks: dict[str, TaskCheckpointInfo]


def _common(checkpoint: CheckpointStatistics, tasks: dict[str, TaskCheckpointInfo]) -> _Common:
    in_time = "UNALIGNED_CHECKPOINT" if checkpoint.unaligned else "CHECKPOINT"
    begun = checkpoint.latest_ack_ms or checkpoint.status != "IN_PROGRESS"
    return _Common(
        id=checkpoint.checkpoint_id,
        status=checkpoint.status,
        latest_ack_timestamp=checkpoint.latest_ack_ms or -1,
        checkpointed_size=checkpoint.checkpointed_size,
        state_size=checkpoint.state_size,
        end_to_end_duration=checkpoint.duration_ms if begun else -1,
        alignment_buffered=0,
        processed_data=checkpoint.bytes_processed,
        persisted_data=checkpoint.bytes_persisted,
        num_subtasks=checkpoint.subtasks,
        num_acknowledged_subtasks=checkpoint.acknowledged,
        is_savepoint=checkpoint.kind in _SAVEPOINTS,
        savepoint_format=(checkpoint.format or None) if checkpoint.kind in _SAVEPOINTS else None,
        trigger_timestamp=checkpoint.trigger_ms,
        checkpoint_type=_SAVEPOINTS.get(checkpoint.kind, in_time),
        tasks=tasks,
    )


def _pending(checkpoint: CheckpointStatistics, tasks: dict[str, TaskCheckpointInfo]) -> PendingCheckpointInfo:
    return PendingCheckpointInfo(**_common(checkpoint, tasks))


def _completed(checkpoint: CheckpointStatistics, tasks: dict[str, TaskCheckpointInfo]) -> CompletedCheckpointInfo:
    return CompletedCheckpointInfo(
        **_common(checkpoint, tasks), external_path=checkpoint.external_path or None, discarded=checkpoint.discarded
    )


def _failed(checkpoint: CheckpointStatistics, tasks: dict[str, TaskCheckpointInfo]) -> FailedCheckpointInfo:
    failure = checkpoint.failure
    return FailedCheckpointInfo(
        **_common(checkpoint, tasks),
        failure_timestamp=failure.timestamp_ms or checkpoint.trigger_ms + checkpoint.duration_ms,
        failure_message=first_line(failure) or None,
    )


def _restored(checkpoints: JobCheckpoints) -> RestoredCheckpointInfo | None:
    if not checkpoints.restored:
        return None
    return RestoredCheckpointInfo(
        id=checkpoints.restored_checkpoint_id,
        restore_timestamp=checkpoints.restore_timestamp_ms,
        is_savepoint=checkpoints.restored_is_savepoint,
        external_path=checkpoints.restored_path or None,
    )


def _summary(checkpoints: JobCheckpoints) -> CheckpointSummary:
    told = checkpoints.summary
    return CheckpointSummary(
        checkpointed_size=told_summary(told.checkpointed_size),
        state_size=told_summary(told.state_size),
        end_to_end_duration=told_summary(told.duration_ms),
        alignment_buffered=ZERO_SUMMARY,
        processed_data=told_summary(told.bytes_processed),
        persisted_data=told_summary(told.bytes_persisted),
    )
