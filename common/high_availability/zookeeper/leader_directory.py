"""Who leads, as the leaders themselves have written it into ZooKeeper."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import (
    NodeMissingError,
    ZooKeeperClient,
    ZooKeeperConnectionError,
    ZooKeeperError,
)
from millstream.common.ids import LeaderSessionId

__all__ = ["ZooKeeperLeaderDirectory"]

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class ZooKeeperLeaderDirectory:
    """Implements :class:`~millstream.common.high_availability.leader_directory.LeaderDirectory`.

    :param client: a started client.
    :param owns_client: it is closed with the directory.
    """

    def __init__(self, client: ZooKeeperClient, owns_client: bool = False) -> None:
        self._client = client
        self._owns_client = owns_client
        self._watches: set[asyncio.Task[None]] = set()

    @property
    def description(self) -> str:
        return self._client.description

    async def current(self, endpoint: str) -> LeaderInformation:
        leader = await self._read(endpoint)
        if leader is None:
            raise NoLeaderError(f"Nobody leads {endpoint} at present, says {self.description}.")
        return leader

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        task = asyncio.get_running_loop().create_task(self._follow(endpoint, on_change))
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

        def end() -> None:
            task.cancel()

        return end

    async def close(self) -> None:
        watches = list(self._watches)
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        if self._owns_client:
            await self._client.close()

    async def _read(self, endpoint: str) -> LeaderInformation | None:
        node = paths.connection_info(endpoint)
        try:
            data, _ = await self._client.get(node)
        except NodeMissingError:
            return None
        try:
            fields = json.loads(data)
            return LeaderInformation(str(fields["address"]), LeaderSessionId(str(fields["session_id"])))
        except (ValueError, TypeError, KeyError) as error:
            raise ZooKeeperError(
                f"The node {node} does not tell who leads {endpoint}: {data[:200]!r} ({self.description}). Whatever"
                " writes there besides Millstream must have another high-availability.cluster-id."
            ) from error

    async def _follow(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> None:
        changed = asyncio.Event()
        told: list[LeaderInformation | None] = []
        loop = asyncio.get_running_loop()
        end = self._client.watch(paths.connection_info(endpoint), changed.set)
        try:
            while True:
                await changed.wait()
                changed.clear()
                try:
                    leader = await self._read(endpoint)
                except ZooKeeperConnectionError:
                    # Nothing new is known. The client's watch tells when there is a connection again.
                    loop.call_later(_RETRY_SECONDS, changed.set)
                    continue
                except ZooKeeperError as error:
                    logger.warning("%s", error)
                    leader = None
                if told != [leader]:
                    told = [leader]
                    # Of its own, so that what it raises is told as its own and ends no watch.
                    loop.call_soon(on_change, leader)
        finally:
            end()
