"""The cluster as the REST interface sees it: gateways to whoever leads now.

A master that serves REST need not lead: it asks the leader of the cluster, wherever that is. The gateways here look the
leader up when they are called, keep it, and look again when it turns out to be another one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeVar

from google.protobuf.message import Message

from millstream.common.config import Configuration, RpcOptions, WebOptions
from millstream.common.high_availability.leader_directory import LeaderDirectory, NoLeaderError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway, TaskExecutorGateway
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RpcService,
    RpcUnavailableError,
)
from millstream.common.rpc.stub import make_stub
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.dispatcher import DISPATCHER_ENDPOINT, RESOURCE_MANAGER_ENDPOINT
from millstream.dispatcher.rest.errors import NotFoundError

__all__ = ["ClusterAccess", "UnknownTaskManagerError"]

G = TypeVar("G")


class UnknownTaskManagerError(NotFoundError):
    """No TaskManager of this id is registered."""

    def __init__(self, resource_id: str) -> None:
        super().__init__(f"Could not find TaskExecutor {resource_id}.")
        self.resource_id = resource_id


class ClusterAccess:
    """Gateways to the Dispatcher, the ResourceManager and the TaskManagers.

    Calls raise NoLeaderError while nobody leads, and else what the gateways raise.

    :param rpc: connects; not owned.
    :param leaders: says who leads; not owned.
    """

    def __init__(self, rpc: RpcService, leaders: LeaderDirectory, configuration: Configuration) -> None:
        self._rpc = rpc
        timeout = configuration.get(WebOptions.TIMEOUT)
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._dispatcher = _LeaderGateway(
            rpc,
            leaders,
            DispatcherGateway,  # type: ignore[type-abstract]  # a stub is made of it
            DISPATCHER_ENDPOINT,
            timeout,
        )
        self._resource_manager = _LeaderGateway(
            rpc,
            leaders,
            ResourceManagerGateway,  # type: ignore[type-abstract]  # as above
            RESOURCE_MANAGER_ENDPOINT,
            timeout,
        )

    @property
    def dispatcher(self) -> DispatcherGateway:
        """The leading Dispatcher. Its calls may take ``web.timeout``."""
        return self._dispatcher.gateway

    @property
    def resource_manager(self) -> ResourceManagerGateway:
        """The leading ResourceManager. Its calls may take ``web.timeout``."""
        return self._resource_manager.gateway

    async def task_managers(self) -> list[pb.TaskManagerSummary]:
        """Return the TaskManagers that are registered now."""
        overview = await self.resource_manager.get_resource_overview(pb.Empty())
        return list(overview.task_manager_list)

    async def task_manager(self, resource_id: str) -> pb.TaskManagerSummary:
        """Return one of the TaskManagers.

        :raises UnknownTaskManagerError: it is not registered.
        """
        for summary in await self.task_managers():
            if summary.resource_id == resource_id:
                return summary
        raise UnknownTaskManagerError(resource_id)

    async def task_executor(self, resource_id: str) -> TaskExecutorGateway:
        """Return a gateway to the TaskManager. Its calls may take ``pekko.ask.timeout``.

        :raises UnknownTaskManagerError: it is not registered.
        """
        return self.task_executor_of(await self.task_manager(resource_id))

    def task_executor_of(self, summary: pb.TaskManagerSummary, timeout: timedelta | None = None) -> TaskExecutorGateway:
        """Return a gateway to a TaskManager that :meth:`task_managers` has told of."""
        return self._rpc.connect(
            TaskExecutorGateway,  # type: ignore[type-abstract]  # connect makes it concrete
            summary.address,
            f"taskexecutor-{summary.resource_id}",
            LeaderSessionId(summary.session_id),
            timeout if timeout is not None else self._ask_timeout,
        )


class _LeaderGateway(Generic[G]):
    """A gateway that finds its leader by itself."""

    def __init__(
        self, rpc: RpcService, leaders: LeaderDirectory, gateway: type[G], endpoint: str, timeout: timedelta
    ) -> None:
        self._rpc = rpc
        self._leaders = leaders
        self._type = gateway
        self._endpoint = endpoint
        self._timeout = timeout
        self._current: object | None = None
        self.gateway: G = make_stub(self._call, gateway, leaders.description, endpoint, None, timeout)

    async def _call(
        self,
        method: RpcMethod,
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None,
        timeout_s: float,
        request: Message,
    ) -> Message:
        known = self._current
        if known is not None:
            try:
                return await self._ask(known, method, request)
            except (FencingError, EndpointNotFoundError):  # it was not carried out: somebody else leads by now
                pass
            except RpcUnavailableError as error:
                self._forget(known)
                raise NoLeaderError(f"the leader of {endpoint} cannot be reached: {error}") from error
            self._forget(known)
        try:
            leader = await self._leaders.current(endpoint)
            found: object = self._rpc.connect(self._type, leader.address, endpoint, leader.session_id, self._timeout)
            self._current = found
            return await self._ask(found, method, request)
        except (FencingError, EndpointNotFoundError, RpcUnavailableError) as error:
            self._current = None
            raise NoLeaderError(f"nobody leads {endpoint} now: {error}") from error

    def _forget(self, known: object) -> None:
        if self._current is known:
            self._current = None

    async def _ask(self, gateway: object, method: RpcMethod, request: Message) -> Message:
        answer: Message = await getattr(gateway, method.name)(request)
        return answer
