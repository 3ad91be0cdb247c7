"""A master's services with ZooKeeper: the client, the election, who leads, and the storage of what is kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import LeaderContender
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import ZooKeeperClient
from millstream.common.high_availability.zookeeper.election import ZooKeeperElection
from millstream.common.high_availability.zookeeper.latch import Latch
from millstream.common.high_availability.zookeeper.leader_directory import ZooKeeperLeaderDirectory
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.high_availability.zookeeper.zookeeper_leadership import ZooKeeperLeadership
from millstream.common.ids import IdFactory

__all__ = ["ZooKeeperServices"]

_STORAGE_THREADS = 4


class ZooKeeperServices:
    """Implements :class:`~millstream.common.high_availability.services.HighAvailabilityServices`.

    :param client: not started yet; it is closed with the services.
    :param configuration: with ``high-availability.storageDir``.
    :param ids: for the names of candidates and files.
    :param address: returns where this master's RPC service is reached, once it is started.
    :raises ConfigurationError: an option is missing or wrong.
    """

    def __init__(
        self, client: ZooKeeperClient, configuration: Configuration, ids: IdFactory, address: Callable[[], str]
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._ids = ids
        self._address = address
        self._threads = ThreadPoolExecutor(_STORAGE_THREADS, "ha-storage")
        self._storage = HighAvailabilityStorage(configuration, self._threads, ids)
        self._job_graphs = paths.job_graphs(configuration)
        self._leaders = ZooKeeperLeaderDirectory(client)
        self._election: ZooKeeperElection | None = None

    @property
    def leaders(self) -> LeaderDirectory:
        return self._leaders

    @property
    def survives_its_leader(self) -> bool:
        return True

    @property
    def default_checkpoint_directory(self) -> str | None:
        return self._storage.checkpoint_directory

    async def start(self) -> None:
        await self._client.start()

    def contend(self, contender: LeaderContender) -> None:
        if self._election is not None:
            raise RuntimeError("this process contends already")
        latch = Latch(self._ids.hex, self._configuration.get(HighAvailabilityOptions.ZOOKEEPER_TOLERATE_SUSPENDED))
        timeout = self._configuration.get(HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT)
        self._election = ZooKeeperElection(
            self._client, contender, latch, self._address(), timeout.total_seconds(), self._new_term
        )

    async def close(self) -> None:
        if self._election is not None:
            await self._election.close()
        await self._leaders.close()
        await self._client.close()
        self._threads.shutdown(wait=False)

    def _new_term(self, node: str, on_refused: Callable[[], None]) -> ZooKeeperLeadership:
        return ZooKeeperLeadership(self._client, node, self._storage, self._job_graphs, on_refused)
