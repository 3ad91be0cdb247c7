"""Clients of real servers for one test: they share a root of their own, and all of them are closed in the end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from kazoo.client import KazooClient

from millstream.common.high_availability.zookeeper.kazoo_client import KazooZooKeeperClient

__all__ = ["Clients"]


class Clients:
    """Makes clients.

    :param quorum: the servers.
    """

    def __init__(self, quorum: str) -> None:
        self.quorum = quorum
        self.root = f"/tests/{secrets.token_hex(8)}"
        self._made: list[KazooZooKeeperClient] = []

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test's coroutine and close what it has made."""

        async def body() -> None:
            try:
                await test()
            finally:
                await self.close()

        asyncio.run(body())

    async def close(self) -> None:
        """Close all that were made."""
        await asyncio.gather(*(client.close() for client in self._made))
        self._made.clear()

    def make(
        self,
        *,
        quorum: str | None = None,
        root: str | None = None,
        session_timeout_s: float = 4.0,
        connection_timeout_s: float = 10.0,
        retry_wait_s: float = 0.3,
        max_retry_attempts: int = 3,
        creator_only: bool = False,
        authorization: tuple[tuple[str, str], ...] = (),
    ) -> KazooZooKeeperClient:
        """Return a client that is not started."""
        client = KazooZooKeeperClient(
            quorum or self.quorum,
            root or self.root,
            session_timeout_s=session_timeout_s,
            connection_timeout_s=connection_timeout_s,
            retry_wait_s=retry_wait_s,
            max_retry_attempts=max_retry_attempts,
            creator_only=creator_only,
            authorization=authorization,
        )
        self._made.append(client)
        return client

    async def connect(self) -> KazooZooKeeperClient:
        """Return a client that is connected."""
        client = self.make()
        await client.start()
        return client

    def expire(self, client: KazooZooKeeperClient) -> Awaitable[None]:
        """Let the servers end a client's session, as if its time had passed: somebody else takes it and closes it."""
        session = client._connection.kazoo.client_id
        quorum = self.quorum

        def close_session() -> None:
            twin = KazooClient(hosts=quorum, client_id=session)
            twin.start(timeout=10)
            twin.stop()
            twin.close()

        return asyncio.to_thread(close_session)
