"""The model of ZooKeeper on an ordinary event loop: what a client sees of nodes, sessions, watches and disturbances."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from millstream.common.high_availability.zookeeper.client import (
    CheckNode,
    CreateNode,
    DeleteNode,
    NodeExistsError,
    NodeMissingError,
    NodeNotEmptyError,
    SessionState,
    SetNode,
    VersionMismatchError,
    ZooKeeperClient,
    ZooKeeperConnectionError,
)
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient
from tests.zookeeper_contract import CONTRACT, Check

Scenario = Callable[[SimulatedZooKeeper, SimulatedZooKeeperClient], Awaitable[None]]


def run(scenario: Scenario, *, servers: int = 1) -> None:
    async def main() -> None:
        zookeeper = SimulatedZooKeeper(servers=servers)
        client = zookeeper.client("/flink/test")
        await client.start()
        await scenario(zookeeper, client)
        await client.close()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait some turns of the loop: nothing takes longer there."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


async def started(zookeeper: SimulatedZooKeeper) -> SimulatedZooKeeperClient:
    client = zookeeper.client("/flink/test")
    await client.start()
    return client


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("servers", [1, 3])
def test_keeps_to_the_contract(check: Check, servers: int) -> None:
    async def main() -> None:
        zookeeper = SimulatedZooKeeper(servers=servers)
        clients: list[SimulatedZooKeeperClient] = []

        async def connect() -> SimulatedZooKeeperClient:
            clients.append(await started(zookeeper))
            return clients[-1]

        await check(connect)
        for client in clients:
            await client.close()
        assert zookeeper.sessions == []

    asyncio.run(main())


def test_is_a_zookeeper_client() -> None:
    client: ZooKeeperClient = SimulatedZooKeeper().client()
    assert client.state is SessionState.SUSPENDED
    assert client.session_id == 0


def test_makes_changes_and_deletes_nodes() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        assert await client.create("/a/b", b"1") == "/a/b"
        data, created = await client.get("/a/b")
        assert (data, created.version, created.ephemeral_owner) == (b"1", 0, 0)
        changed = await client.set("/a/b", b"2", version=0)
        assert (changed.version, changed.creation_id) == (1, created.creation_id)
        assert await client.children("/a") == ["b"]
        assert "/flink/test/a/b" in zookeeper.paths()
        with pytest.raises(NodeExistsError, match="/a/b"):
            await client.create("/a/b")
        with pytest.raises(NodeNotEmptyError):
            await client.delete("/a")
        with pytest.raises(VersionMismatchError):
            await client.set("/a/b", b"3", version=0)
        with pytest.raises(VersionMismatchError):
            await client.delete("/a/b", version=0)
        await client.delete("/a/b", version=1)
        with pytest.raises(NodeMissingError):
            await client.get("/a/b")
        with pytest.raises(NodeMissingError):
            await client.create("/no/parent", parents=False)

    run(scenario)


def test_numbers_sequential_nodes_by_all_that_ever_were() -> None:
    async def scenario(_: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        first = await client.create("/latch/x-", sequential=True)
        await client.delete(first)
        second = await client.create("/latch/y-", sequential=True, ephemeral=True)
        assert (first, second) == ("/latch/x-0000000000", "/latch/y-0000000001")

    run(scenario)


def test_commits_all_or_nothing() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        await client.create("/kept", b"old")
        before = zookeeper.paths()
        with pytest.raises(NodeMissingError):
            await client.commit(
                [CreateNode("/new"), SetNode("/kept", b"new"), DeleteNode("/kept"), CheckNode("/missing")]
            )
        assert zookeeper.paths() == before
        assert (await client.get("/kept"))[0] == b"old"
        await client.commit([CreateNode("/new"), CreateNode("/new/child"), CheckNode("/new/child", 0)])
        assert await client.children("/new") == ["child"]

    run(scenario)


def test_ephemeral_nodes_go_with_their_session() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        other = await started(zookeeper)
        for name in ("a", "b"):
            await other.create(f"/{name}", ephemeral=True)
        assert (await client.get("/a"))[1].ephemeral_owner == other.session_id
        await other.close()
        await other.close()
        assert await client.children("/") == []
        with pytest.raises(ZooKeeperConnectionError):
            await other.get("/")

    run(scenario)


def test_learns_that_its_session_expired_and_begins_another() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        states: list[SessionState] = []
        client.listen(states.append)
        old = client.session_id
        await client.create("/mine", ephemeral=True)
        zookeeper.expire(client)
        await until(lambda: SessionState.CONNECTED in states)
        assert states == [SessionState.SUSPENDED, SessionState.LOST, SessionState.CONNECTED]
        assert client.session_id not in (0, old)
        assert await client.children("/") == []

    run(scenario)


def test_a_connection_that_breaks_keeps_the_session() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        states: list[SessionState] = []
        stop = client.listen(states.append)
        old = client.session_id
        await client.create("/mine", ephemeral=True)
        zookeeper.disconnect(client)
        with pytest.raises(ZooKeeperConnectionError):
            await client.get("/mine")
        await until(lambda: states == [SessionState.SUSPENDED])
        zookeeper.reconnect(client)
        await until(lambda: states == [SessionState.SUSPENDED, SessionState.CONNECTED])
        assert client.session_id == old
        await client.get("/mine")
        stop()
        zookeeper.disconnect(client)
        zookeeper.reconnect(client)
        await until(lambda: client.state is SessionState.CONNECTED)
        assert len(states) == 2

    run(scenario)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_write_may_be_done_or_not_when_the_connection_breaks(is_done: bool) -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        zookeeper.fail_next(client, before=not is_done, after=is_done)
        with pytest.raises(ZooKeeperConnectionError):
            await client.create("/doubtful")
        await until(lambda: client.state is SessionState.CONNECTED)
        assert await client.children("/") == (["doubtful"] if is_done else [])

    run(scenario)


def test_a_watch_tells_of_what_may_be_new() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        other = await started(zookeeper)
        told: list[None] = []

        async def tells(disturb: Callable[[], Coroutine[Any, Any, object]]) -> None:
            told.clear()
            await disturb()
            await until(lambda: bool(told))
            # Whatever else is under way for it has come when this is answered.
            await client.sync()

        end = client.watch("/node", lambda: told.append(None))
        await until(lambda: bool(told))
        await tells(lambda: other.create("/node"))
        await tells(lambda: other.set("/node", b"x"))
        await tells(lambda: other.create("/node/child"))
        await tells(lambda: other.delete("/node/child"))
        await tells(lambda: other.delete("/node"))

        async def reconnect() -> None:
            zookeeper.disconnect(client)
            zookeeper.reconnect(client)
            await until(lambda: client.state is SessionState.CONNECTED)

        await tells(reconnect)
        told.clear()
        end()
        await other.create("/node")
        await client.sync()
        assert not told
        await other.close()

    run(scenario)


def test_goes_on_without_one_server_of_three_but_not_without_two() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        await client.create("/mine", ephemeral=True)
        zookeeper.stop_server(0)
        await until(lambda: client.state is SessionState.CONNECTED)
        await client.sync()
        zookeeper.stop_server(1)
        await until(lambda: client.state is SessionState.SUSPENDED)
        with pytest.raises(ZooKeeperConnectionError):
            await client.get("/mine")
        zookeeper.start()
        await asyncio.wait_for(_connected(client), 10)
        assert (await client.get("/mine"))[1].ephemeral_owner == client.session_id

    run(scenario, servers=3)


async def _connected(client: SimulatedZooKeeperClient) -> None:
    connected = asyncio.Event()
    stop = client.listen(lambda state: connected.set() if state is SessionState.CONNECTED else None)
    if client.state is not SessionState.CONNECTED:
        await connected.wait()
    stop()


def test_starts_only_if_a_server_answers() -> None:
    async def main() -> None:
        zookeeper = SimulatedZooKeeper()
        zookeeper.stop()
        client = zookeeper.client(connection_timeout=0.05)
        with pytest.raises(ZooKeeperConnectionError, match=r"high-availability\.zookeeper\.quorum"):
            await client.start()

    asyncio.run(main())


def test_a_silent_client_loses_its_session() -> None:
    async def main() -> None:
        zookeeper = SimulatedZooKeeper()
        client = zookeeper.client(session_timeout=0.05)
        watching = zookeeper.client()
        await client.start()
        await watching.start()
        await client.create("/mine", ephemeral=True)
        gone = asyncio.Event()
        watching.watch("/", gone.set)
        await asyncio.wait_for(gone.wait(), 5)
        gone.clear()
        zookeeper.disconnect(client)
        await asyncio.wait_for(gone.wait(), 5)
        assert await watching.children("/") == []
        assert client.state is SessionState.SUSPENDED
        states: list[SessionState] = []
        client.listen(states.append)
        zookeeper.reconnect(client)
        await until(lambda: states == [SessionState.LOST, SessionState.CONNECTED])
        await client.close()
        await watching.close()

    asyncio.run(main())


def test_a_request_of_a_megabyte_breaks_the_connection() -> None:
    async def scenario(zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient) -> None:
        with pytest.raises(ZooKeeperConnectionError, match="megabyte"):
            await client.create("/large", bytes(1 << 20))
        await until(lambda: client.state is SessionState.CONNECTED)
        assert "/flink/test/large" not in zookeeper.paths()

    run(scenario)
