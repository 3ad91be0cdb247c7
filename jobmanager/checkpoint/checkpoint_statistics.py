"""What is known of a job's checkpoints, for people: counts, the latest ones, and a history of all kinds."""

from __future__ import annotations

from millstream.common.failure import FailureInfo
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointStatistics,
    CheckpointSummary,
    CheckpointVertex,
    JobCheckpoints,
    SubtaskCheckpointMetrics,
    SubtaskCheckpointStatistics,
)
from millstream.jobmanager.checkpoint.checkpoint_plan import CheckpointPlan
from millstream.jobmanager.checkpoint.completed_checkpoint import CHECKPOINT, CompletedCheckpoint
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint
from millstream.jobmanager.checkpoint.value_summary import ValueSummary
from millstream.jobmanager.execution_graph import ExecutionVertexID

__all__ = ["CheckpointStatisticsTracker"]


class CheckpointStatisticsTracker:
    """Takes note of what becomes of checkpoints.

    :param history_size: of so many the details are kept, beside the latest ones.
    """

    __slots__ = ("_entries", "_history_size", "_job", "_summaries")

    def __init__(self, enabled: bool, history_size: int) -> None:
        self._job = JobCheckpoints(enabled=enabled)
        self._history_size = history_size
        self._entries: dict[int, CheckpointStatistics] = {}  # oldest first
        self._summaries = _Summaries()

    def restored(self, checkpoint: CompletedCheckpoint, now_ms: int) -> None:
        """Tasks begin from this checkpoint."""
        self._job.restored += 1
        self._job.restored_checkpoint_id = checkpoint.id
        self._job.restore_timestamp_ms = now_ms
        self._job.restored_path = checkpoint.directory
        self._job.restored_is_savepoint = checkpoint.metadata.kind != CHECKPOINT

    def began(self, pending: PendingCheckpoint, plan: CheckpointPlan) -> None:
        """A checkpoint is under way.

        :param plan: who would take part if the tasks were told to begin now.
        """
        self._job.total += 1
        self._job.in_progress += 1
        self._entries[pending.id] = CheckpointStatistics(
            checkpoint_id=pending.id,
            status="IN_PROGRESS",
            kind=pending.options.kind,
            trigger_ms=pending.options.trigger_timestamp_ms,
            unaligned=pending.options.alignment == "UNALIGNED",
            format=pending.options.format if pending.is_savepoint else "",
        )
        _take_part(self._entries[pending.id], plan)

    def triggered(self, pending: PendingCheckpoint) -> None:
        """Its tasks are told to begin."""
        _take_part(self._entries[pending.id], pending.plan)

    def acknowledged(
        self, checkpoint_id: int, subtask: ExecutionVertexID, metrics: SubtaskCheckpointMetrics, now_ms: int
    ) -> None:
        """One of its tasks has stored its part."""
        entry = self._entries[checkpoint_id]
        entry.acknowledged += 1
        entry.latest_ack_ms = now_ms
        entry.duration_ms = now_ms - entry.trigger_ms
        entry.state_size += metrics.full_size
        entry.checkpointed_size += metrics.checkpointed_size
        entry.bytes_processed += metrics.bytes_processed
        entry.bytes_persisted += metrics.bytes_persisted
        entry.unaligned |= metrics.unaligned
        entry.subtask_statistics.append(
            SubtaskCheckpointStatistics(
                vertex_id=subtask.vertex_id, subtask_index=subtask.subtask_index, ack_ms=now_ms, metrics=metrics
            )
        )

    def completed(self, checkpoint: CompletedCheckpoint, now_ms: int) -> None:
        """A checkpoint is complete."""
        entry = self._end(checkpoint.id, "COMPLETED", now_ms)
        self._job.completed += 1
        entry.state_size = checkpoint.metadata.state_size
        entry.external_path = checkpoint.directory
        self._summaries.add(entry)
        latest = self._job.latest_completed if entry.kind == CHECKPOINT else self._job.latest_savepoint
        latest.CopyFrom(entry)

    def failed(self, checkpoint_id: int, failure: FailureInfo, now_ms: int) -> None:
        """A checkpoint was given up."""
        entry = self._end(checkpoint_id, "FAILED", now_ms)
        self._job.failed += 1
        entry.failure.CopyFrom(failure)
        if not entry.failure.timestamp_ms:
            entry.failure.timestamp_ms = now_ms
        self._job.latest_failed.CopyFrom(entry)

    def discarded(self, checkpoint_id: int) -> None:
        """A completed checkpoint is kept no more."""
        entries = [self._entries.get(checkpoint_id), self._job.latest_completed]
        for entry in entries:
            if entry is not None and entry.checkpoint_id == checkpoint_id and entry.status:
                entry.discarded = True

    def snapshot(self) -> JobCheckpoints:
        """Return all that is known now."""
        result = JobCheckpoints()
        result.CopyFrom(self._job)
        result.history.extend(reversed(self._entries.values()))
        result.summary.CopyFrom(self._summaries.snapshot())
        return result

    @property
    def overview(self) -> JobCheckpoints:
        """Counts and the latest checkpoints, without history and summary; not to be changed."""
        return self._job

    def _end(self, checkpoint_id: int, status: str, now_ms: int) -> CheckpointStatistics:
        entry = self._entries[checkpoint_id]
        entry.status = status
        entry.duration_ms = now_ms - entry.trigger_ms
        self._job.in_progress -= 1
        ended = [one for one, statistics in self._entries.items() if statistics.status != "IN_PROGRESS"]
        surplus = len(self._entries) - self._history_size
        for one in ended[: max(surplus, 0)]:
            del self._entries[one]
        return entry


class _Summaries:
    """Of each figure of the completed checkpoints."""

    __slots__ = ("_checkpointed_size", "_duration", "_persisted", "_processed", "_state_size")

    def __init__(self) -> None:
        self._checkpointed_size = ValueSummary()
        self._state_size = ValueSummary()
        self._duration = ValueSummary()
        self._processed = ValueSummary()
        self._persisted = ValueSummary()

    def add(self, entry: CheckpointStatistics) -> None:
        self._checkpointed_size.add(entry.checkpointed_size)
        self._state_size.add(entry.state_size)
        self._duration.add(max(0, entry.duration_ms))
        self._processed.add(entry.bytes_processed)
        self._persisted.add(entry.bytes_persisted)

    def snapshot(self) -> CheckpointSummary:
        return CheckpointSummary(
            checkpointed_size=self._checkpointed_size.snapshot(),
            state_size=self._state_size.snapshot(),
            duration_ms=self._duration.snapshot(),
            bytes_processed=self._processed.snapshot(),
            bytes_persisted=self._persisted.snapshot(),
        )


def _take_part(entry: CheckpointStatistics, plan: CheckpointPlan) -> None:
    """Note which subtasks there are, and which of them have a part in the checkpoint."""
    entry.subtasks = len(plan.tasks)
    vertices: dict[str, CheckpointVertex] = {}
    for subtask in sorted((*plan.tasks.values(), *plan.finished)):
        vertex = vertices.setdefault(subtask.vertex_id, CheckpointVertex(vertex_id=subtask.vertex_id))
        vertex.parallelism += 1
        if subtask in plan.finished:
            vertex.finished_subtasks.append(subtask.subtask_index)
    del entry.vertices[:]
    entry.vertices.extend(vertices.values())
