"""The ResourceManager's endpoint: registration, heartbeats, the end of others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import ResourceManagerGateway
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import FencingError
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.jobmanager.fake_cluster import FakeCluster, until

SLOW = {"heartbeat.interval": "1 h", "heartbeat.timeout": "2 h"}


def _run(story: Callable[[FakeCluster], Awaitable[None]], configuration: dict[str, str] | None = None) -> None:
    async def main() -> None:
        async with FakeCluster(configuration) as cluster:
            await asyncio.wait_for(story(cluster), 20)

    asyncio.run(main())


async def _overview(cluster: FakeCluster) -> pb.ClusterOverview:
    return await cluster.resource_manager.get_resource_overview(pb.Empty())


async def _until_task_managers(cluster: FakeCluster, count: int) -> None:
    for _ in range(10_000):
        if (await _overview(cluster)).taskmanagers == count:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{(await _overview(cluster)).taskmanagers} TaskManagers instead of {count}")


async def _register_job(cluster: FakeCluster, job_id: str, slots: int, address: str = "master") -> None:
    manager = cluster.resource_manager
    await manager.register_job_master(pb.RegisterJobMasterRequest(job_id=job_id, address=address, job_master_id="jm"))
    await manager.declare_required_resources(
        pb.DeclareRequiredResourcesRequest(job_id=job_id, job_master_id="jm", job_master_address=address, slots=slots)
    )


def test_the_overview_shows_task_managers_and_slots() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2)
        await cluster.task_executor("tm-2", 1)
        overview = await _overview(cluster)
        assert (overview.taskmanagers, overview.slots_total, overview.slots_available) == (2, 3, 3)
        first = overview.task_manager_list[0]
        assert (first.resource_id, first.address, first.host, first.pid) == (
            "tm-1",
            "tm-1-address-session",
            "tm-1.example",
            4711,
        )
        assert (first.slots_total, first.slots_free, first.last_heartbeat_ms) == (2, 2, 1_000)
        assert (first.session_id, first.description.data_port) == ("tm-1-session", 6121)
        assert [(slot.slot_index, slot.job_id) for slot in first.slots] == [(0, ""), (1, "")]

    _run(story)


def test_heartbeats_go_out_and_are_noted() -> None:
    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1")
        cluster.clock.advance(500)
        await until(lambda: bool(executor.heartbeats))
        assert executor.heartbeats[0].session_id == cluster.resource_manager.leader_session_id
        await asyncio.sleep(0)
        await _until_task_managers(cluster, 1)
        for _ in range(10_000):
            if (await _overview(cluster)).task_manager_list[0].last_heartbeat_ms == 1_500:
                return
            await asyncio.sleep(0.001)
        raise AssertionError("no heartbeat was noted")

    _run(story)


def test_a_crashed_task_manager_is_gone_at_once() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1")
        cluster.network.crash("tm-1-address-session")
        await _until_task_managers(cluster, 0)

    _run(story, SLOW)


def test_a_task_manager_that_cannot_be_heard_is_lost_after_the_timeout() -> None:
    def silence(source: str, target: str, method: RpcMethod) -> float | None:
        return None if "Heartbeat" in str(method) or "heartbeat" in str(method) else 0.0

    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1")
        cluster.network.transit = silence
        await _until_task_managers(cluster, 0)

    _run(story, {"heartbeat.interval": "10 ms", "heartbeat.timeout": "60 ms"})


def test_a_task_manager_that_says_goodbye_is_gone() -> None:
    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1")
        await cluster.resource_manager.disconnect_task_executor(
            pb.DisconnectRequest(resource_id="tm-1", session_id="of another process", cause="?")
        )
        assert (await _overview(cluster)).taskmanagers == 1
        await cluster.resource_manager.disconnect_task_executor(
            pb.DisconnectRequest(resource_id="tm-1", session_id=executor.session_id, cause="SIGTERM")
        )
        assert (await _overview(cluster)).taskmanagers == 0

    _run(story, SLOW)


def test_strangers_are_told_to_register() -> None:
    async def story(cluster: FakeCluster) -> None:
        manager = cluster.resource_manager
        with pytest.raises(MillstreamError, match="TaskManager tm-9 is not registered"):
            await manager.send_slot_report(pb.SlotReportRequest(resource_id="tm-9"))
        with pytest.raises(MillstreamError, match="register again"):
            await manager.declare_required_resources(pb.DeclareRequiredResourcesRequest(job_id="1" * 32, slots=1))
        with pytest.raises(MillstreamError, match="register again"):
            await manager.heartbeat_from_job_master(pb.Heartbeat(**{"from": "jobmaster-" + "1" * 32}))

    _run(story)


def test_messages_to_another_leader_are_refused() -> None:
    async def story(cluster: FakeCluster) -> None:
        rpc = cluster.network.service("somebody")
        await rpc.start()
        gateway = rpc.connect(ResourceManagerGateway, "master", "resourcemanager", LeaderSessionId("old"))  # type: ignore[type-abstract]  # names the service
        with pytest.raises(FencingError):
            await gateway.get_resource_overview(pb.Empty())
        await rpc.close()

    _run(story)


def test_slots_of_a_job_whose_job_master_is_not_there_come_back() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2)
        # The TaskManager finds no such JobMaster and gives the slot back; it is asked again until the job is gone.
        await _register_job(cluster, "1" * 32, 1)
        await cluster.resource_manager.disconnect_job_master(
            pb.DisconnectJobMasterRequest(job_id="1" * 32, job_master_id="jm")
        )
        await cluster.until_free(2)

    _run(story)


async def _until_given_up(cluster: FakeCluster) -> None:
    for _ in range(10_000):
        try:
            await cluster.resource_manager.heartbeat_from_job_master(
                pb.Heartbeat(session_id="jm", **{"from": "jobmaster-" + "1" * 32})
            )
        except MillstreamError:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the job master was not given up")


def test_a_job_master_whose_process_is_gone_gets_no_slots() -> None:
    async def story(cluster: FakeCluster) -> None:
        other = cluster.network.service("other-master")
        await other.start()
        await _register_job(cluster, "1" * 32, 1, "other-master")
        cluster.network.crash("other-master")
        await _until_given_up(cluster)
        executor = await cluster.task_executor("tm-1")
        assert list(executor.slots.values()) == [None]
        assert (await _overview(cluster)).slots_available == 1

    _run(story, SLOW)
