"""What leaders keep, on real servers: all of it is there for the next leader, whatever breaks in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import NodeMissingError
from millstream.common.high_availability.zookeeper.inventory import JobStanding, find_garbage
from millstream.common.high_availability.zookeeper.inventory_reader import InventoryReader
from millstream.common.high_availability.zookeeper.kazoo_client import KazooZooKeeperClient
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.high_availability.zookeeper.zookeeper_leadership import ZooKeeperLeadership
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import Artifact, JobGraph
from millstream.testing.zookeeper_server import ZooKeeperServers
from tests.external.zookeeper.real_clients import Clients

JOB, OTHER = JobID("a" * 32), JobID("b" * 32)


class Terms:
    """Terms of leaders that share one storage."""

    def __init__(self, clients: Clients, directory: Path) -> None:
        self._clients = clients
        self.storage = HighAvailabilityStorage(
            Configuration().set(HighAvailabilityOptions.STORAGE_DIR, str(directory)), None
        )

    async def begin(
        self, client: KazooZooKeeperClient | None = None
    ) -> tuple[KazooZooKeeperClient, ZooKeeperLeadership]:
        """Begin a term that only its node's end ends: connections may break meanwhile."""
        client = client or await self._clients.connect()
        node = await client.create(f"{paths.LATCH}/{'c' * 32}-", ephemeral=True, sequential=True)
        return client, ZooKeeperLeadership(client, node, self.storage, "/jobgraphs", lambda: None)


def result(job_id: JobID) -> JobDetails:
    return JobDetails(summary=JobSummary(job_id=job_id, name="job", state="FINISHED", end_time_ms=5))


def test_the_next_leader_finds_all_that_was_kept(clients: Clients, tmp_path: Path) -> None:
    async def test() -> None:
        terms = Terms(clients, tmp_path)
        client, term = await terms.begin()
        graph = JobGraph(job_id=JOB, name="large", artifacts=[Artifact(name="data", content=bytes(3_000_000))])
        await term.job_graphs.put(graph)
        await term.job_graphs.put(JobGraph(job_id=OTHER, name="first"))
        await term.job_graphs.put(JobGraph(job_id=OTHER, name="second"))
        pointers = term.checkpoints(JOB)
        for checkpoint_id in (1, 2, 3):
            await pointers.reserve(checkpoint_id)
            await pointers.add(CheckpointPointer(checkpoint_id, f"file:///chk-{checkpoint_id}", True))
        await pointers.remove(1)
        await pointers.reserve(7)
        await client.close()

        _, successor = await terms.begin()
        assert await successor.job_graphs.job_ids() == [JOB, OTHER]
        assert await successor.job_graphs.get(JOB) == graph
        assert (await successor.job_graphs.get(OTHER)).name == "second"
        found = successor.checkpoints(JOB)
        assert [each.checkpoint_id for each in await found.all()] == [2, 3]
        assert await found.next_id() == 8
        assert len(await terms.storage.files()) == 2  # the older graph's file is gone

        await successor.job_results.put_dirty(result(JOB))
        assert await successor.job_results.dirty() == [result(JOB)]
        await successor.forget_job(JOB)
        await successor.forget_job(JOB)
        await successor.job_results.mark_clean(JOB)
        assert await successor.job_graphs.job_ids() == [OTHER]
        assert await found.all() == []
        assert await found.next_id() == 1
        assert await successor.job_results.dirty() == []
        assert await successor.job_results.all() == [result(JOB)]
        await successor.job_results.forget(JOB)
        assert await successor.job_results.get(JOB) is None

    clients.run(test)


def test_a_leader_whose_session_has_expired_changes_nothing(clients: Clients, tmp_path: Path) -> None:
    async def test() -> None:
        terms = Terms(clients, tmp_path)
        client, term = await terms.begin()
        pointers = term.checkpoints(JOB)
        await term.job_graphs.put(JobGraph(job_id=JOB, name="kept"))
        await pointers.reserve(1)
        await clients.expire(client)
        looking, successor = await terms.begin()
        # It has not been told that its term is over, and its client has a new session.
        with pytest.raises(LeadershipLostError):
            await term.job_graphs.put(JobGraph(job_id=JOB, name="late"))
        with pytest.raises(LeadershipLostError):
            await term.job_graphs.remove(JOB)
        with pytest.raises(LeadershipLostError):
            await pointers.add(CheckpointPointer(1, "file:///late", True))
        with pytest.raises(LeadershipLostError):
            await term.job_results.put_dirty(result(JOB))
        assert (await successor.job_graphs.get(JOB)).name == "kept"
        assert await successor.checkpoints(JOB).all() == []
        with pytest.raises(NodeMissingError):
            await looking.get(paths.result(JOB))
        assert len(await terms.storage.files()) == 1

    clients.run(test)


def test_servers_that_die_under_a_leader_cost_it_no_write(ensemble: ZooKeeperServers, tmp_path: Path) -> None:
    """Each server dies once and comes back while checkpoints complete: none is lost, none is there twice."""
    clients = Clients(ensemble.quorum)

    async def test() -> None:
        terms = Terms(clients, tmp_path)
        client = clients.make(session_timeout_s=20.0, connection_timeout_s=10.0)
        await client.start()
        _, term = await terms.begin(client)
        pointers = term.checkpoints(JOB)
        over = asyncio.Event()

        async def disturb() -> None:
            for server in range(3):
                await asyncio.to_thread(ensemble.kill, server)
                await asyncio.to_thread(ensemble.restart, server)
            over.set()

        disturbing = asyncio.create_task(disturb())
        checkpoint_id = 0
        while not over.is_set() or checkpoint_id < 5:
            checkpoint_id += 1
            await pointers.reserve(checkpoint_id)
            await pointers.add(CheckpointPointer(checkpoint_id, f"file:///chk-{checkpoint_id}", True))
            if checkpoint_id > 2:
                await pointers.remove(checkpoint_id - 2)
            await term.job_graphs.put(JobGraph(job_id=JOB, name=f"{checkpoint_id}"))
        await disturbing
        await client.close()

        looking, successor = await terms.begin()
        found = successor.checkpoints(JOB)
        assert [each.checkpoint_id for each in await found.all()] == [checkpoint_id - 1, checkpoint_id]
        assert await found.next_id() == checkpoint_id + 1
        assert (await successor.job_graphs.get(JOB)).name == f"{checkpoint_id}"
        await looking.close()

    clients.run(test)


def test_what_is_kept_is_listed_from_above(clients: Clients, tmp_path: Path) -> None:
    async def test() -> None:
        terms = Terms(clients, tmp_path)
        _, term = await terms.begin()
        await term.job_graphs.put(JobGraph(job_id=JOB))
        await term.checkpoints(JOB).reserve(1)
        above, _, cluster = clients.root.rpartition("/")
        looking = clients.make(root=above)
        await looking.start()
        reader = InventoryReader(looking)
        assert f"/{cluster}" in await reader.cluster_ids()
        inventory = await reader.read(f"/{cluster}", "/jobgraphs", terms.storage)
        assert len(inventory.masters) == 1
        assert inventory.standing(JOB) is JobStanding.RECOVERABLE
        assert find_garbage(inventory, everything=False, now_ms=0) == []

    clients.run(test)
