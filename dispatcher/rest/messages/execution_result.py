"""What has become of a job."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import HyphenatedMessage, OrAbsent
from millstream.dispatcher.rest.messages.operations import FailureCause, OperationStatusBody

__all__ = ["JobExecutionResult", "JobExecutionResultResponse"]


class JobExecutionResult(HyphenatedMessage):
    """The end of a job.

    :ivar application_status: ``SUCCEEDED``, ``FAILED`` or ``CANCELED``.
    :ivar accumulator_results: name -> pickled value in base 64, for the program that has submitted the job.
    :ivar net_runtime: from the job's begin to its end, ms.
    """

    id: str
    application_status: str
    accumulator_results: dict[str, str]
    net_runtime: int
    failure_cause: OrAbsent[FailureCause] = None


class JobExecutionResultResponse(HyphenatedMessage):
    """Whether the job has ended, and if so, how."""

    status: OperationStatusBody
    job_execution_result: OrAbsent[JobExecutionResult] = None
