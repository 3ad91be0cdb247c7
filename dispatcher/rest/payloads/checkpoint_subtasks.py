"""What a checkpoint has of each subtask of a vertex, as an answer."""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, SubtaskCheckpointStatistics
from millstream.dispatcher.rest.messages.checkpoint_subtasks import (
    AlignmentInfo,
    AlignmentSummary,
    CheckpointDurationInfo,
    CheckpointDurationSummary,
    CompletedSubtaskInfo,
    PendingSubtaskInfo,
    SubtasksSummary,
    TaskCheckpointDetailsInfo,
)
from millstream.dispatcher.rest.payloads.checkpoints import part_of, task_checkpoint
from millstream.dispatcher.rest.payloads.statistics import ZERO_SUMMARY, summary

__all__ = ["checkpoint_subtasks"]


def checkpoint_subtasks(
    checkpoint: CheckpointStatistics, vertex_id: str, parallelism: int
) -> TaskCheckpointDetailsInfo:
    """Return what a checkpoint has of a vertex, subtask by subtask.

    :param parallelism: of the vertex now.
    """
    part = part_of(checkpoint, vertex_id, parallelism)
    subtasks = [
        _completed(part.acknowledged[index], checkpoint.trigger_ms)
        if index in part.acknowledged
        else PendingSubtaskInfo(index=index)
        for index in part.expected
    ]
    whole = task_checkpoint(checkpoint, part)
    return TaskCheckpointDetailsInfo(
        id=whole.id,
        status=whole.status,
        latest_ack_timestamp=whole.latest_ack_timestamp,
        checkpointed_size=whole.checkpointed_size,
        state_size=whole.state_size,
        end_to_end_duration=whole.end_to_end_duration,
        alignment_buffered=whole.alignment_buffered,
        processed_data=whole.processed_data,
        persisted_data=whole.persisted_data,
        num_subtasks=whole.num_subtasks,
        num_acknowledged_subtasks=whole.num_acknowledged_subtasks,
        summary=_summary([subtask for subtask in subtasks if isinstance(subtask, CompletedSubtaskInfo)]),
        subtasks=subtasks,
    )


def _completed(told: SubtaskCheckpointStatistics, trigger_ms: int) -> CompletedSubtaskInfo:
    metrics = told.metrics
    return CompletedSubtaskInfo(
        index=told.subtask_index,
        ack_timestamp=told.ack_ms,
        end_to_end_duration=max(0, told.ack_ms - trigger_ms),
        checkpointed_size=metrics.checkpointed_size,
        state_size=metrics.full_size,
        checkpoint=CheckpointDurationInfo(sync=metrics.sync_ms, async_=metrics.async_ms),
        alignment=AlignmentInfo(
            buffered=0,
            processed=metrics.bytes_processed,
            persisted=metrics.bytes_persisted,
            duration=metrics.alignment_ms,
        ),
        start_delay=metrics.start_delay_ms,
        unaligned_checkpoint=metrics.unaligned,
        aborted=False,
    )


def _summary(subtasks: Sequence[CompletedSubtaskInfo]) -> SubtasksSummary:
    return SubtasksSummary(
        checkpointed_size=summary([one.checkpointed_size for one in subtasks]),
        state_size=summary([one.state_size for one in subtasks]),
        end_to_end_duration=summary([one.end_to_end_duration for one in subtasks]),
        checkpoint_duration=CheckpointDurationSummary(
            sync=summary([one.checkpoint.sync for one in subtasks]),
            async_=summary([one.checkpoint.async_ for one in subtasks]),
        ),
        alignment=AlignmentSummary(
            buffered=ZERO_SUMMARY,
            processed=summary([one.alignment.processed for one in subtasks]),
            persisted=summary([one.alignment.persisted for one in subtasks]),
            duration=summary([one.alignment.duration for one in subtasks]),
        ),
        start_delay=summary([one.start_delay for one in subtasks]),
    )
