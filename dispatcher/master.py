"""The master: a ResourceManager and a Dispatcher on one RPC service."""

from __future__ import annotations

import asyncio

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService
from millstream.dispatcher.dispatcher import Dispatcher
from millstream.jobmanager.resource_manager import ResourceManager

__all__ = ["Master"]


class Master:
    """Everything that a cluster has one of.

    :param rpc: a started service; the caller closes it after the master.
    """

    def __init__(self, rpc: RpcService, clock: Clock, configuration: Configuration, ids: IdFactory) -> None:
        self._resource_manager = ResourceManager(rpc, clock, configuration, ids)
        self._shutdown = asyncio.Event()
        self._dispatcher = Dispatcher(rpc, clock, configuration, ids, rpc.address, self._shutdown.set)

    @property
    def dispatcher(self) -> Dispatcher:
        return self._dispatcher

    async def start(self) -> None:
        """Serve both. The ResourceManager comes first: a job asks for slots as soon as it is taken."""
        await self._resource_manager.start()
        await self._dispatcher.start()

    async def wait_shutdown(self) -> None:
        """Return when a client had the cluster shut down and all jobs have ended."""
        await self._shutdown.wait()

    async def close(self) -> None:
        """Cancel all jobs and close both, within ``cluster.services.shutdown-timeout``. May be called twice."""
        try:
            await self._dispatcher.close()
        finally:
            await self._resource_manager.close()
