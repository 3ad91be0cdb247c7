"""The jobs of the cluster, and one job in detail, as answers."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary, VertexDetails
from millstream.dispatcher.rest.messages.jobs import (
    JobDetailsInfo,
    JobIdsWithStatusOverview,
    JobIdWithStatus,
    JobOverview,
    JobsOverview,
    JobStatusInfo,
    JobVertexDetailsInfo,
    TaskCounts,
)
from millstream.dispatcher.rest.payloads.io_metrics import io_metrics
from millstream.dispatcher.rest.payloads.job_plan import job_plan
from millstream.dispatcher.rest.payloads.task_states import common_life_time, common_state, state_counts

__all__ = ["job_details", "job_ids", "job_overview", "job_status", "jobs_overview"]


def job_ids(jobs: Iterable[JobSummary]) -> JobIdsWithStatusOverview:
    """Return all jobs by their ids."""
    return JobIdsWithStatusOverview(jobs=[JobIdWithStatus(id=job.job_id, status=job.state) for job in jobs])


def job_status(details: JobDetails) -> JobStatusInfo:
    """Return the state of a job."""
    return JobStatusInfo(status=details.summary.state)


def jobs_overview(jobs: Iterable[JobSummary], now_ms: int) -> JobsOverview:
    """Return all jobs in a line each."""
    return JobsOverview(jobs=[job_overview(job, now_ms) for job in jobs])


def job_overview(job: JobSummary, now_ms: int) -> JobOverview:
    """Return a job in one line."""
    counts = job.task_counts
    return JobOverview(
        jid=job.job_id,
        name=job.name,
        state=job.state,
        start_time=job.start_time_ms,
        end_time=job.end_time_ms or -1,
        duration=_duration(job, now_ms),
        last_modification=job.last_modification_ms or job.end_time_ms or job.start_time_ms,
        tasks=TaskCounts(
            created=counts.get("CREATED", 0),
            scheduled=counts.get("SCHEDULED", 0),
            deploying=counts.get("DEPLOYING", 0),
            initializing=counts.get("INITIALIZING", 0),
            running=counts.get("RUNNING", 0),
            finished=counts.get("FINISHED", 0),
            canceling=counts.get("CANCELING", 0),
            canceled=counts.get("CANCELED", 0),
            failed=counts.get("FAILED", 0),
            reconciling=counts.get("RECONCILING", 0),
            total=job.tasks_total,
        ),
    )


def job_details(details: JobDetails, now_ms: int) -> JobDetailsInfo:
    """Return a job with its vertices and its plan."""
    job = details.summary
    vertices = [_vertex(vertex, now_ms) for vertex in details.vertices]
    return JobDetailsInfo(
        jid=job.job_id,
        name=job.name,
        is_stoppable=details.stoppable,
        state=job.state,
        job_type=details.job_type or "STREAMING",
        start_time=job.start_time_ms,
        end_time=job.end_time_ms or -1,
        duration=_duration(job, now_ms),
        max_parallelism=details.max_parallelism or -1,
        now=now_ms,
        timestamps={status.name: details.state_timestamps.get(status.name, 0) for status in JobStatus},
        vertices=vertices,
        status_counts=state_counts(vertex.status for vertex in vertices),
        plan=job_plan(details),
    )


def _vertex(vertex: VertexDetails, now_ms: int) -> JobVertexDetailsInfo:
    tasks = state_counts(subtask.state for subtask in vertex.subtasks)
    time = common_life_time(vertex.subtasks, now_ms)
    return JobVertexDetailsInfo(
        id=vertex.vertex_id,
        slot_sharing_group_id=vertex.slot_sharing_group_id,
        name=vertex.name,
        max_parallelism=vertex.max_parallelism,
        parallelism=vertex.parallelism,
        status=common_state(tasks),
        start_time=time.start,
        end_time=time.end,
        duration=time.duration,
        tasks=tasks,
        metrics=io_metrics(vertex.subtasks),
    )


def _duration(job: JobSummary, now_ms: int) -> int:
    return max(0, (job.end_time_ms or now_ms) - job.start_time_ms)
