"""What every ZooKeeperClient keeps to, the real one and the simulated one: each check is a coroutine.

A check gets a function that makes a connected client of one and the same, empty root. Whoever runs it closes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

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

__all__ = ["CONTRACT", "Check", "Connect", "happens"]

Connect = Callable[[], Awaitable[ZooKeeperClient]]
Check = Callable[[Connect], Awaitable[None]]

CONTRACT: list[Check] = []


def _check(function: Check) -> Check:
    CONTRACT.append(function)
    return function


async def happens(condition: Callable[[], object], what: str, timeout: float = 15.0) -> None:
    """Wait until something is so.

    :raises AssertionError: it is not within ``timeout`` seconds of the loop's time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not condition():
        assert loop.time() < deadline, f"not within {timeout:g} s: {what}"
        await asyncio.sleep(0.005)


@_check
async def a_new_client_is_connected_and_has_a_session(connect: Connect) -> None:
    client, other = await connect(), await connect()
    assert client.state is SessionState.CONNECTED
    assert client.session_id != 0
    assert client.session_id != other.session_id
    assert client.description


@_check
async def a_node_is_made_read_changed_and_deleted(connect: Connect) -> None:
    client = await connect()
    assert await client.create("/a", b"1") == "/a"
    data, stat = await client.get("/a")
    assert (data, stat.version, stat.ephemeral_owner) == (b"1", 0, 0)
    assert (await client.set("/a", b"2")).version == 1
    data, changed = await client.get("/a")
    assert (data, changed.version, changed.creation_id) == (b"2", 1, stat.creation_id)
    await client.delete("/a")
    with pytest.raises(NodeMissingError, match="/a"):
        await client.get("/a")
    await client.create("/a")
    data, successor = await client.get("/a")
    assert data == b""
    assert successor.creation_id != stat.creation_id


@_check
async def what_is_not_possible_is_said(connect: Connect) -> None:
    client = await connect()
    await client.create("/there/child")
    with pytest.raises(NodeExistsError, match="/there"):
        await client.create("/there")
    with pytest.raises(NodeMissingError):
        await client.create("/nowhere/child", parents=False)
    for ask in (
        client.get("/nowhere"),
        client.set("/nowhere", b""),
        client.delete("/nowhere"),
        client.children("/nowhere"),
    ):
        with pytest.raises(NodeMissingError, match="/nowhere"):
            await ask
    with pytest.raises(NodeNotEmptyError):
        await client.delete("/there")
    with pytest.raises(VersionMismatchError):
        await client.set("/there", b"", version=3)
    with pytest.raises(VersionMismatchError):
        await client.delete("/there/child", version=3)


@_check
async def parents_are_made_and_children_sorted(connect: Connect) -> None:
    client = await connect()
    for name in ("b", "c", "a"):
        await client.create(f"/deep/er/{name}")
    assert await client.children("/deep/er") == ["a", "b", "c"]
    assert await client.children("/deep/er/a") == []
    assert "deep" in await client.children("/")


@_check
async def sequential_nodes_are_counted_up(connect: Connect) -> None:
    client = await connect()
    first = await client.create("/queue/x-", b"", ephemeral=True, sequential=True)
    second = await client.create("/queue/a-", b"", ephemeral=True, sequential=True)
    assert first.startswith("/queue/x-")
    assert len(first) == len("/queue/x-") + 10
    assert int(second[-10:]) > int(first[-10:])
    _, stat = await client.get(first)
    assert stat.ephemeral_owner == client.session_id


@_check
async def ephemeral_nodes_go_when_their_client_is_closed(connect: Connect) -> None:
    client, other = await connect(), await connect()
    await client.create("/e/mine", ephemeral=True)
    await other.create("/e/other", ephemeral=True)
    await client.close()
    await client.close()
    await other.sync()
    assert await other.children("/e") == ["other"]


@_check
async def a_closed_client_refuses_all(connect: Connect) -> None:
    client = await connect()
    await client.close()
    with pytest.raises(ZooKeeperConnectionError):
        await client.create("/late")
    with pytest.raises(ZooKeeperConnectionError):
        await client.get("/late")


@_check
async def a_transaction_does_all_or_nothing(connect: Connect) -> None:
    client = await connect()
    await client.create("/fence")
    await client.create("/old", b"1")
    await client.commit(
        [CheckNode("/fence"), CreateNode("/new", b"n"), SetNode("/old", b"2"), CreateNode("/gone"), DeleteNode("/gone")]
    )
    assert (await client.get("/new"))[0] == b"n"
    assert (await client.get("/old"))[0] == b"2"
    with pytest.raises(NodeMissingError, match="/nofence"):
        await client.commit([CheckNode("/nofence"), CreateNode("/newer")])
    with pytest.raises(NodeExistsError, match="/new"):
        await client.commit([CheckNode("/fence"), SetNode("/old", b"3"), CreateNode("/new")])
    with pytest.raises(VersionMismatchError, match="/old"):
        await client.commit([SetNode("/old", b"3", version=0), CreateNode("/newer")])
    with pytest.raises(NodeMissingError, match="/no/parent"):
        await client.commit([CreateNode("/newer"), CreateNode("/no/parent")])
    with pytest.raises(VersionMismatchError):
        await client.commit([CheckNode("/old", version=7)])
    await client.create("/full/child")
    with pytest.raises(NodeNotEmptyError):
        await client.commit([DeleteNode("/full")])
    assert (await client.get("/old"))[0] == b"2"
    assert "newer" not in await client.children("/")
    await client.commit([])


@_check
async def an_ephemeral_node_of_a_transaction_belongs_to_the_session(connect: Connect) -> None:
    client = await connect()
    await client.commit([CreateNode("/e", b"x", ephemeral=True)])
    data, stat = await client.get("/e")
    assert (data, stat.ephemeral_owner) == (b"x", client.session_id)


@_check
async def after_sync_everything_written_before_is_read(connect: Connect) -> None:
    client, other = await connect(), await connect()
    for number in range(20):
        await client.create(f"/n-{number}")
        await other.sync()
        assert f"n-{number}" in await other.children("/")


@_check
async def a_watch_tells_of_a_node_that_comes_changes_and_goes(connect: Connect) -> None:
    client, other = await connect(), await connect()
    told = 0

    def on_change() -> None:
        nonlocal told
        told += 1

    end = client.watch("/w", on_change)
    await happens(lambda: told, "the watch tells that it stands")
    for change in (
        lambda: other.create("/w"),
        lambda: other.set("/w", b"1"),
        lambda: other.create("/w/child"),
        lambda: other.delete("/w/child"),
        lambda: other.delete("/w"),
        lambda: other.create("/w"),
    ):
        # What was told for the change before may still come, and be counted for this one; in the end all is told.
        before = told
        await change()
        await happens(lambda before=before: told > before, "the change is told")  # type: ignore[misc]  # a default binds
    end()
    before = told
    await other.set("/w", b"2")
    await client.sync()
    await asyncio.sleep(0.05)
    assert told == before, "an ended watch tells nothing"
    end()


@_check
async def who_reads_at_each_change_has_seen_the_last_state_in_the_end(connect: Connect) -> None:
    client, other = await connect(), await connect()
    await other.create("/counted", b"0")
    seen: list[bytes] = []
    reading: set[asyncio.Task[None]] = set()

    async def read() -> None:
        seen.append((await client.get("/counted"))[0])

    def on_change() -> None:
        task = asyncio.get_running_loop().create_task(read())
        reading.add(task)
        task.add_done_callback(reading.discard)

    end = client.watch("/counted", on_change)
    for number in range(1, 31):
        await other.set("/counted", str(number).encode())
    await happens(lambda: b"30" in seen, "the last change is seen")
    end()
    await asyncio.gather(*reading)


@_check
async def many_calls_at_once_are_answered_each_with_its_own(connect: Connect) -> None:
    client = await connect()
    await asyncio.gather(*(client.create(f"/many/{number}", str(number).encode()) for number in range(300)))
    answers = await asyncio.gather(*(client.get(f"/many/{number}") for number in range(300)))
    assert [data for data, _ in answers] == [str(number).encode() for number in range(300)]


@_check
async def a_cancelled_call_disturbs_no_other(connect: Connect) -> None:
    client = await connect()
    tasks = [asyncio.ensure_future(client.create(f"/c/{number}")) for number in range(100)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await client.create("/c/after") == "/c/after"
    assert {str(number) for number in range(1, 100, 2)} <= set(await client.children("/c"))
