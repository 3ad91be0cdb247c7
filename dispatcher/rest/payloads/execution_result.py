"""What has become of a job, as an answer."""

from __future__ import annotations

from typing import Final

from millstream.common.failure import FailureInfo
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.rest.messages.execution_result import JobExecutionResult, JobExecutionResultResponse
from millstream.dispatcher.rest.messages.operations import COMPLETED, IN_PROGRESS, FailureCause
from millstream.dispatcher.rest.payloads.accumulators import serialized_accumulators
from millstream.dispatcher.rest.payloads.exceptions import exception_name, stack_trace

__all__ = ["execution_result", "failure_cause"]

_APPLICATION_STATUS: Final = {
    JobStatus.FINISHED.name: "SUCCEEDED",
    JobStatus.FAILED.name: "FAILED",
    JobStatus.CANCELED.name: "CANCELED",
}


def execution_result(details: JobDetails) -> JobExecutionResultResponse:
    """Return whether the job has ended, and if so, how."""
    job = details.summary
    application_status = _APPLICATION_STATUS.get(job.state)
    if application_status is None:
        return JobExecutionResultResponse(status=IN_PROGRESS.status)
    failed = job.state == JobStatus.FAILED.name
    return JobExecutionResultResponse(
        status=COMPLETED,
        job_execution_result=JobExecutionResult(
            id=job.job_id,
            application_status=application_status,
            accumulator_results=serialized_accumulators(details.accumulators),
            net_runtime=max(0, job.end_time_ms - job.start_time_ms),
            failure_cause=failure_cause(details.failure) if failed else None,
        ),
    )


def failure_cause(failure: FailureInfo) -> FailureCause:
    """Return a failure as it is told of jobs and operations."""
    return FailureCause(exception_class=exception_name(failure), stack_trace=stack_trace(failure))
