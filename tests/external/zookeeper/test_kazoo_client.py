"""The client on real servers: the contract, and what happens to sessions and connections."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from pathlib import Path

import pytest

from millstream.common.high_availability.zookeeper.client import (
    SessionState,
    ZooKeeperConnectionError,
    ZooKeeperError,
)
from millstream.testing.process_cluster import free_port
from millstream.testing.zookeeper_server import ZooKeeperServers
from tests.external.zookeeper.real_clients import Clients
from tests.zookeeper_contract import CONTRACT, Check, happens


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check, clients: Clients) -> None:
    clients.run(lambda: check(clients.connect))


def test_without_a_server_the_start_fails_in_time_and_names_quorum_and_option() -> None:
    clients = Clients(f"127.0.0.1:{free_port()}")

    async def test() -> None:
        client = clients.make(connection_timeout_s=0.5)
        with pytest.raises(ZooKeeperConnectionError, match=r"0\.5 s.*high-availability\.zookeeper\.quorum") as error:
            await client.start()
        assert clients.quorum in str(error.value)

    begun = time.monotonic()
    clients.run(test)
    assert time.monotonic() - begun < 5


def test_a_silent_server_delays_the_start_only_for_its_share(servers: ZooKeeperServers) -> None:
    """One that accepts and never answers is left for the next one."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        clients = Clients(f"127.0.0.1:{silent.getsockname()[1]},{servers.quorum}")

        async def test() -> None:
            client = await clients.connect()
            assert client.state is SessionState.CONNECTED

        clients.run(test)


def test_an_expired_session_is_told_and_followed_by_a_new_one(clients: Clients) -> None:
    async def test() -> None:
        client, other = await clients.connect(), await clients.connect()
        states: list[SessionState] = []
        changes: list[None] = []
        client.listen(states.append)
        client.watch("/w", lambda: changes.append(None))
        await happens(lambda: changes, "the watch stands")
        first = client.session_id
        await client.create("/mine", ephemeral=True)
        await clients.expire(client)
        await happens(lambda: client.session_id != first and client.state is SessionState.CONNECTED, "a new session")
        assert SessionState.LOST in states
        assert states[-1] is SessionState.CONNECTED
        assert "mine" not in await other.children("/")
        before = len(changes)
        await other.create("/w")
        await happens(lambda: len(changes) > before, "the watch stands in the new session too")

    clients.run(test)


def test_without_a_connection_writes_fail_at_once_and_reads_wait_for_it(
    tmp_path: Path, servers: ZooKeeperServers
) -> None:
    with ZooKeeperServers(tmp_path) as own:
        clients = Clients(own.quorum)

        async def test() -> None:
            client = clients.make(session_timeout_s=8, retry_wait_s=5)
            await client.start()
            states: list[SessionState] = []
            changes: list[None] = []
            client.listen(states.append)
            client.watch("/kept", lambda: changes.append(None))
            await client.create("/kept", b"1")
            await client.create("/ephemeral", ephemeral=True)
            session = client.session_id
            own.kill(0)
            await happens(lambda: client.state is SessionState.SUSPENDED, "the broken connection is noticed")
            with pytest.raises(ZooKeeperConnectionError, match="no connection"):
                await client.create("/never")
            read = asyncio.ensure_future(client.get("/kept"))
            before = len(changes)
            await asyncio.to_thread(own.restart, 0)
            assert (await read)[0] == b"1"
            assert client.session_id == session
            assert (await client.get("/ephemeral"))[1].ephemeral_owner == session
            assert await client.children("/") == ["ephemeral", "kept"]
            await happens(lambda: len(changes) > before, "the watch is told once more: something may have changed")
            assert states == [SessionState.SUSPENDED, SessionState.CONNECTED]

        clients.run(test)


def test_calls_to_a_frozen_server_end_in_time_and_so_does_the_client(tmp_path: Path, servers: ZooKeeperServers) -> None:
    with ZooKeeperServers(tmp_path) as own:
        clients = Clients(own.quorum)

        async def test() -> None:
            client = clients.make(session_timeout_s=60, connection_timeout_s=1, max_retry_attempts=0)
            await client.start()
            own.freeze(0)
            begun = time.monotonic()
            with pytest.raises(ZooKeeperConnectionError, match="no answer within 1 s"):
                await client.create("/a")
            with pytest.raises(ZooKeeperConnectionError):
                await client.get("/a")
            assert time.monotonic() - begun < 6

        clients.run(test)  # the server still does not answer when the client is closed
        own.thaw(0)


def test_a_call_that_was_late_is_carried_out_before_a_later_one(tmp_path: Path, servers: ZooKeeperServers) -> None:
    """Whoever reads after a write whose outcome is unknown knows it."""
    with ZooKeeperServers(tmp_path) as own:
        clients = Clients(own.quorum)

        async def test() -> None:
            client = clients.make(session_timeout_s=60, connection_timeout_s=1, max_retry_attempts=8)
            await client.start()
            own.freeze(0)
            with pytest.raises(ZooKeeperConnectionError):
                await client.create("/late")
            read = asyncio.ensure_future(client.children("/"))
            await asyncio.sleep(0)
            own.thaw(0)
            assert await read == ["late"]

        clients.run(test)


def test_an_ensemble_serves_on_without_one_of_its_members(ensemble: ZooKeeperServers) -> None:
    clients = Clients(ensemble.quorum)

    async def test() -> None:
        client = clients.make(session_timeout_s=8)
        await client.start()
        await client.create("/node", ephemeral=True)
        session = client.session_id
        for server in range(3):
            await asyncio.to_thread(ensemble.kill, server)
            assert "node" in await client.children("/")
            assert client.session_id == session
            await asyncio.to_thread(ensemble.restart, server)

    clients.run(test)


def test_a_frozen_member_is_left_for_another(ensemble: ZooKeeperServers) -> None:
    clients = Clients(ensemble.quorum)

    async def test() -> None:
        client = clients.make(session_timeout_s=3, max_retry_attempts=30)
        await client.start()
        for server in range(3):
            ensemble.freeze(server)
            try:
                await client.children("/")
            finally:
                ensemble.thaw(server)

    clients.run(test)


def test_nodes_of_a_creator_are_nobody_elses(clients: Clients) -> None:
    # At the top, where no other test looks into it.
    clients.root = f"/creators-{secrets.token_hex(8)}"

    async def test() -> None:
        owner = clients.make(creator_only=True, authorization=(("digest", "flink:secret"),))
        await owner.start()
        await owner.create("/mine", b"1")
        stranger = clients.make(authorization=(("digest", "other:other"),))
        await stranger.start()
        with pytest.raises(ZooKeeperError, match=r"client\.authorization"):
            await stranger.get("/mine")
        twin = clients.make(creator_only=True, authorization=(("digest", "flink:secret"),))
        await twin.start()
        assert (await twin.get("/mine"))[0] == b"1"

    clients.run(test)


def test_creator_without_authorization_is_a_clear_error(clients: Clients) -> None:
    async def test() -> None:
        client = clients.make(creator_only=True)
        with pytest.raises(ZooKeeperError, match=r"client\.authorization"):
            await client.start()

    clients.run(test)


def test_an_unknown_scheme_of_authorization_is_a_clear_error(clients: Clients) -> None:
    async def test() -> None:
        client = clients.make(authorization=(("bogus", "x"),), connection_timeout_s=1.0)
        with pytest.raises(ZooKeeperError, match=r"client\.authorization"):
            await client.start()

    clients.run(test)
