"""A blocking client of one Dispatcher, whichever carrier reaches it.

It owns nothing but what it is given: the RPC service may be gRPC's on the process's loop thread (a remote cluster)
or the in-process one of a MiniCluster. Every call has a deadline (``client.timeout``), and the errors say what to
look at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from millstream.client.remote.errors import ClusterUnreachableError
from millstream.common.file_system.uri import absolute
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RpcService,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb

if TYPE_CHECKING:
    from millstream.client.loop_thread import LoopThread
    from millstream.client.remote.job_client import RpcJobClient
    from millstream.common.ids import LeaderSessionId
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["ClusterClient"]

T = TypeVar("T")

DISPATCHER = "dispatcher"
"""The Dispatcher's endpoint."""

_GRACE_SECONDS = 5.0
"""Added to a call's own deadline before the blocked caller gives up: the carrier's error is the clearer one."""


class ClusterClient:
    """Speaks to the Dispatcher at ``address``.

    :param loop_thread: where the RPC service lives; not owned.
    :param rpc: the carrier; not owned.
    :param address: of the master, ``host:port``.
    :param timeout: deadline of one call (``client.timeout``).
    """

    def __init__(self, loop_thread: LoopThread, rpc: RpcService, address: str, timeout: timedelta) -> None:
        self._loop_thread = loop_thread
        self._rpc = rpc
        self._address = address
        self._timeout = timeout
        self._session: LeaderSessionId | None = None

    @property
    def address(self) -> str:
        return self._address

    @property
    def timeout(self) -> timedelta:
        """Deadline of one call."""
        return self._timeout

    def submit(self, job_graph: JobGraph) -> RpcJobClient:
        """Hand a job over; returns when the Dispatcher has accepted it.

        :raises DuplicateJobError: a job with this id is there already.
        :raises InvalidProgramError: the Dispatcher refuses the graph.
        :raises ClusterUnreachableError: nobody answers at the address.
        """
        from millstream.client.remote.job_client import RpcJobClient  # the two need each other

        request = pb.SubmitJobRequest(job_graph=job_graph)
        response = self.call(lambda dispatcher: dispatcher.submit_job(request))
        return RpcJobClient(self, response.job_id or job_graph.job_id)

    def job(self, job_id: str) -> RpcJobClient:
        """Return a client of a job that is there already (the first call finds out)."""
        from millstream.client.remote.job_client import RpcJobClient

        return RpcJobClient(self, job_id)

    def list_jobs(self) -> list[pb.JobSummary]:
        """Return all jobs the Dispatcher knows, running and archived."""
        return list(self.call(lambda dispatcher: dispatcher.list_jobs(pb.ListJobsRequest())).jobs)

    def overview(self) -> pb.ClusterOverview:
        """Return what the cluster has: TaskManagers, slots, jobs."""
        return self.call(lambda dispatcher: dispatcher.get_cluster_overview(pb.Empty()))

    def dispose_savepoint(self, path: str) -> None:
        """Delete a savepoint, or a checkpoint that a job has left behind.

        :param path: its directory or its metadata file; a relative one begins where this process runs.
        :raises MillstreamError: there is none, or a running job needs it.
        """
        request = pb.DisposeSavepointRequest(path=absolute(path))
        self.call(lambda dispatcher: dispatcher.dispose_savepoint(request))

    def shut_down_cluster(self) -> None:
        """Ask the master to end."""
        self.call(lambda dispatcher: dispatcher.shut_down_cluster(pb.Empty()))

    def call(self, method: Callable[[DispatcherGateway], Awaitable[T]], extra_wait: timedelta = timedelta(0)) -> T:
        """Call one method of the Dispatcher and wait for its answer.

        :param extra_wait: how much longer than a usual call the Dispatcher may hold this one back.
        """
        seconds = (self._timeout + extra_wait).total_seconds()
        try:
            return self._loop_thread.run(self._call(method, seconds), seconds + _GRACE_SECONDS)
        except (RpcUnavailableError, EndpointNotFoundError) as error:
            raise ClusterUnreachableError(self._address, str(error)) from error
        except (TimeoutError, RpcTimeoutError) as error:
            raise ClusterUnreachableError(
                self._address, f"no answer within {seconds:g} s (client.timeout): {error}"
            ) from error

    async def _call(self, method: Callable[[DispatcherGateway], Awaitable[T]], seconds: float) -> T:
        """Call with a leader session id, a fresh one if the one at hand is a deposed leader's."""
        known = self._session is not None
        try:
            return await method(await self._connect(seconds))
        except (FencingError, EndpointNotFoundError):
            self._session = None
            if not known:
                raise
            return await method(await self._connect(seconds))

    async def _connect(self, seconds: float) -> DispatcherGateway:
        if self._session is None:
            self._session = await self._rpc.leader_session_id(self._address, DISPATCHER)
        return self._rpc.connect(
            # The Protocol class only names the service; it is not instantiated.
            DispatcherGateway,  # type: ignore[type-abstract]
            self._address,
            DISPATCHER,
            self._session,
            timedelta(seconds=seconds),
        )
