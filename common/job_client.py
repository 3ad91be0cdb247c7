"""A submitted job as programs see it, with PyFlink's methods: they give futures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.common import execution
from millstream.common.completable_future import CompletableFuture
from millstream.common.errors import MillstreamError

if TYPE_CHECKING:
    from millstream.common.execution import JobExecutionResult
    from millstream.common.ids import JobID
    from millstream.common.states import JobStatus
    from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["JobClient"]


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
        """None: functions have no accumulators here; see their metrics."""
        return CompletableFuture.of(dict)

    def trigger_savepoint(self, savepoint_directory: str | None = None) -> CompletableFuture[str]:
        """Refused: this version takes no savepoints.

        :raises MillstreamError: always.
        """
        raise MillstreamError("trigger_savepoint(): this version of Millstream takes no savepoints yet")

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, savepoint_directory: str | None = None
    ) -> CompletableFuture[str]:
        """Refused: this version takes no savepoints.

        :raises MillstreamError: always.
        """
        raise MillstreamError(
            "stop_with_savepoint(): this version of Millstream takes no savepoints yet; cancel() ends the job"
        )

    def get_job_execution_result(self) -> CompletableFuture[JobExecutionResult]:
        """The job's result; the future raises what the job failed with."""
        return CompletableFuture.waiting(
            self._client.get_job_execution_result, f"job-result-{self._client.get_job_id()[:8]}"
        )

    def get_job_details(self) -> JobDetails:
        """What the cluster knows of the job now."""
        return self._client.get_job_details()
