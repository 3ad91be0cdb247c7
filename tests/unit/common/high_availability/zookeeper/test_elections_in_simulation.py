"""Masters that contend and write while their hosts, their connections and ZooKeeper's servers fail, by the seed."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.high_availability.zookeeper.client import CreateNode, ZooKeeperError
from millstream.common.high_availability.zookeeper.pointer_format import decode_checkpoint
from millstream.common.high_availability.zookeeper.zookeeper_leadership import ZooKeeperLeadership
from millstream.common.ids import JobID
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper
from millstream.testing.simulation.zookeeper.in_simulation import SimulationScheduler
from tests.election_members import Member, configuration_for

JOB = JobID("0123456789abcdef0123456789abcdef")
SESSION_S = 6.0
MASTERS = 3


class World:
    """Three servers, three masters that write one checkpoint after another as long as they lead."""

    def __init__(self, seed: int, directory: Path, tolerant: bool) -> None:
        self.simulation = Simulation(seed)
        self.random = self.simulation.source("test")
        self.zookeeper = SimulatedZooKeeper(SimulationScheduler(self.simulation), servers=3, tick=0.5)
        self.configuration = configuration_for(directory, tolerant, f"{SESSION_S * 1000:.0f} ms")
        self.members: dict[int, Member] = {}
        self.processes: dict[int, SimulatedProcess] = {}
        self.births = itertools.count()
        self.written: dict[int, str] = {}
        self.refused: set[tuple[int, str]] = set()
        self.entries = itertools.count()
        self.entered: set[str] = set()
        self.deletions = 0
        self.simulation.start_process("operator", "operator", self.operate)
        for master in range(MASTERS):
            self.start_master(master)

    async def operate(self) -> None:
        """Somebody who deletes the leader's node: its session goes on, and it hears of it late."""
        client = self.zookeeper.client("/flink/test", host="operator", session_timeout=SESSION_S)
        await client.start()
        while True:
            await asyncio.sleep(0.05)
            try:
                if self.deletions:
                    names = sorted(await client.children("/leader/latch"), key=lambda name: name[-10:])
                    await client.delete(f"/leader/latch/{names[0]}")
                    self.deletions -= 1
            except (ZooKeeperError, IndexError):
                continue  # again soon

    def start_master(self, master: int) -> None:
        name = f"master-{master}"
        client = self.zookeeper.client("/flink/test", host=name, session_timeout=SESSION_S)

        async def main() -> None:
            member = Member.begin(name, client, self.configuration)
            try:
                await member.services.start()
            except MillstreamError:
                return  # there was no ZooKeeper for long; it is started again
            member.services.contend(member)
            self.members[master] = member
            while True:
                await asyncio.sleep(0.01)
                if member.current is not None:
                    await self.lead(member.current)

        self.members.pop(master, None)
        self.processes[master] = self.simulation.start_process(f"{name}-{next(self.births)}", name, main)

    async def lead(self, term: Leadership) -> None:
        assert isinstance(term, ZooKeeperLeadership)
        pointers, me = term.checkpoints(JOB), repr(term).split()[1].rstrip(",>")
        try:
            while True:
                # Nothing but the fence keeps this from being written: no version, no name that may be taken.
                entry = CreateNode(f"/entry-{next(self.entries):06d}", me.encode())
                await term.commit([entry])
                self.entered.add(entry.path)
                number = await pointers.next_id()
                await pointers.reserve(number)
                try:
                    await pointers.add(CheckpointPointer(number, me, True))
                except LeadershipLostError:
                    self.refused.add((number, me))
                    raise
                assert number not in self.written, "two leaders were given one id"
                self.written[number] = me
                await asyncio.sleep(0.2)
        except MillstreamError:
            pass  # the term is over

    def disturb(self) -> None:
        master = self.random.randrange(MASTERS)
        process = self.processes[master]
        kind = self.random.choice(["pause", "cut", "cut", "expire", "kill", "server", "short cut", "delete"])
        if kind == "pause" and process.alive and not process.paused:
            process.pause()
            self.simulation.at(self.random.uniform(0.5, 15), process.resume)
        elif kind in ("cut", "short cut"):
            heal = self.simulation.network.partition(
                [f"master-{master}"], self.random.sample(self.zookeeper.hosts, self.random.choice([1, 2, 3]))
            )
            self.simulation.at(self.random.uniform(0.5, 3 if kind == "short cut" else 15), heal)
        elif kind == "delete":
            self.deletions += 1
            if self.random.random() < 0.5:  # and who leads sleeps while it is deposed
                for each in self.processes.values():
                    if each.alive and not each.paused and self.random.random() < 0.6:
                        each.pause()
                        self.simulation.at(self.random.uniform(0.2, SESSION_S / 2), each.resume)
        elif kind == "expire" and self.zookeeper.sessions:
            self.zookeeper.expire(self.random.choice(self.zookeeper.sessions))
        elif kind == "kill" and process.alive:
            process.kill("by the test")
            self.simulation.at(1.0, lambda: self.start_master(master))
        elif kind == "server":
            server = self.random.randrange(3)
            self.zookeeper.stop_server(server)
            self.simulation.at(self.random.uniform(0.5, 8), lambda: self.zookeeper.start_server(server))

    def leaders(self) -> list[Member]:
        return [member for number, member in self.members.items() if self.processes[number].alive and member.leads]

    def pointers(self) -> list[tuple[int, str]]:
        """What is kept: ids and the terms that wrote them, in the order in which they were written."""
        prefix = f"/flink/test/jobs/{JOB}/checkpoints/"
        found = []
        for path in self.zookeeper.paths():
            if path.startswith(prefix):
                data, stat = self.zookeeper.node(path)
                pointer = decode_checkpoint(data, path)
                found.append((stat.creation_id, pointer.checkpoint_id, pointer.directory))
        return [(number, term) for _, number, term in sorted(found)]

    def log(self) -> list[tuple[str, str]]:
        """The entries and who made them, in the order in which they were made."""
        prefix = "/flink/test"
        found = []
        for path in self.zookeeper.paths():
            if path.startswith(f"{prefix}/entry-"):
                data, stat = self.zookeeper.node(path)
                found.append((stat.creation_id, path[len(prefix) :], data.decode()))
        return [(path, term) for _, path, term in sorted(found)]


def terms_of(writers: list[str]) -> list[str]:
    """The terms in the order in which they wrote.

    :raises AssertionError: one wrote after another had.
    """
    terms = [term for term, _ in itertools.groupby(writers)]
    assert len(terms) == len(set(terms)), "a term went on after another had begun"
    return terms


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_terms_do_not_overlap_whatever_fails_and_in_the_end_one_leads(
    seed: int, tolerant: bool, tmp_path: Path
) -> None:
    world = World(seed, tmp_path, tolerant)
    with world.simulation:
        world.simulation.run_until(lambda: len(world.leaders()) == 1, 30, "one leads")
        for _ in range(25):
            world.simulation.run_for(world.random.uniform(0.1, 6))
            world.disturb()
        world.simulation.run_for(20.0)  # by now all is mended
        for number, process in list(world.processes.items()):
            if not process.alive:
                world.start_master(number)
        before = len(world.written)
        world.simulation.run_until(
            lambda: len(world.leaders()) == 1 and len(world.written) > before + 3, 60, "one leads, and writes"
        )
        assert not world.simulation.errors
        kept, log = world.pointers(), world.log()
    numbers = [number for number, _ in kept]
    assert numbers == sorted(numbers), "ids were given out in the order of the terms"
    assert set(world.written) <= set(numbers), "what was acknowledged is kept"
    assert not world.refused & set(kept), "what was refused is not"
    assert world.entered <= {path for path, _ in log}, "what was acknowledged is kept"
    assert len(terms_of([term for _, term in log])) > 1, "nothing was disturbed"
    terms_of([term for _, term in kept])
