"""Tasks are handed to workers, and what becomes of them is told in order and without loss."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.failure import USER_CODE
from millstream.common.rpc.in_process import Transit
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.failure_pb2 import FailureInfo
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import JOB, RunningJob, with_job


def test_tasks_go_to_the_worker_of_their_slot_and_their_states_come_back_in_order() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        assert worker.attempts_run() == ["x", "y"]
        states = ["INITIALIZING", "RUNNING", "FINISHED"]
        for state in states:
            worker.state("x", state)
            worker.state("y", state)
        await job.cluster.until(lambda: len(job.states()) == 6)
        assert job.states() == [(attempt, state) for state in states for attempt in "xy"]

    with_job(test)


def test_tasks_of_one_request_go_to_several_slots() -> None:
    async def test(job: RunningJob) -> None:
        first, second = await job.take_slot(0, "alloc-0"), await job.take_slot(1, "alloc-1")
        request = pb.SubmitTasksRequest(job_master_id="jm-1")
        for attempt, allocation in (("x", "alloc-0"), ("y", "alloc-1"), ("z", "alloc-0")):
            request.tasks.add(job_id=JOB, attempt_id=attempt, allocation_id=allocation)
        await job.gateway.submit_tasks(request)
        assert first.attempts_run() == ["x", "z"]
        assert second.attempts_run() == ["y"]

    with_job(test)


def test_a_repeated_deployment_runs_once() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        await job.submit("x")
        worker.state("x", "FINISHED")
        await job.cluster.until(lambda: job.states() == [("x", "FINISHED")])
        await job.submit("x")
        assert worker.attempts_run() == ["x"]

    with_job(test)


def test_a_deployment_to_a_slot_that_is_gone_or_by_a_stale_job_master_is_refused_whole() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        request = pb.SubmitTasksRequest(job_master_id="jm-1")
        for attempt, allocation in (("x", "alloc-0"), ("y", "alloc-9")):
            request.tasks.add(job_id=JOB, attempt_id=attempt, allocation_id=allocation)
        with pytest.raises(MillstreamError, match="TaskManager tm-1 has no slot for allocation alloc-9"):
            await job.gateway.submit_tasks(request)
        del request.tasks[1]
        request.job_master_id = "jm-0"
        with pytest.raises(RemoteCallError, match=r"comes from JobMaster jm-0, but job a+ is led by jm-1"):
            await job.gateway.submit_tasks(request)
        assert worker.attempts_run() == []

    with_job(test)


def test_failures_say_where_they_happened() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        worker.state("x", "FAILED", FailureInfo(kind=USER_CODE, message="boom"))
        await job.cluster.until(lambda: bool(job.job_master.states))
        failure = job.job_master.states[0].failure
        assert (failure.kind, failure.message) == (USER_CODE, "boom")
        assert failure.task_manager == "tm-1 @ host-1 (pid 1)"

    with_job(test)


def test_late_and_strange_states_are_not_passed_on() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        worker.state("x", "FINISHED")
        worker.state("x", "RUNNING")
        worker.state("x", "FAILED")
        worker.state("never-seen", "RUNNING")
        worker.state("y", "NONSENSE")
        worker.state("y", "RUNNING")
        await job.cluster.until(lambda: len(job.states()) == 2)
        assert job.states() == [("x", "FINISHED"), ("y", "RUNNING")]

    with_job(test)


def _losing(first: int, name: str) -> Transit:
    """A network that loses the first few requests of a method."""
    left = first

    def transit(source: str, target: str, method: RpcMethod) -> float | None:
        nonlocal left
        if method.name == name and source == "tm" and left > 0:
            left -= 1
            return None
        return 0.0

    return transit


def test_states_that_are_lost_on_the_way_are_sent_again_in_order() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.cluster.network.transit = _losing(2, "update_task_execution_state")
        for state in ("INITIALIZING", "RUNNING", "FINISHED"):
            worker.state("x", state)
        await job.cluster.until(lambda: len(job.states()) == 3)
        assert [state for _, state in job.states()] == ["INITIALIZING", "RUNNING", "FINISHED"]

    with_job(test, {"pekko.ask.timeout": "50 ms"})


def test_a_state_that_the_job_master_refuses_does_not_hold_up_the_others() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.job_master.unregistered_errors = 1
        worker.state("x", "RUNNING")
        worker.state("x", "FINISHED")
        await job.cluster.until(lambda: job.states() == [("x", "FINISHED")])

    with_job(test)


def test_an_offer_that_is_lost_on_the_way_is_made_again() -> None:
    async def test(job: RunningJob) -> None:
        job.cluster.network.transit = _losing(1, "offer_slots")
        await job.take_slot()
        await job.submit("x")

    with_job(test, {"pekko.ask.timeout": "50 ms"})


def test_cancellation_reaches_the_worker() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        await job.cancel("x")
        await job.cluster.until(lambda: job.states() == [("x", "CANCELED")])
        await job.cancel("x")
        assert worker.kinds() == ["prepare", "run", "cancel"]

    with_job(test)


def test_an_attempt_cancelled_before_it_came_is_canceled_and_never_runs() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.cancel("x")
        await job.cluster.until(lambda: job.states() == [("x", "CANCELED")])
        await job.submit("x")
        assert worker.attempts_run() == []

    with_job(test)


def test_a_job_master_without_slots_here_may_cancel_in_vain() -> None:
    async def test(job: RunningJob) -> None:
        await job.cancel("x")
        assert job.states() == []

    with_job(test)


def test_a_task_that_does_not_end_is_interrupted_and_then_loses_its_worker() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        job.cluster.pool.cancels = False
        await job.cancel("x")
        await job.cancel("x")
        await job.cluster.until(lambda: bool(job.job_master.lost_slots))
        assert worker.killed
        assert worker.interrupts >= 2
        failure = job.job_master.lost_slots[0].failure
        assert failure.kind == "CANCELLATION"
        assert failure.task_name == "task x (1/2)"
        assert failure.message.startswith(
            "Task task x (1/2) did not end within 0.8 s after it was cancelled (task.cancellation.timeout)"
        )
        assert failure.task_manager == "tm-1 @ host-1 (pid 1)"
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert len(job.job_master.lost_slots) == 1

    with_job(test, {"task.cancellation.interval": "20 ms", "task.cancellation.timeout": "800 ms"})


def test_a_task_that_ends_in_time_is_left_alone() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        await job.cancel("x")
        await job.cluster.until(lambda: job.states() == [("x", "CANCELED")])
        await asyncio.sleep(0.15)
        assert worker.interrupts == 0
        assert not worker.ended

    with_job(test, {"task.cancellation.interval": "20 ms", "task.cancellation.timeout": "100 ms"})


def test_messages_for_operators() -> None:
    async def test(job: RunningJob) -> None:
        await job.take_slot()
        await job.submit("x")
        request = pb.TaskOperatorRequest(attempt_id="x", operator_id="op", payload=b"abc")
        assert (await job.gateway.send_operator_request(request)).payload == b"cba"
        request.payload = b"bad"
        with pytest.raises(MillstreamError, match="refused"):
            await job.gateway.send_operator_request(request)
        request.attempt_id = "unknown"
        with pytest.raises(MillstreamError, match="attempt unknown does not run on TaskManager tm-1"):
            await job.gateway.send_operator_request(request)

    with_job(test)


def test_an_operator_that_does_not_answer_or_whose_worker_dies() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        job.cluster.pool.answers = False
        request = pb.TaskOperatorRequest(attempt_id="x", operator_id="op", payload=b"abc")
        with pytest.raises(MillstreamError):
            await job.gateway.send_operator_request(request)
        asking = asyncio.ensure_future(job.gateway.send_operator_request(request))
        await job.cluster.until(lambda: worker.kinds().count("operator_request") == 2)
        worker.die("exit status 3")
        with pytest.raises(MillstreamError, match="worker process 1 has ended: exit status 3"):
            await asking

    with_job(test, {"pekko.ask.timeout": "200 ms"})


def test_figures_of_live_tasks_are_served() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        worker.metrics("x", 5)
        worker.metrics("y", 6)
        worker.metrics("x", 7)
        worker.state("y", "FINISHED")
        await job.cluster.until(lambda: bool(job.states()))
        beat = await job.heartbeat("alloc-0")
        assert [(entry.attempt_id, entry.metrics.records_in) for entry in beat.metrics] == [("x", 7)]
        assert [slot.allocation_id for slot in beat.slots] == ["alloc-0"]
        asked = await job.gateway.request_task_metrics(pb.RequestTaskMetricsRequest(job_id=JOB))
        assert [entry.attempt_id for entry in asked.metrics] == ["x"]

    with_job(test)
