"""The exceptions that Millstream raises to its users.

Every message names the thing, the place and the mend. Each package may define narrower subclasses next to the code
that raises them; what a caller may want to catch is here.
"""

from __future__ import annotations

from millstream.common.failure import FailureInfo, render

__all__ = [
    "AccumulatorError",
    "ConfigurationError",
    "DuplicateJobError",
    "InvalidProgramError",
    "JobCancelledError",
    "JobExecutionError",
    "JobNotFoundError",
    "MillstreamError",
    "NoResourceAvailableError",
    "OperationNotFoundError",
    "SavepointError",
    "StateMismatchError",
]


class MillstreamError(Exception):
    """Base of all errors that Millstream itself raises."""


class AccumulatorError(MillstreamError):
    """The result of an accumulator is not to be had; the message says which and why."""


class StateMismatchError(MillstreamError):
    """The state that a job goes on from and its program do not fit each other: trying again changes nothing."""


class ConfigurationError(MillstreamError):
    """A configuration key or value is wrong; the message names file, line, key and the mend."""


class InvalidProgramError(MillstreamError):
    """A program cannot run as it is written; the message names the user's file and line."""


class JobNotFoundError(MillstreamError):
    """No running or archived job has this id."""


class DuplicateJobError(MillstreamError):
    """A job with this id was submitted before."""


class NoResourceAvailableError(MillstreamError):
    """The job needs more slots than the cluster could give in time."""


class OperationNotFoundError(MillstreamError):
    """No savepoint, checkpoint or rescaling was asked for under this id, or it is long over."""


class JobExecutionError(MillstreamError):
    """A job failed. ``str()`` of it begins with the user's exception, operator, record and line.

    :ivar job_id: the job.
    :ivar failure: what went wrong, as text fields.
    """

    def __init__(self, job_id: str, failure: FailureInfo) -> None:
        super().__init__(render(failure))
        self.job_id = job_id
        self.failure = failure


class JobCancelledError(MillstreamError):
    """A job that somebody waited for was cancelled."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was cancelled.")
        self.job_id = job_id


class SavepointError(MillstreamError):
    """A savepoint, a checkpoint or a change of the parallelism that was asked for failed.

    :ivar job_id: the job.
    :ivar failure: what went wrong, as text fields.
    """

    def __init__(self, job_id: str, failure: FailureInfo) -> None:
        super().__init__(render(failure))
        self.job_id = job_id
        self.failure = failure
