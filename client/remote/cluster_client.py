"""A blocking client of a cluster's Dispatcher, whichever carrier reaches it.

It owns nothing but what it is given: the RPC service may be gRPC's on the process's loop thread (a remote cluster)
or the in-process one of a MiniCluster. Every call has a deadline (``client.timeout``), and the errors say what to
look at. Where leaders change, a call goes on with the next leader: only when ``client.timeout`` passes without an
answer and without a new leader does it fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from millstream.client.remote.dispatcher_leader import DISPATCHER, AnotherLeaderError, DispatcherLeader
from millstream.client.remote.errors import ClusterUnreachableError
from millstream.common.errors import DuplicateJobError, MillstreamError
from millstream.common.file_system.uri import absolute
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RemoteCallError,
    RpcService,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb

if TYPE_CHECKING:
    from millstream.client.loop_thread import LoopThread
    from millstream.client.remote.job_client import RpcJobClient
    from millstream.common.high_availability.leader_information import LeaderInformation
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["ClusterClient"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_GRACE_SECONDS: Final = 5.0
"""Added to a call's own deadline before the blocked caller gives up: the carrier's error is the clearer one."""
_RETRY_SECONDS: Final = 0.2

_NOT_DONE: Final = (FencingError, EndpointNotFoundError, NoLeaderError)
"""Who was asked does not lead; it did nothing."""
_IN_DOUBT: Final = (RpcUnavailableError, RpcTimeoutError, AnotherLeaderError)
"""There was no answer; what was asked for may have been done."""


class ClusterClient:
    """Speaks to the Dispatcher that leads.

    :param loop_thread: where the RPC service lives; not owned.
    :param rpc: the carrier; not owned.
    :param leader: says where to find the Dispatcher; lives on the loop thread; not owned.
    :param timeout: deadline of one call (``client.timeout``).
    :ivar on_new_leader: called by the thread that waits for a call, with a line to show, when another leader answered.
    """

    def __init__(self, loop_thread: LoopThread, rpc: RpcService, leader: DispatcherLeader, timeout: timedelta) -> None:
        self._loop_thread = loop_thread
        self._rpc = rpc
        self._leader = leader
        self._timeout = timeout
        self._answered: LeaderInformation | None = None
        self.on_new_leader: Callable[[str], None] = _log.warning

    @property
    def timeout(self) -> timedelta:
        """Deadline of one call."""
        return self._timeout

    @property
    def leader(self) -> LeaderInformation | None:
        """The leader that answered the last call; ``None``: there was none yet."""
        return self._answered

    def find_leader(self) -> LeaderInformation:
        """Return the leader, waiting for one where leaders change.

        :raises ClusterUnreachableError: there is none.
        """

        async def nothing(_: DispatcherGateway) -> None:
            """Whoever is found will do."""

        self.call(nothing)
        assert self._answered is not None, "a call that returns has found a leader"
        return self._answered

    def submit(self, job_graph: JobGraph) -> RpcJobClient:
        """Hand a job over; returns when the Dispatcher has accepted it.

        :raises DuplicateJobError: a job with this id is there already.
        :raises InvalidProgramError: the Dispatcher refuses the graph.
        :raises ClusterUnreachableError: nobody answers.
        """
        from millstream.client.remote.job_client import RpcJobClient  # the two need each other

        request = pb.SubmitJobRequest(job_graph=job_graph)
        in_doubt = False

        async def submit(dispatcher: DispatcherGateway) -> pb.SubmitJobResponse:
            nonlocal in_doubt
            try:
                return await dispatcher.submit_job(request)
            except DuplicateJobError:
                if not in_doubt:
                    raise
                return pb.SubmitJobResponse(job_id=job_graph.job_id)  # a leader has taken it and could not say so
            except _NOT_DONE:
                raise
            except BaseException:  # also the cancellation of a call that a takeover has made pointless
                in_doubt = True
                raise

        response = self.call(submit)
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

    def call(
        self, method: Callable[[DispatcherGateway], Coroutine[Any, Any, T]], extra_wait: timedelta = timedelta(0)
    ) -> T:
        """Call one method of the Dispatcher and wait for its answer.

        Where leaders change, the method may be called several times: when the outcome of the first try is not known
        the next leader is asked all the same.

        :param extra_wait: how much longer than a usual call the Dispatcher may hold this one back.
        """
        before = self._answered
        seconds = (self._timeout + extra_wait).total_seconds()
        changes = self._leader.changes
        # Each new leader gives it more time; whatever it waits for then has a deadline of its own.
        longest = None if changes else seconds + _GRACE_SECONDS
        try:
            return self._loop_thread.run(self._call(method, seconds), longest)
        except (RpcUnavailableError, AnotherLeaderError) as error:
            raise self._unreachable(str(error)) from error
        except _NOT_DONE as error:
            raise self._unreachable(str(error), answers=True) from error
        except (TimeoutError, RpcTimeoutError) as error:
            raise self._unreachable(f"no answer within {seconds:g} s (client.timeout): {error}") from error
        finally:
            now = self._answered
            if changes and before is not None and now is not None and now != before:
                self.on_new_leader(f"Another master leads the cluster now: the one at {now.address}")

    def _unreachable(self, reason: str, *, answers: bool = False) -> ClusterUnreachableError:
        return ClusterUnreachableError(
            self._leader.description, reason, highly_available=self._leader.changes, answers=answers
        )

    async def _call(self, method: Callable[[DispatcherGateway], Coroutine[Any, Any, T]], seconds: float) -> T:
        loop = self._loop_thread.loop
        give_up_at = loop.time() + seconds
        last: LeaderInformation | None = None
        while True:
            known = self._leader.known is not None
            leader: LeaderInformation | None = None
            try:
                leader = await self._leader.find()
                if leader != last:
                    # The cluster lives, however often it had to change its leader while this call was waiting.
                    last, give_up_at = leader, loop.time() + seconds
                call = method(self._connect(leader, seconds))
                result = await self._leader.unless_another_leads(leader, call)
                self._answered = leader
                return result
            except MillstreamError as error:
                if leader is None:
                    again = self._leader.changes  # the directory may know more in a moment
                else:
                    again = _is_no_answer(error)
                    if again:
                        self._leader.forget(leader)
                    else:
                        self._answered = leader
                    if not self._leader.changes:
                        # The master may have been started anew, at the same address.
                        again = known and isinstance(error, _NOT_DONE)
                if not again or loop.time() >= give_up_at:
                    if leader is None and self._leader.changes:
                        raise NoLeaderError(str(error)) from error
                    raise
                _log.debug("Asking the leader again: %s", error)
            if self._leader.changes and self._leader.known is None:
                await self._leader.wait_for_news(_RETRY_SECONDS)

    def _connect(self, leader: LeaderInformation, seconds: float) -> DispatcherGateway:
        return self._rpc.connect(
            # The Protocol class only names the service; it is not instantiated.
            DispatcherGateway,  # type: ignore[type-abstract]
            leader.address,
            DISPATCHER,
            leader.session_id,
            timedelta(seconds=seconds),
        )


def _is_no_answer(error: MillstreamError) -> bool:
    """Whether the error says nothing of what was asked, but only that it was asked in vain: of no leader."""
    if isinstance(error, RemoteCallError):
        return error.exception_type == LeadershipLostError.__name__
    return isinstance(error, (*_NOT_DONE, *_IN_DOUBT))
