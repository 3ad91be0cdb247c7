"""Elections, terms and leaders on a model of ZooKeeper whose faults come when they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper.leader_directory import ZooKeeperLeaderDirectory
from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient
from tests.election_members import Member, close_all, configuration_for, the_leader
from tests.zookeeper_contract import CONTRACT, Check, happens

ROOT = "/flink/test"
JOB = JobID("0123456789abcdef0123456789abcdef")


class World:
    """A model of ZooKeeper, and the masters of one cluster."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.zookeeper = SimulatedZooKeeper()
        self.members: list[Member] = []
        self.clients: list[SimulatedZooKeeperClient] = []

    async def join(self, tolerant: bool = False, session_timeout: str = "4 s") -> Member:
        configuration = configuration_for(self.directory, tolerant, session_timeout)
        member = await Member.join(f"master-{len(self.members)}", self.zookeeper.client(ROOT), configuration)
        self.members.append(member)
        return member

    async def client(self) -> SimulatedZooKeeperClient:
        client = self.zookeeper.client(ROOT)
        self.clients.append(client)
        await client.start()
        return client

    def client_of(self, member: Member) -> SimulatedZooKeeperClient:
        assert isinstance(member.client, SimulatedZooKeeperClient)
        return member.client

    def candidates(self) -> list[str]:
        """The paths of the candidates' nodes, the leader's first."""
        found = [path for path in self.zookeeper.paths() if path.startswith(f"{ROOT}/leader/latch/")]
        return sorted(found, key=lambda path: path[-10:])


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


Test = Callable[[World], Awaitable[None]]


def run(directory: Path, test: Test) -> None:
    async def body() -> None:
        world = World(directory)
        try:
            await test(world)
        finally:
            await close_all(*world.members)
            for client in world.clients:
                await client.close()

    asyncio.run(body())


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_model_keeps_the_contract_of_clients(check: Check, tmp_path: Path) -> None:
    async def test(world: World) -> None:
        await check(world.client)

    run(tmp_path, test)


def test_one_leads_and_another_takes_over_when_it_ends(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        first = await world.join()
        assert await the_leader(first) is first
        second, third = await world.join(), await world.join()
        await happens(lambda: len(world.candidates()) == 3, "all are candidates")
        assert json.loads(world.zookeeper.node(world.candidates()[0])[0])["address"] == "master-0:6123"
        await first.services.close()
        await first.services.close()
        await happens(lambda: second.leads, "the second leads")
        assert first.history == ["granted"], "who closes its services is not told any more"
        assert first.terms[0].is_valid is False
        assert second.history == ["granted"]
        assert third.history == []

    run(tmp_path, test)


def test_a_broken_connection_ends_a_term_and_the_same_master_may_have_the_next(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join()
        await the_leader(member)
        former = world.candidates()
        world.zookeeper.disconnect(world.client_of(member))
        await happens(lambda: not member.leads, "the term ends")
        assert member.history == ["granted", "revoked: the connection to ZooKeeper is lost"]
        with pytest.raises(LeadershipLostError, match="does not lead any more"):
            await member.terms[0].publish("dispatcher", member.information("s"))
        world.zookeeper.reconnect(world.client_of(member))
        await the_leader(member)
        assert len(member.terms) == 2
        assert len(world.candidates()) == 1
        assert world.candidates() != former

    run(tmp_path, test)


def test_a_tolerant_master_leads_on_over_a_broken_connection(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join(tolerant=True)
        await the_leader(member)
        world.zookeeper.disconnect(world.client_of(member))
        publishing = asyncio.ensure_future(member.term.publish("dispatcher", member.information("s")))
        await asyncio.sleep(0.05)
        assert member.leads
        world.zookeeper.reconnect(world.client_of(member))
        await publishing
        assert await member.services.leaders.current("dispatcher") == member.information("s")
        assert member.history == ["granted"]

    run(tmp_path, test)


def test_tolerance_ends_when_the_session_must_have_expired(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join(tolerant=True, session_timeout="200 ms")
        await the_leader(member)
        world.zookeeper.disconnect(world.client_of(member))
        await happens(lambda: not member.leads, "the term ends without any news")
        world.zookeeper.reconnect(world.client_of(member))
        await the_leader(member)
        assert len(world.candidates()) == 1

    run(tmp_path, test)


@pytest.mark.parametrize("tolerant", [False, True])
def test_after_an_expired_session_others_lead_and_the_old_term_writes_nothing(tmp_path: Path, tolerant: bool) -> None:
    async def test(world: World) -> None:
        first = await world.join(tolerant)
        await the_leader(first)
        second = await world.join(tolerant)
        await happens(lambda: len(world.candidates()) == 2, "both are candidates")
        term = first.term
        await term.checkpoints(JOB).add(CheckpointPointer(1, "file:///c/1", True))
        world.zookeeper.expire(world.client_of(first))
        await happens(lambda: second.leads, "the second leads")
        await happens(lambda: len(first.history) == 2, "the first is told")
        with pytest.raises(LeadershipLostError):
            await term.checkpoints(JOB).add(CheckpointPointer(2, "file:///c/2", True))
        pointers = await second.term.checkpoints(JOB).all()
        assert [pointer.checkpoint_id for pointer in pointers] == [1]
        await second.services.close()
        await the_leader(first)

    run(tmp_path, test)


def test_a_write_finds_out_that_the_term_is_over_before_the_process_has_heard_of_it(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        first = await world.join()
        await the_leader(first)
        term = first.term
        other = await world.client()
        (candidate,) = world.candidates()
        refused = None

        async def write() -> None:
            nonlocal refused
            number = 0
            while refused is None:
                number += 1
                try:
                    await term.publish("dispatcher", first.information(str(number)))
                except LeadershipLostError as error:
                    refused = error

        await asyncio.gather(other.delete(candidate.removeprefix(ROOT)), write())
        await happens(lambda: len(first.terms) == 2 and first.leads, "the next term begins")
        assert first.history[1] == "revoked: its node in ZooKeeper is gone"
        assert term.is_valid is False

    run(tmp_path, test)


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (2, 0), (0, 2), (1, 1), (1, 2)])
def test_a_candidate_whose_creation_is_in_doubt_is_there_once(tmp_path: Path, before: int, after: int) -> None:
    async def test(world: World) -> None:
        member = Member.begin("master", world.zookeeper.client(ROOT), configuration_for(tmp_path))
        world.members.append(member)
        await member.services.start()
        world.zookeeper.fail_next(world.client_of(member), before=before, after=after)
        member.services.contend(member)
        await happens(lambda: member.leads, "it leads")
        await happens(lambda: len(world.candidates()) == 1, "one node is left")
        await member.term.publish("dispatcher", member.information("s"))

    run(tmp_path, test)


def test_leaders_are_published_found_and_withdrawn(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join()
        await the_leader(member)
        directory = ZooKeeperLeaderDirectory(await world.client())
        assert "/flink/test" in directory.description
        with pytest.raises(NoLeaderError, match="resourcemanager"):
            await directory.current("resourcemanager")
        seen: list[LeaderInformation | None] = []
        directory.watch("resourcemanager", seen.append)
        await happens(lambda: seen == [None], "nobody leads")
        await member.term.publish("resourcemanager", member.information("1"))
        await member.term.publish("resourcemanager", member.information("1"))
        await happens(lambda: len(seen) == 2, "somebody leads")
        assert await directory.current("resourcemanager") == member.information("1")
        await member.term.publish("resourcemanager", member.information("2"))
        await happens(lambda: seen[-1] == member.information("2"), "somebody else leads")
        await member.term.withdraw("resourcemanager")
        await happens(lambda: seen[-1] is None, "nobody leads")
        with pytest.raises(NoLeaderError):
            await directory.current("resourcemanager")
        await member.term.withdraw("resourcemanager")
        assert not any("resource_manager" in path for path in world.zookeeper.paths())
        await directory.close()
        await directory.close()
        assert len([leader for leader in seen if leader is not None]) == 2

    run(tmp_path, test)


def test_an_ended_watch_tells_nothing(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join()
        await the_leader(member)
        seen: list[LeaderInformation | None] = []
        end = member.services.leaders.watch("dispatcher", seen.append)
        await happens(lambda: seen, "the watch stands")
        end()
        await member.term.publish("dispatcher", member.information("1"))
        await asyncio.sleep(0.02)
        assert seen == [None]

    run(tmp_path, test)


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (2, 1)])
def test_publishing_waits_a_broken_connection_out(tmp_path: Path, before: int, after: int) -> None:
    async def test(world: World) -> None:
        member = await world.join(tolerant=True)
        await the_leader(member)
        world.zookeeper.fail_next(world.client_of(member), before=before, after=after)
        await member.term.publish("dispatcher", member.information("1"))
        assert await member.services.leaders.current("dispatcher") == member.information("1")

    run(tmp_path, test)


def test_the_leaders_of_a_term_before_cannot_be_found_although_their_process_lives(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        first = await world.join()
        await the_leader(first)
        second = await world.join()
        await first.term.publish("dispatcher", first.information("1"))
        await first.term.publish(f"jobmaster-{JOB}", first.information("2"))
        await happens(lambda: len(world.candidates()) == 2, "both are candidates")
        # The node goes, the session stays, and with it what the leader had published.
        await (await world.client()).delete(world.candidates()[0].removeprefix(ROOT))
        await happens(lambda: second.leads, "the second leads")
        for endpoint in ("dispatcher", f"jobmaster-{JOB}"):
            with pytest.raises(NoLeaderError):
                await second.services.leaders.current(endpoint)
        await second.term.publish("dispatcher", second.information("3"))
        assert await first.services.leaders.current("dispatcher") == second.information("3")
        await first.terms[0].withdraw("dispatcher")
        assert await first.services.leaders.current("dispatcher") == second.information("3")

    run(tmp_path, test)


def test_a_forgotten_job_leaves_nothing(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join()
        await the_leader(member)
        term = member.term
        await term.job_graphs.put(JobGraph(job_id=JOB))
        pointers = term.checkpoints(JOB)
        await pointers.reserve(1)
        await pointers.add(CheckpointPointer(1, "file:///c/1", True))
        await term.publish(f"jobmaster-{JOB}", member.information("1"))
        assert any(JOB in path for path in world.zookeeper.paths())
        await term.forget_job(JOB)
        await term.forget_job(JOB)
        assert not any(JOB in path for path in world.zookeeper.paths())
        assert files(tmp_path) == []
        assert await term.checkpoints(JOB).next_id() == 1

    run(tmp_path, test)


def test_what_is_no_leader_is_a_clear_error(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        client = await world.client()
        await client.create("/leader/dispatcher/connection_info", b"\xac\xed\x00\x05")
        directory = ZooKeeperLeaderDirectory(client)
        with pytest.raises(Exception, match=r"/leader/dispatcher/connection_info.*high-availability\.cluster-id"):
            await directory.current("dispatcher")

    run(tmp_path, test)


def test_a_process_contends_once(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        member = await world.join()
        with pytest.raises(RuntimeError, match="already"):
            member.services.contend(member)
        assert member.services.survives_its_leader
        assert member.services.default_checkpoint_directory is not None
        assert member.services.default_checkpoint_directory.endswith("/default/checkpoints")

    run(tmp_path, test)
