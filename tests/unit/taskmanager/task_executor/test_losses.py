"""Workers and JobMasters that are lost: each is noticed, told apart, and cleaned up after."""

from __future__ import annotations

import pytest

from millstream.common.failure import ENGINE, WORKER_DIED
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.failure_pb2 import FailureInfo
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import JOB, RunningJob, with_job


def test_a_dead_worker_is_told_once_with_everything_to_know_of_it() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot(1)
        await job.submit("x", "y")
        worker.state("x", "RUNNING")
        await job.cluster.until(lambda: bool(job.states()))
        job.cluster.clock.advance(42)
        worker.die("killed by signal 9 (SIGKILL)")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        (lost,) = job.job_master.lost_slots
        assert (lost.resource_id, lost.allocation_id) == ("tm-1", "alloc-0")
        assert lost.failure.kind == WORKER_DIED
        assert lost.failure.message == (
            "The worker process 1 of slot 1 on TaskManager tm-1 was killed by signal 9 (SIGKILL) "
            "while it ran task x (1/2), task y (1/2).\n"
            "Possibly it was out of memory: the kernel's log (dmesg) names the processes it kills for that."
        )
        assert lost.failure.task_manager == "tm-1 @ host-1 (pid 1)"
        assert lost.failure.timestamp_ms == 1_042
        assert await job.slots() == ["", ""]
        assert job.states() == [("x", "RUNNING")]

    with_job(test)


def test_what_a_worker_was_killed_for_is_not_guessed_at() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        worker.die("killed by signal 9 (SIGKILL) after it stood still for 50 s (heartbeat.timeout)")
        await job.cluster.until(lambda: bool(job.job_master.lost_slots))
        assert job.job_master.lost_slots[0].failure.message.endswith(
            "was killed by signal 9 (SIGKILL) after it stood still for 50 s (heartbeat.timeout) "
            "while it ran task x (1/2)."
        )

    with_job(test)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit status 3", "ended: exit status 3 while it ran task x (1/2).\nPossibly user code"),
        (
            "killed by signal 11 (SIGSEGV)",
            "was killed by signal 11 (SIGSEGV) while it ran task x (1/2).\nPossibly a n",
        ),
    ],
)
def test_what_a_dead_worker_may_have_died_of(how: str, words: str) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        worker.die(how)
        await job.cluster.until(lambda: bool(job.job_master.lost_slots))
        failure = job.job_master.lost_slots[0].failure
        assert words in failure.message
        assert failure.task_name == "task x (1/2)"

    with_job(test)


def test_a_worker_that_dies_idle_or_half_prepared_is_told_too() -> None:
    async def test(job: RunningJob) -> None:
        idle = await job.take_slot(0, "alloc-0")
        idle.die("exit status 0")
        await job.cluster.until(lambda: len(job.job_master.lost_slots) == 1)
        assert "while it ran no task" in job.job_master.lost_slots[0].failure.message
        job.cluster.pool.prepares = False
        await job.gateway.request_slot(job.slot_request(1, "alloc-1"))
        await job.cluster.until(lambda: len(job.workers) == 2 and job.workers[1].kinds() == ["prepare"])
        job.workers[1].die("exit status 1")
        await job.cluster.until(lambda: len(job.job_master.lost_slots) == 2)
        await job.cluster.until(lambda: len(job.cluster.rm.available) == 2)

    with_job(test)


def test_a_worker_that_gives_up_says_why() -> None:
    async def test(job: RunningJob) -> None:
        job.cluster.pool.prepares = False
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.workers) and job.workers[0].kinds() == ["prepare"])
        job.workers[0].fail(FailureInfo(kind=ENGINE, message="artifact words.zip is damaged"))
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        (lost,) = job.job_master.lost_slots
        assert (lost.failure.kind, lost.failure.message) == (ENGINE, "artifact words.zip is damaged")
        assert lost.failure.task_manager == "tm-1 @ host-1 (pid 1)"
        assert job.job_master.offers == []

    with_job(test)


def test_states_before_the_death_are_told_before_it() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        order: list[str] = []
        update, fail = job.job_master.update_task_execution_state, job.job_master.fail_slot

        async def noted_update(request: pb.TaskExecutionState) -> pb.Empty:
            order.append(request.state)
            return await update(request)

        async def noted_fail(request: pb.FailSlotRequest) -> pb.Empty:
            order.append("slot lost")
            return await fail(request)

        job.job_master.leave()
        job.job_master.update_task_execution_state = noted_update  # type: ignore[method-assign]  # spies
        job.job_master.fail_slot = noted_fail  # type: ignore[method-assign]  # spies
        job.job_master.enter()
        for state in ("INITIALIZING", "RUNNING"):
            worker.state("x", state)
        await job.cluster.until(lambda: "RUNNING" in order)
        worker.die("exit status 1")
        await job.cluster.until(lambda: len(order) == 3)
        assert order == ["INITIALIZING", "RUNNING", "slot lost"]

    with_job(test)


def test_a_job_master_that_crashes_leaves_no_tasks_behind() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.cluster.network.crash("jobs")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert worker.ended
        assert await job.slots() == ["", ""]

    with_job(test)


def test_a_job_master_whose_heartbeats_stop_is_lost() -> None:
    async def test(job: RunningJob) -> None:
        job.job_master.heartbeat_timeout_ms = 50
        worker = await job.take_slot()
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert worker.ended

    with_job(test)


def test_a_job_master_that_is_not_there_any_more_is_noticed_by_a_report() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.job_master.leave()
        worker.state("x", "RUNNING")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert worker.ended

    with_job(test)


def test_a_new_leader_of_a_job_replaces_the_old_one() -> None:
    async def test(job: RunningJob) -> None:
        old_worker = await job.take_slot(0, "alloc-0")
        job.job_master.leave()
        new = RunningJob(job.cluster, await job.cluster.start_job_master(JOB, "jm-2"), job.gateway)
        await new.take_slot(1, "alloc-1")
        await job.cluster.until(lambda: old_worker.ended)
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert await job.slots() == ["", "alloc-1"]
        await new.submit("x", allocation_id="alloc-1")

    with_job(test)


def test_a_slot_that_the_job_master_forgot_is_freed_but_not_at_the_first_doubt() -> None:
    async def test(job: RunningJob) -> None:
        first, second = await job.take_slot(0, "alloc-0"), await job.take_slot(1, "alloc-1")
        await job.heartbeat("alloc-0")
        await job.heartbeat("alloc-0", "alloc-1")
        await job.heartbeat("alloc-0")
        assert not second.ended
        await job.heartbeat("alloc-0")
        await job.cluster.until(lambda: second.ended)
        assert not first.ended

    with_job(test)


def test_a_job_master_without_slots_here_hears_so() -> None:
    async def test(job: RunningJob) -> None:
        beat = await job.heartbeat("alloc-7")
        assert list(beat.slots) == []
        assert list(beat.metrics) == []

    with_job(test)


def test_closing_does_not_wait_for_a_job_master_that_does_not_answer() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.cluster.network.transit = lambda source, target, method: 0.0 if method.name != "fail_slot" else None
        worker.die("exit status 1")
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        await job.cluster.executor.close()

    with_job(test, {"pekko.ask.timeout": "1 h"})
