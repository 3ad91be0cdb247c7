"""Somebody who submits a job to a simulated cluster and waits for its end, whoever leads meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, TypeVar

from millstream.common.errors import DuplicateJobError, MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.ids import JobID
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.service import RpcService
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["SimulatedClient"]

T = TypeVar("T")

_DISPATCHER: Final = "dispatcher"
_CALL: Final = timedelta(seconds=5)
_PAUSE_SECONDS: Final = 0.4
_OPERATION_MS: Final = 4_000


class SimulatedClient:
    """Asks the Dispatcher that leads; asks again, for ever, when there is none or it does not answer.

    :param on_status: is told each status of the job that the cluster tells.
    """

    def __init__(
        self, rpc: RpcService, leaders: LeaderDirectory, on_status: Callable[[JobID, JobStatus], None]
    ) -> None:
        self._rpc = rpc
        self._leaders = leaders
        self._on_status = on_status

    async def submit(self, graph: JobGraph) -> None:
        """Submit a job. That there is such a job already is the answer to what was submitted before.

        :raises MillstreamError: it is refused.
        """
        request = pb.SubmitJobRequest(job_graph=graph)
        try:
            await self._ask(lambda dispatcher: dispatcher.submit_job(request))
        except DuplicateJobError:
            pass  # the answer to an earlier try was lost

    async def status(self, job_id: JobID) -> pb.JobDetails:
        """Return what the leader tells of a job."""
        request = pb.JobRequest(job_id=job_id, fresh_metrics=True)
        details = await self._ask(lambda dispatcher: dispatcher.get_job_details(request))
        self._on_status(job_id, JobStatus(details.summary.state))
        return details

    async def wait_for_end(self, job_id: JobID) -> pb.JobDetails:
        """Return when the job is globally terminal."""
        while True:
            details = await self.status(job_id)
            if JobStatus(details.summary.state).is_globally_terminal():
                return details
            await asyncio.sleep(_PAUSE_SECONDS)

    async def cancel(self, job_id: JobID) -> None:
        """Ask for the job's cancellation."""
        await self._ask(lambda dispatcher: dispatcher.cancel_job(pb.JobRequest(job_id=job_id)))

    async def rescale(self, job_id: JobID, parallelism: int, request_id: str) -> bool:
        """Try once to change the job's parallelism; return whether the cluster says that it was."""
        request = pb.RescaleJobRequest(job_id=job_id, parallelism=parallelism, request_id=request_id)
        wait = pb.AwaitOperationRequest(job_id=job_id, request_id=request_id, max_wait_ms=_OPERATION_MS)
        try:
            await (await self._dispatcher()).rescale_job(request)
            status = await (await self._dispatcher()).await_operation(wait)
        except MillstreamError:
            return False  # there are faults, and a job that ends
        return status.completed and not status.HasField("failure")

    async def stop(self, job_id: JobID, request_id: str) -> pb.OperationStatus | None:
        """Try once to stop the job with a savepoint; return what became of it. ``None``: nobody can tell."""
        request = pb.TriggerSavepointRequest(job_id=job_id, mode="STOP", request_id=request_id)
        wait = pb.AwaitOperationRequest(job_id=job_id, request_id=request_id, max_wait_ms=_OPERATION_MS)
        try:
            await (await self._dispatcher()).trigger_savepoint(request)
            while not (status := await (await self._dispatcher()).await_operation(wait)).completed:
                pass
        except MillstreamError:
            return None
        return status

    async def _ask(self, method: Callable[[DispatcherGateway], Coroutine[Any, Any, T]]) -> T:
        while True:
            try:
                return await method(await self._dispatcher())
            except DuplicateJobError:
                raise
            except MillstreamError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _dispatcher(self) -> DispatcherGateway:
        leader = await self._leaders.current(_DISPATCHER)
        return self._rpc.connect(
            # The Protocol class only names the service; it is not instantiated.
            DispatcherGateway,  # type: ignore[type-abstract]
            leader.address,
            _DISPATCHER,
            leader.session_id,
            _CALL,
        )
