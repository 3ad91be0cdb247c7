"""A submitted job as programs see it, with PyFlink's methods: they give futures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from millstream.common import execution
from millstream.common.completable_future import CompletableFuture

if TYPE_CHECKING:
    from collections.abc import Callable

    from millstream.common.execution import JobExecutionResult
    from millstream.common.ids import JobID
    from millstream.common.states import JobStatus
    from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["JobClient"]

T = TypeVar("T")


class JobClient:
    """What ``execute_async`` returns.

    :param client: the executor's blocking client.
    """

    def __init__(self, client: execution.JobClient) -> None:
        self._client = client

    @property
    def blocking(self) -> execution.JobClient:
        """The same job with methods that wait and return results themselves."""
        return self._client

    def get_job_id(self) -> JobID:
        return self._client.get_job_id()

    def get_job_status(self) -> CompletableFuture[JobStatus]:
        return CompletableFuture.of(self._client.get_job_status)

    def cancel(self) -> CompletableFuture[None]:
        """Ask for cancellation; the future is done when the cluster has accepted it."""
        return CompletableFuture.of(self._client.cancel)

    def get_accumulators(self) -> CompletableFuture[dict[str, Any]]:
        """What the job's functions have counted so far, by name; the future raises why one is not to be had."""
        return CompletableFuture.of(self._client.get_accumulators)

    def trigger_savepoint(
        self, savepoint_directory: str | None = None, format_type: str = "CANONICAL"
    ) -> CompletableFuture[str]:
        """Take a savepoint; the future gives its path.

        :param savepoint_directory: in which its own directory is made; ``None``:
            ``execution.checkpointing.savepoint-dir``.
        :param format_type: ``CANONICAL`` or ``NATIVE``.
        """
        return self._waiting("savepoint", lambda: self._client.trigger_savepoint(savepoint_directory, format_type))

    def stop_with_savepoint(
        self,
        advance_to_end_of_event_time: bool,
        savepoint_directory: str | None = None,
        format_type: str = "CANONICAL",
    ) -> CompletableFuture[str]:
        """Take a savepoint and end the job after it; the future gives the savepoint's path when it has ended.

        :param advance_to_end_of_event_time: the input ends before the savepoint: timers fire, windows close, and no
            more will come of the job. Else it can go on from the savepoint as if nothing had happened.
        """
        return self._waiting(
            "stop",
            lambda: self._client.stop_with_savepoint(advance_to_end_of_event_time, savepoint_directory, format_type),
        )

    def cancel_with_savepoint(
        self, savepoint_directory: str | None = None, format_type: str = "CANONICAL"
    ) -> CompletableFuture[str]:
        """Take a savepoint and cancel the job when it is complete; the future gives the savepoint's path."""
        return self._waiting("cancel", lambda: self._client.cancel_with_savepoint(savepoint_directory, format_type))

    def get_job_execution_result(self) -> CompletableFuture[JobExecutionResult]:
        """The job's result; the future raises what the job failed with."""
        return self._waiting("job-result", self._client.get_job_execution_result)

    def get_job_details(self) -> JobDetails:
        """What the cluster knows of the job now."""
        return self._client.get_job_details()

    def _waiting(self, what: str, call: Callable[[], T]) -> CompletableFuture[T]:
        return CompletableFuture.waiting(call, f"{what}-{self._client.get_job_id()[:8]}")
