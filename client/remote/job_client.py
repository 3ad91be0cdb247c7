"""One submitted job, seen from the program: the :class:`~millstream.common.execution.JobClient` over RPC."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from millstream.client.remote.accumulator_results import accumulator_results
from millstream.client.remote.errors import OperationInDoubtError
from millstream.common.errors import (
    AccumulatorError,
    JobCancelledError,
    JobExecutionError,
    MillstreamError,
    SavepointError,
)
from millstream.common.execution import JobExecutionResult
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.file_system.uri import absolute
from millstream.common.ids import IdFactory, JobID
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints

if TYPE_CHECKING:
    from millstream.client.remote.cluster_client import ClusterClient
    from millstream.common.high_availability.leader_information import LeaderInformation

__all__ = ["RpcJobClient", "execution_result"]

_LONGEST_WAIT = timedelta(seconds=20)
"""One AwaitJobResult call lasts no longer, so that a silent cluster is noticed."""


class RpcJobClient:
    """A job in the cluster that ``cluster`` speaks to. Usable from any thread; nothing to close."""

    def __init__(self, cluster: ClusterClient, job_id: str) -> None:
        self._cluster = cluster
        self._job_id = JobID(job_id)
        self._begun: dict[str, LeaderInformation | None] = {}
        """By the id of an operation that is under way: at which leader it was begun."""

    @property
    def cluster(self) -> ClusterClient:
        return self._cluster

    def get_job_id(self) -> JobID:
        return self._job_id

    def get_job_status(self) -> JobStatus:
        return JobStatus(self.get_job_details().summary.state)

    def get_job_details(self) -> pb.JobDetails:
        request = pb.JobRequest(job_id=self._job_id, fresh_metrics=True)
        return self._cluster.call(lambda dispatcher: dispatcher.get_job_details(request))

    def get_accumulators(self) -> dict[str, Any]:
        """Return what the job's functions have counted so far, by name.

        :raises AccumulatorError: the value of one is not to be had.
        """
        results = accumulator_results(self.get_job_details())
        if results.failures:
            raise AccumulatorError("\n".join(results.failures.values()))
        return results.values

    def cancel(self) -> None:
        """Ask for cancellation; returns when the Dispatcher has accepted it.

        :raises JobNotFoundError: the cluster knows no such job.
        """
        request = pb.JobRequest(job_id=self._job_id)
        self._cluster.call(lambda dispatcher: dispatcher.cancel_job(request))

    def get_job_execution_result(self, timeout: timedelta | None = None) -> JobExecutionResult:
        """Wait for the job's end.

        :raises JobExecutionError: it failed.
        :raises JobCancelledError: it was cancelled.
        :raises JobNotFoundError: the cluster knows no such job.
        :raises TimeoutError: it did not end within ``timeout``.
        """
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            wait = _LONGEST_WAIT
            if deadline is not None:
                wait = min(wait, timedelta(seconds=max(0.0, deadline - time.monotonic())))
            details = self._await(wait)
            if JobStatus(details.summary.state).is_globally_terminal():
                return execution_result(details)
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Job {self._job_id} did not end within {timeout}; it is {details.summary.state}")

    def trigger_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        """Take a savepoint and return its path.

        :raises SavepointError: it failed; the job runs on.
        """
        return self.await_operation(self.begin_savepoint("SAVEPOINT", directory, format_name)).location

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, directory: str | None = None, format_name: str = "CANONICAL"
    ) -> str:
        """Take a savepoint, end the job after it and return the savepoint's path.

        :raises SavepointError: it failed.
        """
        mode = "DRAIN" if advance_to_end_of_event_time else "STOP"
        return self.await_operation(self.begin_savepoint(mode, directory, format_name)).location

    def cancel_with_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        """Take a savepoint, cancel the job when it is complete and return its path.

        :raises SavepointError: it failed; the job runs on.
        """
        return self.await_operation(self.begin_savepoint("CANCEL", directory, format_name)).location

    def begin_savepoint(self, mode: str, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        """Begin a savepoint and return the id of the request, for :meth:`await_operation`.

        :param mode: ``SAVEPOINT``, ``CANCEL``, ``STOP`` or ``DRAIN``.
        :param directory: a relative one begins where this process runs.
        """
        request = pb.TriggerSavepointRequest(
            job_id=self._job_id,
            target_directory=absolute(directory) if directory else "",
            mode=mode,
            format=format_name,
            request_id=_new_request_id(),
        )
        return self._begun_at(self._cluster.call(lambda dispatcher: dispatcher.trigger_savepoint(request)))

    def begin_checkpoint(self, *, full: bool = False) -> str:
        """Begin a checkpoint and return the id of the request, for :meth:`await_operation`."""
        request = pb.TriggerCheckpointRequest(job_id=self._job_id, full=full, request_id=_new_request_id())
        return self._begun_at(self._cluster.call(lambda dispatcher: dispatcher.trigger_checkpoint(request)))

    def report_heartbeat(self, expires_at_ms: int) -> None:
        """Let the cluster know that this client lives, and until when to believe it."""
        request = pb.ClientHeartbeatRequest(job_id=self._job_id, expires_at_ms=expires_at_ms)
        self._cluster.call(lambda dispatcher: dispatcher.report_client_heartbeat(request))

    def begin_rescaling(self, parallelism: int) -> str:
        """Begin to change the parallelism and return the id of the request, for :meth:`await_operation`."""
        request = pb.RescaleJobRequest(job_id=self._job_id, parallelism=parallelism, request_id=_new_request_id())
        return self._begun_at(self._cluster.call(lambda dispatcher: dispatcher.rescale_job(request)))

    def await_operation(
        self,
        request_id: str,
        interval: timedelta = _LONGEST_WAIT,
        on_wait: Callable[[], None] | None = None,
    ) -> pb.OperationStatus:
        """Wait for the end of what was begun.

        :param interval: between two looks.
        :param on_wait: is called after each look that has not seen the end.
        :raises SavepointError: it failed.
        :raises OperationInDoubtError: the leader at which it was begun leads no more.
        """
        request = pb.AwaitOperationRequest(
            job_id=self._job_id, request_id=request_id, max_wait_ms=int(interval.total_seconds() * 1000)
        )
        while True:
            try:
                status = self._cluster.call(lambda dispatcher: dispatcher.await_operation(request), extra_wait=interval)
            except MillstreamError as error:
                self._raise_if_in_doubt(request_id, error)
                raise
            if status.HasField("failure"):
                raise SavepointError(self._job_id, status.failure)
            if status.completed:
                return status
            if on_wait is not None:
                on_wait()

    def _begun_at(self, started: pb.OperationStarted) -> str:
        self._begun[started.request_id] = self._cluster.leader
        return started.request_id

    def _raise_if_in_doubt(self, request_id: str, error: MillstreamError) -> None:
        """Say so if the reason why nothing is known of an operation is that the leader has changed."""
        before, now = self._begun.get(request_id), self._cluster.leader
        if before is not None and now is not None and now != before:
            raise OperationInDoubtError(
                f"The master at {before.address} leads no more, at which operation {request_id} of job {self._job_id} "
                f"was begun; the one at {now.address} does not know what became of it. It may have been completed or "
                "not: look at the job's state and, for a savepoint, into its target directory before you begin it "
                f"again. (The new leader says: {error})"
            ) from error

    def get_checkpoints(self) -> JobCheckpoints:
        """Return what the cluster knows of the job's checkpoints."""
        request = pb.JobRequest(job_id=self._job_id)
        return self._cluster.call(lambda dispatcher: dispatcher.get_checkpoints(request))

    def send_operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        request = pb.OperatorRequest(
            job_id=self._job_id, operator_id=operator_id, subtask_index=subtask_index, payload=payload
        )
        return self._cluster.call(lambda dispatcher: dispatcher.send_operator_request(request)).payload

    def _await(self, wait: timedelta) -> pb.JobDetails:
        request = pb.AwaitJobResultRequest(job_id=self._job_id, max_wait_ms=int(wait.total_seconds() * 1000))
        return self._cluster.call(lambda dispatcher: dispatcher.await_job_result(request), extra_wait=wait)


def _new_request_id() -> str:
    return IdFactory().hex(32)


def execution_result(details: pb.JobDetails) -> JobExecutionResult:
    """Return the result of a job that has ended, or raise what it ended with."""
    summary = details.summary
    status = JobStatus(summary.state)
    if status is JobStatus.CANCELED:
        raise JobCancelledError(summary.job_id)
    if status is JobStatus.FAILED:
        if not details.HasField("failure"):
            raise JobExecutionError(summary.job_id, engine_failure(ENGINE, "The job failed; no cause was recorded."))
        raise JobExecutionError(summary.job_id, details.failure)
    runtime = max(0, summary.end_time_ms - summary.start_time_ms)
    results = accumulator_results(details)
    return JobExecutionResult(
        JobID(summary.job_id),
        runtime,
        accumulators=results.values,
        details=details,
        accumulator_failures=results.failures,
    )
