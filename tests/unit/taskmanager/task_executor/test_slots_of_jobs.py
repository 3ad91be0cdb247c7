"""A slot from its request to its release, with all that may come between."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.rpc.service import RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import JOB, OTHER_JOB, RunningJob, with_job


def test_a_slot_is_prepared_offered_and_taken_up() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot(1)
        (registration,) = job.job_master.registrations
        assert (registration.job_id, registration.resource_id, registration.host) == (JOB, "tm-1", "host-1")
        prepare = worker.commands[0].prepare
        assert (prepare.job.job_id, prepare.job.data_secret) == (JOB, b"s" * 32)
        assert (prepare.allocation_id, prepare.slot_index, prepare.task_manager_id) == ("alloc-0", 1, "tm-1")
        assert (prepare.data_bind_host, prepare.data_host) == ("localhost", "host-1")
        assert prepare.configuration["taskmanager.numberOfTaskSlots"] == "2"
        (offer,) = job.job_master.offers
        assert (offer.slot_index, offer.data_host, offer.data_port) == (1, "host-1", 5001)
        assert await job.slots() == ["", "alloc-0"]

    with_job(test)


def test_a_repeated_request_is_no_second_slot() -> None:
    async def test(job: RunningJob) -> None:
        for _ in range(3):
            await job.gateway.request_slot(job.slot_request())
        await job.take_slot()
        await job.gateway.request_slot(job.slot_request())
        await job.heartbeat("alloc-0")
        assert len(job.workers) == len(job.job_master.offers) == 1

    with_job(test)


def test_two_slots_of_a_job_share_the_registration_and_nothing_else() -> None:
    async def test(job: RunningJob) -> None:
        first = await job.take_slot(0, "alloc-0")
        second = await job.take_slot(1, "alloc-1")
        assert first is not second
        assert len(job.job_master.registrations) == 1
        assert await job.slots() == ["alloc-0", "alloc-1"]

    with_job(test)


def test_a_slot_that_is_taken_is_refused() -> None:
    async def test(job: RunningJob) -> None:
        await job.take_slot()
        with pytest.raises(RemoteCallError, match="slot 0 is active by allocation alloc-0"):
            await job.gateway.request_slot(job.slot_request(0, "alloc-1"))

    with_job(test)


def test_a_freed_slot_gets_another_worker_next_time() -> None:
    async def test(job: RunningJob) -> None:
        first = await job.take_slot()
        for _ in range(2):  # the second has no effect
            await job.give_back("alloc-0", "the job is FINISHED")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert first.stopped_with is not None
        assert first.ended
        assert await job.slots() == ["", ""]
        second = await job.take_slot(0, "alloc-1")
        assert second is not first
        assert len(job.job_master.registrations) == 2
        assert job.job_master.lost_slots == []

    with_job(test)


def test_a_slot_that_the_job_master_does_not_want_is_free_again() -> None:
    async def test(job: RunningJob) -> None:
        job.job_master.accepts = False
        worker = await job.take_slot()
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert worker.ended
        assert await job.slots() == ["", ""]

    with_job(test)


def test_a_slot_is_freed_if_the_job_master_refuses_us() -> None:
    async def test(job: RunningJob) -> None:
        job.job_master.refuses_registration = True
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert await job.slots() == ["", ""]

    with_job(test)


def test_a_slot_is_freed_if_the_job_master_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    async def test(job: RunningJob) -> None:
        request = job.slot_request()
        request.job_master_address = "nowhere"
        await job.gateway.request_slot(request)
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert "did not take it up within 0.1 s (taskmanager.slot.timeout)" in caplog.text

    with caplog.at_level("INFO"):
        with_job(test, {"taskmanager.slot.timeout": "100 ms"})


def test_a_slow_worker_does_not_count_against_the_slot_timeout() -> None:
    async def test(job: RunningJob) -> None:
        job.cluster.pool.prepares = False
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.workers) and job.workers[0].kinds() == ["prepare"])
        await asyncio.sleep(0.1)
        assert await job.slots() == ["alloc-0", ""]

    with_job(test, {"taskmanager.slot.timeout": "20 ms"})


def test_a_job_without_workers_to_be_had_is_told() -> None:
    async def test(job: RunningJob) -> None:
        job.cluster.pool.take_error = OSError("too many processes")
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.job_master.lost_slots))
        (lost,) = job.job_master.lost_slots
        assert lost.failure.kind == "ENGINE"
        assert lost.failure.message == "Slot 0 got no worker: too many processes"
        await job.cluster.until(lambda: bool(job.cluster.rm.available))

    with_job(test)


def test_a_slot_freed_while_it_is_prepared_leaves_nothing() -> None:
    async def test(job: RunningJob) -> None:
        job.cluster.pool.prepares = False
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.workers) and job.workers[0].kinds() == ["prepare"])
        await job.give_back("alloc-0")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert job.workers[0].ended
        assert job.job_master.lost_slots == []

    with_job(test)


def test_jobs_do_not_disturb_each_other() -> None:
    async def test(job: RunningJob) -> None:
        other = RunningJob(job.cluster, await job.cluster.start_job_master(OTHER_JOB, "jm-2"), job.gateway)
        mine, theirs = await job.take_slot(0, "alloc-0"), await other.take_slot(1, "alloc-1")
        await job.submit("x")
        with pytest.raises(MillstreamError, match=f"no slot for allocation alloc-1 of job {JOB}"):
            await job.submit("y", allocation_id="alloc-1")
        await job.gateway.disconnect_job_master(
            pb.DisconnectJobMasterRequest(job_id=JOB, job_master_id="jm-1", cause="done")
        )
        await job.cluster.until(lambda: mine.ended)
        assert not theirs.ended
        assert await job.slots() == ["", "alloc-1"]

    with_job(test)


def test_closing_takes_leave_of_everybody_and_ends_the_workers() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        await job.cluster.executor.close()
        await job.cluster.executor.close()
        assert job.job_master.goodbyes == job.cluster.rm.goodbyes == ["TaskManager tm-1 is shutting down"]
        assert worker.ended
        assert job.job_master.lost_slots == []
        assert job.cluster.rm.available == []

    with_job(test)
