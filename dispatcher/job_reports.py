"""What there is to say of a job where its JobMaster cannot say it: before it has started, and while its end is not yet
kept.
"""

from __future__ import annotations

import traceback
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.ids import JobID
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import ExceptionHistoryEntry, JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.execution_graph.job_plan import plan_nodes

__all__ = [
    "cancelled_early",
    "failed_to_start",
    "first_report",
    "summary_without_end",
    "taken_up",
    "waiting_to_start",
    "with_checkpoints",
    "without_checkpoints",
    "without_end",
]

_BEFORE_THE_END: Final = {
    JobStatus.FINISHED.name: JobStatus.RUNNING.name,
    JobStatus.FAILED.name: JobStatus.FAILING.name,
    JobStatus.CANCELED.name: JobStatus.CANCELLING.name,
}


def first_report(graph: JobGraph, now_ms: int) -> JobDetails:
    """Return what there is to say of a job whose JobMaster has not started yet."""
    return JobDetails(
        summary=JobSummary(
            job_id=graph.job_id,
            name=graph.name,
            state=JobStatus.INITIALIZING.name,
            start_time_ms=now_ms,
            tasks_total=sum(vertex.parallelism for vertex in graph.vertices),
            last_modification_ms=now_ms,
        ),
        state_timestamps={JobStatus.INITIALIZING.name: now_ms},
        plan_json=graph.plan_json,
        plan=plan_nodes(graph),
        configuration=dict(graph.configuration),
    )


def failed_to_start(accepted: JobDetails, error: Exception, now_ms: int) -> JobDetails:
    """Return the report on a job that has failed because its JobMaster could not be started.

    :param accepted: its first report.
    """
    details = _ended(accepted, JobStatus.FAILED, now_ms)
    # What Millstream itself raises says all there is to say; anything else is a fault of the engine.
    expected = isinstance(error, MillstreamError)
    details.failure.CopyFrom(
        engine_failure(
            ENGINE,
            str(error) if expected else f"the job's JobMaster could not be started: {error}",
            exception_type=type(error).__name__,
            full_traceback="".join(traceback.format_exception(error)),
        )
    )
    details.failure_history.append(details.failure)
    details.exception_history.append(ExceptionHistoryEntry(root_cause=details.failure))
    return details


def taken_up(job_id: JobID, now_ms: int, error: Exception | None = None) -> JobDetails:
    """Return the report on a job of an earlier leader whose graph has not been read yet.

    :param error: why it could not be.
    """
    details = JobDetails(
        summary=JobSummary(
            job_id=job_id, state=JobStatus.INITIALIZING.name, start_time_ms=now_ms, last_modification_ms=now_ms
        ),
        state_timestamps={JobStatus.INITIALIZING.name: now_ms},
    )
    if error is not None:
        details.failure.CopyFrom(
            engine_failure(
                ENGINE,
                f"the job was taken by an earlier leader and cannot be taken up again yet, which is tried on: {error}",
                exception_type=type(error).__name__,
            )
        )
    return details


def waiting_to_start(accepted: JobDetails, error: Exception) -> JobDetails:
    """Return the report on a job whose JobMaster waits for what it cannot start without.

    :param accepted: its first report.
    :param error: why it has to wait.
    """
    details = JobDetails()
    details.CopyFrom(accepted)
    details.failure.CopyFrom(
        engine_failure(
            ENGINE, f"the job cannot be started yet, which is tried on: {error}", exception_type=type(error).__name__
        )
    )
    return details


def cancelled_early(report: JobDetails, now_ms: int) -> JobDetails:
    """Return the report on a job that was cancelled while it could not be taken up, or not be started."""
    return _ended(report, JobStatus.CANCELED, now_ms)


def without_end(details: JobDetails) -> JobDetails:
    """Return what may be told of a job while its end is not kept: the next leader may have to run it once more, so
    nobody must have heard that it has ended.
    """
    before = _BEFORE_THE_END.get(details.summary.state)
    if before is None:
        return details
    told = JobDetails()
    told.CopyFrom(details)
    told.state_timestamps.pop(details.summary.state, None)
    told.summary.CopyFrom(summary_without_end(details.summary))
    return told


def summary_without_end(summary: JobSummary) -> JobSummary:
    """Return what may be told of a job in one line while its end is not kept; see :func:`without_end`."""
    before = _BEFORE_THE_END.get(summary.state)
    if before is None:
        return summary
    told = JobSummary()
    told.CopyFrom(summary)
    told.state = before
    told.end_time_ms = 0
    return told


def with_checkpoints(details: JobDetails, checkpoints: JobCheckpoints) -> JobDetails:
    """Return the report on a job that has ended as it is kept: with what is known of its checkpoints."""
    kept = JobDetails()
    kept.CopyFrom(details)
    kept.checkpoints.CopyFrom(checkpoints)
    return kept


def without_checkpoints(kept: JobDetails) -> tuple[JobDetails, JobCheckpoints]:
    """Return what :func:`with_checkpoints` has put together."""
    details, checkpoints = JobDetails(), JobCheckpoints()
    details.CopyFrom(kept)
    checkpoints.CopyFrom(kept.checkpoints)
    details.ClearField("checkpoints")
    return details, checkpoints


def _ended(report: JobDetails, status: JobStatus, now_ms: int) -> JobDetails:
    details = JobDetails()
    details.CopyFrom(report)
    details.summary.state = status.name
    details.summary.end_time_ms = details.summary.last_modification_ms = now_ms
    details.state_timestamps[status.name] = now_ms
    return details
