"""No high availability: one master at a fixed address, which leads as long as it lives.

It runs the same code as masters that contend: it is granted leadership as soon as it asks for it, and what it keeps
for its successors it keeps in vain, in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.high_availability.leader_directory import LeaderDirectory, NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeaderContender
from millstream.common.high_availability.memory_stores import (
    MemoryCheckpointPointers,
    MemoryJobGraphStore,
    MemoryJobResultStore,
)
from millstream.common.ids import JobID
from millstream.common.rpc.service import EndpointNotFoundError, RpcService

__all__ = ["FixedLeaderDirectory", "StandaloneLeadership", "StandaloneServices"]


class FixedLeaderDirectory:
    """Implements :class:`~millstream.common.high_availability.leader_directory.LeaderDirectory`: whoever serves an
    endpoint at the one address leads it.

    :param rpc: to ask with.
    :param address: of the master, ``host:port``.
    """

    def __init__(self, rpc: RpcService, address: str) -> None:
        self._rpc = rpc
        self._address = address

    @property
    def description(self) -> str:
        return self._address

    async def current(self, endpoint: str) -> LeaderInformation:
        try:
            session_id = await self._rpc.leader_session_id(self._address, endpoint)
        except EndpointNotFoundError as error:
            raise NoLeaderError(str(error)) from error
        return LeaderInformation(self._address, session_id)

    def watch(
        self,
        endpoint: str,  # the same for all endpoints
        on_change: Callable[[LeaderInformation | None], None],  # the leader never changes
    ) -> Callable[[], None]:
        return _nothing

    async def close(self) -> None:
        """The RPC service is its owner's."""


class StandaloneLeadership:
    """Implements :class:`~millstream.common.high_availability.leadership.Leadership`: the only term there is."""

    def __init__(self) -> None:
        self._is_valid = True
        self._job_graphs = MemoryJobGraphStore()
        self._job_results = MemoryJobResultStore()
        self._checkpoints: dict[JobID, MemoryCheckpointPointers] = {}

    @property
    def is_valid(self) -> bool:
        return self._is_valid

    @property
    def job_graphs(self) -> MemoryJobGraphStore:
        return self._job_graphs

    @property
    def job_results(self) -> MemoryJobResultStore:
        return self._job_results

    def checkpoints(self, job_id: JobID) -> MemoryCheckpointPointers:
        return self._checkpoints.setdefault(job_id, MemoryCheckpointPointers())

    async def publish(self, endpoint: str, leader: LeaderInformation) -> None:
        """Whoever asks at the address finds the endpoint."""

    async def withdraw(self, endpoint: str) -> None:
        """Whoever asks at the address finds no endpoint."""

    async def forget_job(self, job_id: JobID) -> None:
        await self._job_graphs.remove(job_id)
        self._checkpoints.pop(job_id, None)

    def end(self) -> None:
        """The process ends, and nobody comes after it."""
        self._is_valid = False


class StandaloneServices:
    """Implements :class:`~millstream.common.high_availability.services.HighAvailabilityServices`.

    :param rpc: the master's.
    """

    def __init__(self, rpc: RpcService) -> None:
        self._rpc = rpc
        self._leadership = StandaloneLeadership()
        self._granting: asyncio.Handle | None = None

    @property
    def leaders(self) -> LeaderDirectory:
        return FixedLeaderDirectory(self._rpc, self._rpc.address)  # which is known once the RPC service has begun

    @property
    def survives_its_leader(self) -> bool:
        return False

    @property
    def default_checkpoint_directory(self) -> str | None:
        return None

    async def start(self) -> None:
        """There is nobody to connect to."""

    def contend(self, contender: LeaderContender) -> None:
        self._granting = asyncio.get_running_loop().call_soon(contender.granted, self._leadership)

    async def close(self) -> None:
        if self._granting is not None:
            self._granting.cancel()
        self._leadership.end()


def _nothing() -> None:
    pass
