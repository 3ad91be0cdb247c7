"""A TaskManager finds its ResourceManager, and finds it again."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.rpc.service import FencingError, RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import (
    JOB,
    TIMEOUT_S,
    RunningJob,
    fake_cluster,
    with_job,
)


def test_it_registers_its_slots() -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            rm = await cluster.start_resource_manager()
            executor = await cluster.start_task_executor()
            await asyncio.wait_for(executor.wait_registered(), TIMEOUT_S)
            (registration,) = rm.registrations
            assert registration.resource_id == executor.resource_id == "tm-1"
            assert (registration.address, registration.host) == ("tm", "host-1")
            assert [slot.slot_index for slot in registration.slots] == [0, 1]
            await executor.close()
            assert rm.goodbyes == ["TaskManager tm-1 is shutting down"]
            assert cluster.pool.closed
            assert not executor.is_registered

    asyncio.run(run())


def test_it_makes_up_a_resource_id_from_its_address() -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            cluster.configuration.remove_config("taskmanager.resource-id")
            executor = await cluster.start_task_executor()
            assert executor.resource_id.startswith("tm-")
            assert len(executor.resource_id) == len("tm-") + 6

    asyncio.run(run())


def test_it_tries_again_until_the_resource_manager_is_there_and_takes_it(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            executor = await cluster.start_task_executor()
            await cluster.until(
                lambda: "Cannot register at the ResourceManager yet, looked for at master" in caplog.text
            )
            rm = await cluster.start_resource_manager()
            rm.refusals = 3
            await asyncio.wait_for(executor.wait_registered(), TIMEOUT_S)
            assert rm.refusals == 0
            assert cluster.fatal == []

    with caplog.at_level("INFO"):
        asyncio.run(run())
    assert "TaskManager tm-1 is registered at the ResourceManager at master" in caplog.text


def test_it_gives_up_in_the_end_and_says_what_to_look_at() -> None:
    async def run() -> None:
        async with fake_cluster({"taskmanager.registration.timeout": "60 ms"}) as cluster:
            await cluster.start_task_executor()
            await cluster.until(lambda: bool(cluster.fatal))
            (message,) = cluster.fatal
            assert message.startswith(
                "Could not register at the ResourceManager within 0.06 s (taskmanager.registration.timeout): "
            )
            assert "jobmanager.rpc.address" in message
            assert "no service is started there" in message

    asyncio.run(run())


def test_a_pool_that_cannot_start_is_fatal() -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            cluster.pool.start_error = OSError("no interpreter")
            await cluster.start_task_executor()
            await cluster.until(lambda: bool(cluster.fatal))
            assert cluster.fatal == ["TaskManager tm-1 cannot start slot workers: no interpreter"]

    asyncio.run(run())


def test_it_registers_again_with_its_jobs_when_the_resource_manager_crashes() -> None:
    async def test(job: RunningJob) -> None:
        cluster = job.cluster
        worker = await job.take_slot(1)
        cluster.network.crash("master")
        await cluster.until(lambda: not cluster.executor.is_registered)
        rm = await cluster.start_resource_manager("rm-2")
        await asyncio.wait_for(cluster.executor.wait_registered(), TIMEOUT_S)
        assert [slot.allocation_id for slot in rm.registrations[0].slots] == ["", "alloc-0"]
        assert rm.registrations[0].slots[1].job_id == JOB
        assert not worker.ended

    with_job(test)


def test_it_registers_again_when_heartbeats_stop() -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            rm = await cluster.start_resource_manager()
            rm.heartbeat_timeout_ms = 30
            await cluster.start_task_executor()
            await cluster.until(lambda: len(rm.registrations) >= 3)

    asyncio.run(run())


def test_heartbeats_keep_the_registration() -> None:
    async def run() -> None:
        async with fake_cluster({}) as cluster:
            rm = await cluster.start_resource_manager()
            rm.heartbeat_timeout_ms = 200
            executor = await cluster.start_task_executor()
            await asyncio.wait_for(executor.wait_registered(), TIMEOUT_S)
            gateway = await cluster.connect()
            end = asyncio.get_running_loop().time() + 0.5
            while asyncio.get_running_loop().time() < end:
                await gateway.heartbeat_from_resource_manager(pb.Heartbeat(session_id=rm.session_id))
                await asyncio.sleep(0.01)
            assert len(rm.registrations) == 1

    asyncio.run(run())


def test_a_deposed_resource_manager_is_refused() -> None:
    async def test(job: RunningJob) -> None:
        request = job.slot_request()
        request.resource_manager_id = "an older one"
        with pytest.raises(RemoteCallError, match=r"comes from ResourceManager an older one.*follows rm-1"):
            await job.gateway.request_slot(request)
        with pytest.raises(RemoteCallError, match="FencingError"):
            await job.gateway.heartbeat_from_resource_manager(pb.Heartbeat(session_id="an older one"))
        assert await job.slots() == ["", ""]

    with_job(test)


def test_calls_for_an_earlier_process_of_the_same_name_are_refused() -> None:
    async def test(job: RunningJob) -> None:
        client = await job.cluster.service("somebody")
        stale = job.cluster.connect_as(client, job.cluster.rm.session_id)
        with pytest.raises(FencingError):
            await stale.request_slot(job.slot_request())

    with_job(test)


def test_a_free_slot_is_told_until_the_resource_manager_has_heard_it() -> None:
    async def test(job: RunningJob) -> None:
        await job.take_slot()
        job.cluster.rm.refusals = 2
        await job.give_back("alloc-0", "done")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        (notice,) = job.cluster.rm.available
        assert (notice.resource_id, notice.slot_index, notice.allocation_id) == ("tm-1", 0, "alloc-0")

    with_job(test)
