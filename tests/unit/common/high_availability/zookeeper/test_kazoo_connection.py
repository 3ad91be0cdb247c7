"""The client when servers talk nonsense: a stand-in for a server says what real ones do not."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.high_availability.zookeeper.client import SessionState, ZooKeeperConnectionError
from millstream.common.high_availability.zookeeper.kazoo_client import KazooZooKeeperClient
from tests.zookeeper_contract import happens

_PING = -2
_CLOSE = -11
_EXISTS = 3
_STAT = bytes(68)


class StandIn:
    """Serves sessions and says that each node exists; an answer to anything else is one to another question."""

    def __init__(self) -> None:
        self.sessions = 0
        self.is_confused = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._frame(reader)
            self.sessions += 1
            greeting = struct.pack("!iiqi", 0, 10_000, self.sessions, 16) + bytes(17)
            writer.write(struct.pack("!i", len(greeting)) + greeting)
            while True:
                number, kind = struct.unpack("!ii", (await self._frame(reader))[:8])
                known = kind in (_PING, 11, _EXISTS, _CLOSE)
                answer = struct.pack("!iqi", number if known and not self.is_confused else 999, 1, 0)
                answer += _STAT if kind == _EXISTS else b""
                writer.write(struct.pack("!i", len(answer)) + answer)
                if kind == _CLOSE:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _frame(reader: asyncio.StreamReader) -> bytes:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        return await reader.readexactly(length)


def run(test: Callable[[StandIn, KazooZooKeeperClient], Awaitable[None]]) -> None:
    async def body() -> None:
        stand_in = StandIn()
        server = await asyncio.start_server(stand_in, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = KazooZooKeeperClient(
            f"127.0.0.1:{port}",
            "/flink",
            session_timeout_s=10,
            connection_timeout_s=5,
            retry_wait_s=0.2,
            max_retry_attempts=0,
        )
        try:
            await client.start()
            await test(stand_in, client)
        finally:
            await client.close()
            server.close()
            await server.wait_closed()

    asyncio.run(body())


def test_an_answer_that_cannot_be_understood_costs_the_session_and_another_one_follows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(stand_in: StandIn, client: KazooZooKeeperClient) -> None:
        states: list[SessionState] = []
        client.listen(states.append)
        assert client.session_id == 1
        stand_in.is_confused = True
        with pytest.raises(ZooKeeperConnectionError, match="create /a"):
            await client.create("/a")  # nobody can tell whether it was made
        await happens(lambda: SessionState.LOST in states, "the session is lost")
        with pytest.raises(ZooKeeperConnectionError):
            await client.get("/a")
        stand_in.is_confused = False
        await happens(lambda: client.state is SessionState.CONNECTED, "there is another session")
        assert client.session_id == 2

    run(test)
    assert "has ended; starting another" in caplog.text


def test_a_client_is_closed_also_while_it_starts_anew() -> None:
    async def test(stand_in: StandIn, client: KazooZooKeeperClient) -> None:
        stand_in.is_confused = True
        with pytest.raises(ZooKeeperConnectionError):
            await client.create("/a")
        await happens(lambda: client.state is SessionState.LOST, "the session is lost")

    run(test)
