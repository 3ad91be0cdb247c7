"""Elections on real servers: several masters, expired sessions, servers that die, a leader that was frozen."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

import pytest

from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper.client import SessionState
from millstream.common.high_availability.zookeeper.kazoo_client import KazooZooKeeperClient
from millstream.common.high_availability.zookeeper.leader_directory import ZooKeeperLeaderDirectory
from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.zookeeper_server import ZooKeeperServers
from tests.election_members import Member, close_all, configuration_for, the_leader
from tests.external.zookeeper.real_clients import Clients
from tests.zookeeper_contract import happens

JOB = JobID("0123456789abcdef0123456789abcdef")


class Cluster:
    """The masters of one test."""

    def __init__(self, clients: Clients, directory: Path) -> None:
        self.clients = clients
        self.directory = directory
        self.members: list[Member] = []

    async def join(self, tolerant: bool = False, session_timeout_s: float = 4.0) -> Member:
        client = self.clients.make(session_timeout_s=session_timeout_s)
        configuration = configuration_for(self.directory, tolerant, f"{session_timeout_s * 1000:.0f} ms")
        member = await Member.join(f"master-{len(self.members)}", client, configuration)
        self.members.append(member)
        return member

    async def candidates(self) -> list[str]:
        client = self.members[0].client
        await client.sync()
        return await client.children("/leader/latch")

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        async def body() -> None:
            try:
                await test()
            finally:
                await close_all(*self.members)

        self.clients.run(body)


@pytest.fixture
def cluster(clients: Clients, tmp_path: Path) -> Cluster:
    return Cluster(clients, tmp_path)


def real(member: Member) -> KazooZooKeeperClient:
    assert isinstance(member.client, KazooZooKeeperClient)
    return member.client


def test_of_several_masters_one_leads_and_all_of_them_in_turn(cluster: Cluster) -> None:
    async def test() -> None:
        members = [await cluster.join() for _ in range(4)]
        seen: list[LeaderInformation | None] = []
        directory = ZooKeeperLeaderDirectory(await cluster.clients.connect())
        directory.watch("dispatcher", seen.append)
        left = list(members)
        told = []
        while left:
            leader = await the_leader(*left)
            told.append(leader.information(f"session of {leader.name}"))
            await leader.term.publish("dispatcher", told[-1])
            await happens(lambda: seen[-1:] == told[-1:], "who watches is told")
            await leader.services.close()
            left.remove(leader)
        await happens(lambda: seen[-1] is None, "nobody leads any more")
        assert [leader for leader in seen if leader is not None] == told
        assert all(member.history == ["granted"] for member in members)
        await directory.close()

    cluster.run(test)


@pytest.mark.parametrize("tolerant", [False, True])
def test_an_expired_session_ends_the_term_and_the_standby_goes_on(cluster: Cluster, tolerant: bool) -> None:
    async def test() -> None:
        first = await cluster.join(tolerant)
        await the_leader(first)
        second = await cluster.join(tolerant)
        term = first.term
        await term.job_graphs.put(JobGraph(job_id=JOB))
        await term.checkpoints(JOB).reserve(1)
        await term.checkpoints(JOB).add(CheckpointPointer(1, "file:///c/1", True))
        await cluster.clients.expire(real(first))
        await happens(lambda: second.leads and not first.leads, "the second leads, the first has heard of its end")
        with pytest.raises(LeadershipLostError):
            await term.checkpoints(JOB).add(CheckpointPointer(2, "file:///c/2", True))
        with pytest.raises(LeadershipLostError):
            await term.publish("dispatcher", first.information("late"))
        assert await second.term.job_graphs.job_ids() == [JOB]
        assert [each.checkpoint_id for each in await second.term.checkpoints(JOB).all()] == [1]
        assert await second.term.checkpoints(JOB).next_id() == 2
        await happens(lambda: first.client.state is SessionState.CONNECTED, "the first is there again")
        await second.services.close()
        await the_leader(first)
        await first.term.forget_job(JOB)
        assert await first.term.job_graphs.job_ids() == []

    cluster.run(test)


def test_a_master_that_is_alone_leads_again_after_its_server_was_away(
    tmp_path: Path, servers: ZooKeeperServers
) -> None:
    with ZooKeeperServers(tmp_path / "servers") as own:
        cluster = Cluster(Clients(own.quorum), tmp_path / "ha")

        async def test() -> None:
            member = await cluster.join(session_timeout_s=8)
            await the_leader(member)
            former = await cluster.candidates()
            own.kill(0)
            await happens(lambda: not member.leads, "the term ends")
            await asyncio.to_thread(own.restart, 0)
            await the_leader(member)
            assert member.history == ["granted", "revoked: the connection to ZooKeeper is lost", "granted"]
            candidates = await cluster.candidates()
            assert len(candidates) == 1
            assert candidates != former

        cluster.run(test)


def test_a_tolerant_leader_of_an_ensemble_leads_on_while_servers_die(
    ensemble: ZooKeeperServers, tmp_path: Path
) -> None:
    cluster = Cluster(Clients(ensemble.quorum), tmp_path)

    async def test() -> None:
        first = await cluster.join(tolerant=True, session_timeout_s=10)
        await the_leader(first)
        await cluster.join(tolerant=True, session_timeout_s=10)
        for server in range(3):
            await asyncio.to_thread(ensemble.kill, server)
            await first.term.publish("dispatcher", first.information(str(server)))
            await first.term.checkpoints(JOB).add(CheckpointPointer(server, f"file:///c/{server}", True))
            await asyncio.to_thread(ensemble.restart, server)
        assert first.history == ["granted"]
        assert [each.checkpoint_id for each in await first.term.checkpoints(JOB).all()] == [0, 1, 2]

    cluster.run(test)


def test_a_frozen_leader_writes_nothing_when_it_thaws(cluster: Cluster, tmp_path: Path) -> None:
    leader = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.external.zookeeper.frozen_leader",
            cluster.clients.quorum,
            cluster.clients.root,
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert leader.stdin is not None
    assert leader.stdout is not None
    try:
        assert leader.stdout.readline() == "leads\n"
        assert _write(leader.stdin, leader.stdout) == "written"

        async def test() -> None:
            member = await cluster.join(session_timeout_s=2)
            os.kill(leader.pid, signal.SIGSTOP)
            await happens(lambda: member.leads, "the frozen leader's session expires")
            # What it was told to do meanwhile it does as soon as it thaws, before it hears of anything.
            print(file=leader.stdin, flush=True)
            os.kill(leader.pid, signal.SIGCONT)
            outcome = await asyncio.to_thread(leader.stdout.readline)  # type: ignore[union-attr]  # it is a pipe
            # Nobody can tell if the connection broke in the middle of it.
            assert outcome in ("LeadershipLostError\n", "OutcomeUnknownError\n")
            assert [each.checkpoint_id for each in await member.term.checkpoints(JOB).all()] == [1]

        cluster.run(test)
    finally:
        leader.kill()
        leader.stdin.close()
        leader.stdout.close()
        leader.wait(10)


def _write(asked: IO[str], answered: IO[str]) -> str:
    print(file=asked, flush=True)
    return answered.readline().strip()
