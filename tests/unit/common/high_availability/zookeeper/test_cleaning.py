"""Whoever cleans keeps masters from leading, and removes nothing once it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.cleaning import CLEANER, ClusterCleaning, MasterAliveError
from millstream.common.high_availability.zookeeper.client import SessionState
from millstream.common.high_availability.zookeeper.data_frame import DataKind
from millstream.common.high_availability.zookeeper.inventory import Garbage, GarbageKind
from millstream.common.high_availability.zookeeper.inventory_reader import InventoryReader
from millstream.common.high_availability.zookeeper.latch import Latch, MakeCandidate
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import JobID
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient
from tests.unit.common.high_availability.zookeeper.terms import InlineExecutor

JOB = JobID("a" * 32)
LATCH = f"/default{paths.LATCH}"


class Scene:
    """A cluster without masters, and somebody who cleans it."""

    def __init__(self, zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient, path: Path) -> None:
        self.zookeeper = zookeeper
        self.client = client
        settings = Configuration().set(HighAvailabilityOptions.STORAGE_DIR, str(path))
        self.storage = HighAvailabilityStorage(settings, InlineExecutor())
        self.cleaning = ClusterCleaning(client, "/default", self.storage)

    def nodes(self) -> list[str]:
        return [path.removeprefix("/flink") for path in self.zookeeper.paths()]


def play(path: Path, scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        zookeeper = SimulatedZooKeeper()
        client = zookeeper.client("/flink")
        await client.start()
        await client.create(f"/default/jobs/{JOB}/checkpoints/{1:019d}")
        await scenario(Scene(zookeeper, client, path))
        await client.close()

    asyncio.run(main())


def test_no_master_leads_while_somebody_cleans(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.cleaning.instead_of_masters(force=False) as others:
            assert others == ()
            latch = Latch(lambda: "f" * 32, tolerates_suspension=False)
            latch.session_changed(scene.client.state)
            (candidacy,) = latch.listed(await scene.client.children(LATCH))
            assert isinstance(candidacy, MakeCandidate)
            own = await scene.client.create(f"{LATCH}/{candidacy.prefix}", ephemeral=True, sequential=True)
            assert latch.listed(await scene.client.children(LATCH)) == []
            assert (await InventoryReader(scene.client).masters("/default"))[0].address == CLEANER
        latch.listed(await scene.client.children(LATCH))
        assert latch.leads_with == own.rpartition("/")[2]

    play(tmp_path, scenario)


def test_it_leaves_no_node_of_its_own_where_a_master_is(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        master = await scene.client.create(f"{LATCH}/{'b' * 32}-", ephemeral=True, sequential=True)
        with pytest.raises(MasterAliveError, match="A master of the cluster /default is alive"):
            async with scene.cleaning.instead_of_masters(force=False):
                raise AssertionError
        assert await scene.client.children(LATCH) == [master.rpartition("/")[2]]
        async with scene.cleaning.instead_of_masters(force=True) as others:
            assert [f"{LATCH}/{each.node}" for each in others] == [master]
            assert [each.address for each in others] == [""]

    play(tmp_path, scenario)


def test_nodes_go_with_all_below_them_and_files_one_by_one(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        data = await scene.storage.write(DataKind.JOB_GRAPH, JOB, b"graph")
        async with scene.cleaning.instead_of_masters(force=False):
            for _ in range(2):
                await scene.cleaning.remove(Garbage(GarbageKind.NODE, f"/jobs/{JOB}", ""))
                await scene.cleaning.remove(Garbage(GarbageKind.FILE, data.file, ""))
        assert "/default/jobs" in scene.nodes()
        assert f"/default/jobs/{JOB}" not in scene.nodes()
        assert await scene.storage.files() == []
        await scene.cleaning.remove_empty_nodes("/jobgraphs")
        assert [path for path in scene.nodes() if path.startswith("/default")] == []

    play(tmp_path, scenario)


def test_nothing_is_removed_after_the_session_has_expired(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        data = await scene.storage.write(DataKind.JOB_GRAPH, JOB, b"graph")
        nodes = scene.nodes()
        async with scene.cleaning.instead_of_masters(force=False):
            connected = asyncio.Event()
            end = scene.client.listen(lambda state: connected.set() if state is SessionState.CONNECTED else None)
            scene.zookeeper.expire(scene.client)
            await connected.wait()
            end()
            for garbage in (
                Garbage(GarbageKind.NODE, f"/jobs/{JOB}", ""),
                Garbage(GarbageKind.FILE, data.file, ""),
            ):
                with pytest.raises(MillstreamError, match="the session with ZooKeeper has expired"):
                    await scene.cleaning.remove(garbage)
        assert set(nodes) <= set(scene.nodes())
        assert len(await scene.storage.files()) == 1

    play(tmp_path, scenario)
