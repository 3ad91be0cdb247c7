"""A TaskManager among masters that take over from each other: it follows whom the directory names, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import (
    JOB,
    TIMEOUT_S,
    FakeCluster,
    RunningJob,
    fake_cluster,
)
from tests.unit.taskmanager.task_executor.task_executor_support.fake_leaders import FakeLeaderDirectory
from tests.unit.taskmanager.task_executor.task_executor_support.fake_master import FakeJobMaster, FakeResourceManager

RESOURCE_MANAGER = "resourcemanager"
JOB_MASTER = f"jobmaster-{JOB}"


class Masters:
    """Two masters with a ResourceManager and a JobMaster each, the first of which leads; one TaskManager."""

    def __init__(self, cluster: FakeCluster, leaders: FakeLeaderDirectory) -> None:
        self.cluster = cluster
        self.leaders = leaders

    async def start(self) -> None:
        first, second = await self.cluster.service("master"), await self.cluster.service("master-2")
        self.old_rm = self.cluster.rm = FakeResourceManager(first, "rm-1")
        self.old_job_master = FakeJobMaster(first, JOB, "jm-1")
        self.new_rm = FakeResourceManager(second, "rm-2")
        self.new_job_master = FakeJobMaster(second, JOB, "jm-2")
        self.leaders.name(RESOURCE_MANAGER, "master", "rm-1")
        self.leaders.name(JOB_MASTER, "master", "jm-1")
        self.executor = await self.cluster.start_task_executor()
        await asyncio.wait_for(self.executor.wait_registered(), TIMEOUT_S)
        gateway = await self.cluster.connect()
        self.old_job = RunningJob(self.cluster, self.old_job_master, gateway)
        self.new_job = RunningJob(self.cluster, self.new_job_master, gateway)

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.cluster.until(condition)

    async def take_over(self) -> None:
        """The second master leads; the first one lives on and does not know. Returns when the TaskManager does."""
        self.leaders.name(RESOURCE_MANAGER, "master-2", "rm-2")
        self.leaders.name(JOB_MASTER, "master-2", "jm-2")
        self.cluster.rm = self.new_rm
        await self.until(lambda: bool(self.new_rm.registrations))
        await asyncio.wait_for(self.executor.wait_registered(), TIMEOUT_S)
        await self.until(lambda: all(worker.ended for worker in self.cluster.pool.workers))


def with_masters(test: Callable[[Masters], Awaitable[None]], settings: Mapping[str, str] | None = None) -> None:
    async def run() -> None:
        async with fake_cluster(settings or {}) as cluster:
            cluster.leaders = leaders = FakeLeaderDirectory()
            masters = Masters(cluster, leaders)
            await masters.start()
            await test(masters)
            await cluster.executor.close()
            assert leaders.watched() == set()

    asyncio.run(run())


def test_another_resource_manager_is_joined_at_once_with_the_slots_as_they_are() -> None:
    async def test(masters: Masters) -> None:
        worker = await masters.old_job.take_slot(1)
        masters.leaders.name(RESOURCE_MANAGER, "master-2", "rm-2")
        await masters.until(lambda: bool(masters.new_rm.registrations))
        (registration,) = masters.new_rm.registrations
        assert [slot.allocation_id for slot in registration.slots] == ["", "alloc-0"]
        assert len(masters.old_rm.registrations) == 1
        assert not worker.ended  # the job has another leader only when the directory says so

    # It neither waits for the next heartbeat nor for the next try.
    with_masters(test, {"cluster.registration.initial-timeout": "1 h", "cluster.registration.error-delay": "1 h"})


def test_the_same_resource_manager_again_or_none_is_no_reason_to_leave() -> None:
    async def test(masters: Masters) -> None:
        masters.leaders.name(RESOURCE_MANAGER, "master", "rm-1")
        masters.leaders.forget(RESOURCE_MANAGER)
        await masters.old_job.gateway.heartbeat_from_resource_manager(pb.Heartbeat(session_id="rm-1"))
        assert masters.executor.is_registered
        assert len(masters.old_rm.registrations) == 1

    with_masters(test)


def test_it_does_not_wait_for_the_answer_of_one_that_was_deposed() -> None:
    async def test(masters: Masters) -> None:
        # The master hangs: it takes registrations and never answers.
        masters.cluster.network.transit = lambda source, target, method: None if source == "master" else 0.0
        masters.leaders.name(RESOURCE_MANAGER, "master", "rm-1b")
        await masters.until(lambda: not masters.executor.is_registered)
        masters.leaders.name(RESOURCE_MANAGER, "master-2", "rm-2")
        await masters.until(lambda: bool(masters.new_rm.registrations))
        await asyncio.wait_for(masters.executor.wait_registered(), TIMEOUT_S)

    with_masters(test, {"pekko.ask.timeout": "1 h"})


def test_it_registers_as_soon_as_somebody_leads_though_the_next_try_is_far() -> None:
    async def run() -> None:
        settings = {"cluster.registration.initial-timeout": "1 h", "cluster.registration.error-delay": "1 h"}
        async with fake_cluster(settings) as cluster:
            cluster.leaders = FakeLeaderDirectory()
            executor = await cluster.start_task_executor()
            await cluster.until(lambda: cluster.leaders is not None and cluster.leaders.asked == 1)
            rm = await cluster.start_resource_manager()
            cluster.leaders.name(RESOURCE_MANAGER, "master", "rm-1")
            await asyncio.wait_for(executor.wait_registered(), TIMEOUT_S)
            assert len(rm.registrations) == 1

    asyncio.run(run())


def test_without_a_leader_for_too_long_it_ends_and_says_where_it_looked() -> None:
    async def run() -> None:
        async with fake_cluster({"taskmanager.registration.timeout": "60 ms"}) as cluster:
            cluster.leaders = FakeLeaderDirectory()
            await cluster.start_task_executor()
            await cluster.until(lambda: bool(cluster.fatal))
            (message,) = cluster.fatal
            assert "within 0.06 s (taskmanager.registration.timeout): nobody leads resourcemanager" in message
            assert "It was looked for at ZooKeeper at nowhere" in message
            assert "high-availability.zookeeper.quorum" in message

    asyncio.run(run())


def test_another_job_master_ends_what_the_old_one_has_here_though_that_lives() -> None:
    async def test(masters: Masters) -> None:
        worker = await masters.old_job.take_slot()
        await masters.old_job.submit("x")
        worker.state("x", "RUNNING")
        await masters.until(lambda: masters.old_job.states() == [("x", "RUNNING")])
        masters.leaders.name(JOB_MASTER, "master-2", "jm-2")
        await masters.until(lambda: worker.ended)
        await masters.until(lambda: bool(masters.old_rm.available))
        assert await masters.old_job.slots() == ["", ""]
        assert masters.old_job.states() == [("x", "RUNNING")]  # it hears nothing any more
        assert masters.leaders.watched() == {RESOURCE_MANAGER}

    with_masters(test)


def test_nobody_leads_a_job_is_no_reason_to_end_it() -> None:
    async def test(masters: Masters) -> None:
        worker = await masters.old_job.take_slot()
        masters.leaders.forget(JOB_MASTER)
        await masters.old_job.heartbeat("alloc-0")
        assert not worker.ended
        masters.leaders.name(JOB_MASTER, "master", "jm-1")
        await masters.old_job.heartbeat("alloc-0")
        assert not worker.ended

    with_masters(test)


def test_a_directory_that_is_behind_does_not_end_what_a_new_job_master_has_just_begun() -> None:
    async def test(masters: Masters) -> None:
        masters.leaders.name(RESOURCE_MANAGER, "master-2", "rm-2")
        masters.cluster.rm = masters.new_rm
        await masters.until(lambda: bool(masters.new_rm.registrations))
        worker = await masters.new_job.take_slot()  # while the directory still names the old one
        await masters.new_job.submit("x")
        masters.leaders.name(JOB_MASTER, "master-2", "jm-2")
        await masters.new_job.heartbeat("alloc-0")
        assert not worker.ended
        masters.leaders.name(JOB_MASTER, "master-3", "jm-3")  # from then on it is at the height of things
        await masters.until(lambda: worker.ended)

    with_masters(test)


def test_the_new_leaders_get_the_slots_of_the_old_ones() -> None:
    async def test(masters: Masters) -> None:
        await masters.old_job.take_slot(0, "alloc-0")
        await masters.take_over()
        worker = await masters.new_job.take_slot(0, "alloc-1")
        await masters.new_job.submit("y", allocation_id="alloc-1")
        assert worker.attempts_run() == ["y"]
        assert len(masters.new_job_master.registrations) == 1

    with_masters(test)


async def _request_slot(job: RunningJob) -> None:
    await job.gateway.request_slot(job.slot_request(1, "alloc-9"))


async def _free_slot(job: RunningJob) -> None:
    await job.give_back("alloc-1")


async def _free_slot_by_the_resource_manager(job: RunningJob) -> None:
    await job.gateway.free_slot(pb.FreeSlotRequest(allocation_id="alloc-1", resource_manager_id="rm-1"))


async def _free_slot_by_nobody(job: RunningJob) -> None:
    await job.gateway.free_slot(pb.FreeSlotRequest(allocation_id="alloc-1"))


async def _submit(job: RunningJob) -> None:
    await job.submit("z", allocation_id="alloc-1")


async def _heartbeat(job: RunningJob) -> None:
    await job.heartbeat("alloc-1")


async def _heartbeat_of_the_resource_manager(job: RunningJob) -> None:
    await job.gateway.heartbeat_from_resource_manager(pb.Heartbeat(session_id="rm-1"))


async def _cancel(job: RunningJob) -> None:
    await job.cancel("x", "y")


async def _trigger(job: RunningJob) -> None:
    await job.gateway.trigger_task_checkpoint(
        pb.TriggerTaskCheckpointRequest(
            job_master_id=job.job_master.session_id,
            attempt_ids=["x", "y"],
            checkpoint_id=7,
            options=CheckpointOptions(kind="CHECKPOINT", directory="/checkpoints/chk-7"),
        )
    )


async def _notify(job: RunningJob) -> None:
    await job.gateway.notify_checkpoint(
        pb.NotifyCheckpointRequest(
            job_master_id=job.job_master.session_id, attempt_ids=["x", "y"], checkpoint_id=7, completed=True
        )
    )


async def _ask_operator(job: RunningJob) -> None:
    await job.gateway.send_operator_request(pb.TaskOperatorRequest(attempt_id="x", operator_id="op", payload=b"1"))


async def _disconnect(job: RunningJob) -> None:
    await job.gateway.disconnect_job_master(
        pb.DisconnectJobMasterRequest(job_id=JOB, job_master_id=job.job_master.session_id, cause="the job is CANCELED")
    )


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (_request_slot, True),
        (_free_slot, True),
        (_free_slot_by_the_resource_manager, True),
        (_free_slot_by_nobody, True),
        (_submit, True),
        (_heartbeat, True),
        (_heartbeat_of_the_resource_manager, True),
        (_ask_operator, True),
        (_cancel, False),
        (_trigger, False),
        (_notify, False),
        (_disconnect, False),
    ],
)
def test_what_a_deposed_leader_commands_has_no_effect(
    command: Callable[[RunningJob], Awaitable[None]], refused: bool
) -> None:
    async def test(masters: Masters) -> None:
        await masters.old_job.take_slot(0, "alloc-0")
        await masters.old_job.submit("x")
        await masters.take_over()
        worker = await masters.new_job.take_slot(0, "alloc-1")
        await masters.new_job.submit("y", allocation_id="alloc-1")
        told = worker.kinds()
        masters.cluster.rm = masters.old_rm
        if refused:
            with pytest.raises(MillstreamError, match=r"FencingError|no slot for allocation|does not run"):
                await command(masters.old_job)
        else:
            await command(masters.old_job)
        masters.cluster.rm = masters.new_rm
        assert await masters.new_job.slots() == ["alloc-1", ""]
        assert worker.kinds() == told
        assert not worker.ended
        worker.state("y", "RUNNING")
        await masters.until(lambda: masters.new_job.states() == [("y", "RUNNING")])
        assert masters.old_job.states() == []
        assert masters.old_job_master.declines == []

    with_masters(test)


def test_what_tasks_of_a_deposed_leader_say_reaches_nobody() -> None:
    async def test(masters: Masters) -> None:
        worker = await masters.old_job.take_slot()
        await masters.old_job.submit("x")
        worker.state("x", "FINISHED")  # on its way when the TaskManager hears of the new leader
        masters.leaders.name(JOB_MASTER, "master-2", "jm-2")
        await masters.until(lambda: worker.ended)
        await masters.until(lambda: bool(masters.old_rm.available))
        assert masters.old_job.states() == masters.new_job.states() == []

    with_masters(test)
