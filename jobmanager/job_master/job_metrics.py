"""The metrics of one job, as its JobMaster knows them, under Flink's names."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Final

from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints
from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.jobmanager.execution_graph import ExecutionGraph

__all__ = ["StatusMetrics", "job_metrics"]


class StatusMetrics(Enum):
    """Which metrics there are of each status of a job (``metrics.job.status.enable``)."""

    STATE = "STATE"
    """``runningState``: 1 in this status, else 0."""
    CURRENT_TIME = "CURRENT_TIME"
    """``runningTime``: how long it is in this status; 0 in another one. ms"""
    TOTAL_TIME = "TOTAL_TIME"
    """``runningTimeTotal``: how long it has been in this status in all. ms"""


_STATUSES: Final = (
    JobStatus.INITIALIZING,
    JobStatus.CREATED,
    JobStatus.RUNNING,
    JobStatus.RESTARTING,
    JobStatus.FAILING,
    JobStatus.CANCELLING,
)
_ENDED: Final = -1
_NONE_YET: Final = -1


def job_metrics(
    graph: ExecutionGraph, checkpoints: JobCheckpoints, of_status: Collection[StatusMetrics], now_ms: int
) -> list[MetricValue]:
    """Return all of them.

    :param checkpoints: counts and the latest ones.
    :param of_status: which ones there are of each status.
    """
    figures = {
        "uptime": _uptime_ms(graph, now_ms),
        "downtime": _downtime_ms(graph, now_ms),
        "fullRestarts": graph.restarts,
        "numRestarts": graph.restarts,
        # A slow task is not run a second time beside itself: none is looked for, and no such attempt has won.
        "numSlowExecutionVertices": 0,
        "numEffectiveSpeculativeExecutions": 0,
    }
    for status in _STATUSES:
        figures |= _status_figures(
            status.name.lower(),
            of_status,
            graph.status is status,
            graph.times.present_ms(status, now_ms),
            graph.times.total_ms(status, now_ms),
        )
    deploying = graph.task_states
    figures |= _status_figures(
        "deploying",
        of_status,
        deploying.is_deploying,
        deploying.deploying_ms(now_ms),
        deploying.deploying_total_ms(now_ms),
    )
    figures |= _checkpoint_figures(checkpoints)
    path = _latest(checkpoints).external_path or "n/a"
    return [
        *(MetricValue(name=name, whole_number=figure) for name, figure in figures.items()),
        MetricValue(name="lastCheckpointExternalPath", text=path),
    ]


def _uptime_ms(graph: ExecutionGraph, now_ms: int) -> int:
    return _ENDED if graph.status.is_terminal() else graph.times.present_ms(JobStatus.RUNNING, now_ms)


def _downtime_ms(graph: ExecutionGraph, now_ms: int) -> int:
    if graph.status.is_terminal():
        return _ENDED
    return sum(graph.times.present_ms(status, now_ms) for status in (JobStatus.RESTARTING, JobStatus.FAILING))


def _status_figures(
    name: str, kinds: Collection[StatusMetrics], is_present: bool, present_ms: int, total_ms: int
) -> dict[str, int]:
    figures = {}
    if StatusMetrics.STATE in kinds:
        figures[f"{name}State"] = int(is_present)
    if StatusMetrics.CURRENT_TIME in kinds:
        figures[f"{name}Time"] = present_ms
    if StatusMetrics.TOTAL_TIME in kinds:
        figures[f"{name}TimeTotal"] = total_ms
    return figures


def _checkpoint_figures(checkpoints: JobCheckpoints) -> dict[str, int]:
    latest = _latest(checkpoints)
    exists = latest.checkpoint_id > 0
    return {
        "lastCheckpointDuration": latest.duration_ms if exists else _NONE_YET,
        "lastCheckpointSize": latest.checkpointed_size if exists else _NONE_YET,
        "lastCheckpointFullSize": latest.state_size if exists else _NONE_YET,
        "lastCheckpointProcessedData": latest.bytes_processed if exists else _NONE_YET,
        "lastCheckpointPersistedData": latest.bytes_persisted if exists else _NONE_YET,
        "lastCompletedCheckpointId": latest.checkpoint_id if exists else _NONE_YET,
        "lastCheckpointRestoreTimestamp": checkpoints.restore_timestamp_ms if checkpoints.restored else _NONE_YET,
        "numberOfInProgressCheckpoints": checkpoints.in_progress,
        "numberOfCompletedCheckpoints": checkpoints.completed,
        "numberOfFailedCheckpoints": checkpoints.failed,
        "totalNumberOfCheckpoints": checkpoints.total,
    }


def _latest(checkpoints: JobCheckpoints) -> CheckpointStatistics:
    """The checkpoint or savepoint that was completed last; an empty one: none was."""
    return max(checkpoints.latest_completed, checkpoints.latest_savepoint, key=lambda one: one.checkpoint_id)
