"""The model of ZooKeeper in a simulated world: cuts, pauses, deaths, servers that lag; all by the seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from millstream.common.high_availability.zookeeper.client import (
    NodeExistsError,
    SessionState,
    ZooKeeperConnectionError,
)
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient
from millstream.testing.simulation.zookeeper.in_simulation import SimulationScheduler
from tests.zookeeper_contract import CONTRACT, Check

SESSION_S = 6.0


class World:
    """An ensemble and clients, each in a process and on a host of its own."""

    def __init__(self, seed: int, servers: int = 3) -> None:
        self.simulation = Simulation(seed)
        self.zookeeper = SimulatedZooKeeper(SimulationScheduler(self.simulation), servers=servers, tick=0.5)
        self.clients: dict[str, SimulatedZooKeeperClient] = {}
        self.states: dict[str, list[SessionState]] = {}
        self.log: list[str] = []
        self.started: set[str] = set()

    def start(self, name: str) -> SimulatedZooKeeperClient:
        client = self.zookeeper.client("/flink", host=name, session_timeout=SESSION_S)
        self.clients[name] = client
        self.states[name] = []
        client.listen(self.states[name].append)
        client.listen(lambda state: self.log.append(f"{self.simulation.elapsed:.6f} {name} {state.value}"))

        async def main() -> None:
            await client.start()
            await client.create(f"/{name}", ephemeral=True)
            self.started.add(name)
            await asyncio.Event().wait()

        self.simulation.start_process(name, name, main)
        self.simulation.run_until(lambda: name in self.started, 30, f"{name} starts")
        return client

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.simulation.close()

    def until(self, condition: Callable[[], bool], timeout: float = 60.0) -> None:
        self.simulation.run_until(condition, timeout, "what the test waits for")


@pytest.fixture(params=range(5))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World(request.param) as made:
        yield made
    assert not made.simulation.errors


def test_a_short_cut_is_not_noticed(world: World) -> None:
    world.start("a")
    heal = world.simulation.network.partition(["a"], world.zookeeper.hosts)
    world.simulation.run_for(1.0)
    heal()
    world.simulation.run_for(20.0)
    assert world.states["a"] == [SessionState.CONNECTED]


@pytest.mark.parametrize("one_way", [False, True])
def test_a_long_cut_suspends_and_is_known_as_a_loss_when_it_heals(world: World, one_way: bool) -> None:
    client = world.start("a")
    session = client.session_id
    heal = world.simulation.network.partition(["a"], world.zookeeper.hosts, one_way=one_way)
    world.until(lambda: client.state is SessionState.SUSPENDED, SESSION_S)
    assert session in world.zookeeper.sessions
    world.until(lambda: session not in world.zookeeper.sessions, SESSION_S)
    assert "/flink/a" not in world.zookeeper.paths()
    world.simulation.run_for(20.0)
    assert world.states["a"] == [SessionState.CONNECTED, SessionState.SUSPENDED]
    heal()
    world.until(lambda: len(world.states["a"]) == 4)
    assert world.states["a"][2:] == [SessionState.LOST, SessionState.CONNECTED]
    assert client.session_id != session


def test_who_was_paused_believes_in_its_session_until_it_hears_otherwise(world: World) -> None:
    client = world.start("a")
    session = client.session_id
    process = world.simulation.processes["a"]
    process.pause()
    world.until(lambda: session not in world.zookeeper.sessions)
    world.simulation.run_for(5.0)
    assert client.state is SessionState.CONNECTED
    assert client.session_id == session
    process.resume()
    world.until(lambda: len(world.states["a"]) == 4)
    assert world.states["a"] == [
        SessionState.CONNECTED,
        SessionState.SUSPENDED,
        SessionState.LOST,
        SessionState.CONNECTED,
    ]


def test_who_was_killed_leaves_its_session_to_expire(world: World) -> None:
    client = world.start("a")
    world.simulation.processes["a"].kill("by the test")
    world.simulation.run_for(SESSION_S / 2)
    assert client.session_id in world.zookeeper.sessions
    world.until(lambda: not world.zookeeper.sessions, SESSION_S)
    assert "/flink/a" not in world.zookeeper.paths()


def test_sessions_survive_the_loss_of_the_majority(world: World) -> None:
    client = world.start("a")
    session = client.session_id
    world.zookeeper.stop_server(2)
    world.until(lambda: client.state is SessionState.CONNECTED)
    world.zookeeper.stop_server(0)
    world.until(lambda: client.state is SessionState.SUSPENDED)
    world.simulation.run_for(5 * SESSION_S)
    assert session in world.zookeeper.sessions
    world.zookeeper.start()
    world.until(lambda: client.state is SessionState.CONNECTED)
    assert client.session_id == session
    assert SessionState.LOST not in world.states["a"]


def test_a_broken_connection_leaves_writes_in_doubt() -> None:
    """Over some seeds both happen, and the client says that it cannot tell."""
    outcomes: set[bool] = set()
    for seed in range(60):
        with World(seed) as world:
            client = world.start("a")
            moment = world.simulation.source("test").uniform(0, 0.003)
            world.simulation.at(moment, partial(world.zookeeper.break_connections, "a"))
            writing = world.simulation.processes["a"].loop.create_task(client.create("/doubtful"))
            world.until(writing.done)
            world.simulation.run_for(1.0)
            error = writing.exception()
            if error is not None:
                assert isinstance(error, ZooKeeperConnectionError)
                outcomes.add("/flink/doubtful" in world.zookeeper.paths())
            else:
                assert "/flink/doubtful" in world.zookeeper.paths()
    assert outcomes == {False, True}


async def _write(writer: SimulatedZooKeeperClient) -> None:
    with pytest.raises(NodeExistsError):
        await writer.create("/a")
    await writer.create("/new")
    assert "new" in await writer.children("/")


async def _read_before_and_after_sync(reader: SimulatedZooKeeperClient) -> tuple[bool, bool]:
    before = "new" in await reader.children("/")
    await reader.sync()
    return before, "new" in await reader.children("/")


def test_reads_may_lag_but_not_after_a_sync() -> None:
    """A client at a server that is behind sees the past; of its own writes nothing is missing."""
    stale = 0
    for seed in range(20):
        with World(seed) as world:
            writer, reader = world.start("a"), world.start("b")
            world.simulation.network.set_conditions(jitter=0.2)
            processes = world.simulation.processes
            writing = processes["a"].loop.create_task(_write(writer))
            world.until(lambda: "/flink/new" in world.zookeeper.paths())
            reading = processes["b"].loop.create_task(_read_before_and_after_sync(reader))
            world.until(lambda: writing.done() and reading.done())  # noqa: B023  # called in this turn only
            writing.result()
            before, after = reading.result()
            assert after
            stale += not before
    assert stale


def test_the_same_seed_makes_the_same_run() -> None:
    def run(seed: int) -> list[str]:
        with World(seed) as world:
            for name in ("a", "b", "c"):
                world.start(name)
            heal = world.simulation.network.partition(["a"], world.zookeeper.hosts)
            world.simulation.run_for(10.0)
            world.zookeeper.stop_server(1)
            heal()
            world.simulation.run_for(10.0)
            return world.log

    assert run(7) == run(7)
    assert run(7) != run(8)


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_keeps_to_the_contract_with_delays_and_servers_that_lag(check: Check) -> None:
    with World(11) as world:
        world.simulation.network.set_conditions(jitter=0.02)
        clients: list[SimulatedZooKeeperClient] = []

        async def connect() -> SimulatedZooKeeperClient:
            client = world.zookeeper.client("/flink/test", host="client", session_timeout=SESSION_S)
            await client.start()
            clients.append(client)
            return client

        async def main() -> None:
            await check(connect)
            for client in clients:
                await client.close()

        process = world.simulation.start_process("client", "client", main)
        world.until(lambda: not process.alive, 600)
        assert process.outcome == "ended", world.simulation.errors
        assert world.zookeeper.sessions == []
