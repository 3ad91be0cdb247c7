"""Jobs as the JSON documents of ``--json``, with the names of the REST interface's ``/jobs/overview``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from millstream.common.wire.cluster_pb2 import JobSummary

__all__ = ["job_document"]

_TASK_STATES: Final = (
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "RUNNING",
    "FINISHED",
    "CANCELING",
    "CANCELED",
    "FAILED",
    "RECONCILING",
    "INITIALIZING",
)


def job_document(job: JobSummary, now_ms: int) -> dict[str, object]:
    """Return a job in a line; times are in ms, ``end-time`` is -1 if it has not ended."""
    counts = {state.lower(): job.task_counts.get(state, 0) for state in _TASK_STATES}
    return {
        "jid": job.job_id,
        "name": job.name,
        "state": job.state,
        "start-time": job.start_time_ms,
        "end-time": job.end_time_ms or -1,
        "duration": max(0, (job.end_time_ms or now_ms) - job.start_time_ms),
        "last-modification": job.last_modification_ms,
        "tasks": {"total": job.tasks_total or sum(counts.values()), **counts},
    }
