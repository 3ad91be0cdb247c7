"""JobMaster and ResourceManager together, with TaskExecutors that only pretend to run tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.errors import ConfigurationError, InvalidProgramError, MillstreamError
from millstream.common.wire.graph_pb2 import JobGraph, TaskDeployment
from millstream.jobmanager.job_master import JobMaster
from tests.unit.jobmanager.fake_cluster import FakeCluster, until
from tests.unit.jobmanager.fake_task_executor import run_for_ever, run_to_the_end
from tests.unit.jobmanager.job_graphs import job_graph, vertex

RESTARTS = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1",
    "restart-strategy.fixed-delay.delay": "1 ms",
}


def _word_count(parallelism: int = 2, configuration: dict[str, str] | None = None, job_id: str = "a" * 32) -> JobGraph:
    return job_graph(
        [vertex("source", parallelism), vertex("sink", parallelism)],
        [("source", "sink", "HASH")],
        configuration,
        job_id=job_id,
    )


def _run(story: Callable[[FakeCluster], Awaitable[None]], configuration: dict[str, str] | None = None) -> None:
    async def main() -> None:
        async with FakeCluster(configuration) as cluster:
            await asyncio.wait_for(story(cluster), 20)

    asyncio.run(main())


async def _running(cluster: FakeCluster, configuration: dict[str, str] | None = None) -> JobMaster:
    job = await cluster.submit(_word_count(configuration=configuration))
    await until(lambda: job.details().task_counts.get("RUNNING") == 4)
    return job


def test_a_job_runs_to_its_end_and_gives_its_slots_back() -> None:
    async def story(cluster: FakeCluster) -> None:
        one = await cluster.task_executor("tm-1")
        two = await cluster.task_executor("tm-2")
        job = await cluster.submit(_word_count())
        await job.wait_terminal()
        assert job.details().summary.state == "FINISHED"
        for executor in (one, two):
            (deployment,) = executor.deployments
            assert deployment.job_master_id == job.leader_session_id
            assert sorted(task.vertex.name for task in deployment.tasks) == ["sink", "source"]
            assert len({task.subtask_index for task in deployment.tasks}) == 1
        secrets = {information.data_secret for information in one.job_information + two.job_information}
        assert len(secrets) == 1
        assert len(secrets.pop()) == 32
        await cluster.until_free(2)
        await until(lambda: len(cluster.ended) == 1)
        (details,) = cluster.ended
        assert dict(details.task_counts) == {"FINISHED": 4}
        subtask = details.vertices[0].subtasks[0]
        assert subtask.metrics.records_in == 7
        assert subtask.host == f"{subtask.task_manager_id}.example"
        await until(lambda: bool(one.goodbyes and two.goodbyes))

    _run(story)


@pytest.mark.parametrize(("from_local", "expected"), [("true", "tm-2"), ("false", "tm-1")])
def test_a_killed_workers_tasks_stay_on_their_host_if_their_state_does(from_local: str, expected: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        former = await cluster.task_executor("tm-2", behaviour=run_for_ever)
        job = await cluster.submit(_word_count(1, {**RESTARTS, "execution.state-recovery.from-local": from_local}))
        await until(lambda: job.details().task_counts.get("RUNNING") == 2)
        other = await cluster.task_executor("tm-1", behaviour=run_for_ever)
        allocation = former.deployments[0].tasks[0].allocation_id
        await former.kill_worker(allocation)
        await until(lambda: len(former.deployments) + len(other.deployments) == 2)
        assert ("tm-1" if other.deployments else "tm-2") == expected

    _run(story)


def test_a_job_that_came_first_waits_for_its_task_managers() -> None:
    async def story(cluster: FakeCluster) -> None:
        job = await cluster.submit(_word_count())
        await cluster.task_executor("tm-1")
        assert job.details().summary.state == "RUNNING"
        await cluster.task_executor("tm-2")
        await job.wait_terminal()
        assert job.details().summary.state == "FINISHED"

    _run(story)


def test_two_jobs_share_the_cluster_one_after_the_other() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2)
        jobs = [await cluster.submit(_word_count(job_id=digit * 32)) for digit in "123"]
        await asyncio.gather(*(job.wait_terminal() for job in jobs))
        assert {job.details().summary.state for job in jobs} == {"FINISHED"}
        await cluster.until_free(2)

    _run(story)


def test_a_failure_reaches_the_details() -> None:
    def behaviour(task: TaskDeployment) -> str:
        return "FAILED" if task.vertex.name == "source" and task.subtask_index == 1 else "RUNNING"

    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2, behaviour)
        job = await cluster.submit(_word_count())
        await job.wait_terminal()
        details = job.details()
        assert details.summary.state == "FAILED"
        assert details.failure.message == "boom"
        assert details.failure.task_name == "source (2/2)"
        assert details.failure.task_manager == "tm-1 @ tm-1.example (pid 4711)"
        assert [failure.message for failure in details.failure_history] == ["boom"]
        await cluster.until_free(2)

    _run(story)


def test_a_failed_job_restarts_in_its_slots(caplog: pytest.LogCaptureFixture) -> None:
    def behaviour(task: TaskDeployment) -> str:
        return "FAILED" if task.vertex.name == "source" and task.attempt_number == 0 else "FINISHED"

    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1", 2, behaviour)
        job = await cluster.submit(_word_count(1, RESTARTS))
        await job.wait_terminal()
        details = job.details()
        assert details.summary.state == "FINISHED"
        assert details.restarts == 1
        assert not details.HasField("failure")
        first, second = executor.deployments
        assert {task.allocation_id for task in first.tasks} == {task.allocation_id for task in second.tasks}
        assert {task.attempt_id for task in first.tasks}.isdisjoint(task.attempt_id for task in second.tasks)

    _run(story)
    (said,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "restarts in 0.0 s (restart 1)" in said
    assert said.endswith("boom | task 'source (1/1)'")


def test_cancel() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster)
        job.cancel()
        await job.wait_terminal()
        assert job.details().summary.state == "CANCELED"
        await cluster.until_free(2)

    _run(story)


def test_cancel_while_there_are_no_slots() -> None:
    async def story(cluster: FakeCluster) -> None:
        job = await cluster.submit(_word_count())
        job.cancel()
        await job.wait_terminal()
        assert job.details().summary.state == "CANCELED"

    _run(story)


def test_a_dead_worker_is_told_and_replaced() -> None:
    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster, RESTARTS)
        allocation = executor.deployments[0].tasks[0].allocation_id
        executor.behaviour = run_to_the_end
        await executor.kill_worker(allocation)
        await job.wait_terminal()
        details = job.details()
        assert details.summary.state == "FINISHED"
        assert [(one.kind, one.message) for one in details.failure_history] == [
            ("WORKER_DIED", "killed by signal 9 (SIGKILL)")
        ]
        allocations = {task.allocation_id for task in executor.deployments[-1].tasks}
        assert allocation not in allocations

    _run(story)


def test_a_dead_task_manager_is_noticed_at_once_and_named() -> None:
    # Heartbeats would take an hour.
    slow = {"heartbeat.interval": "1 h", "heartbeat.timeout": "2 h"}

    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 1, run_for_ever)
        await cluster.task_executor("tm-2", 1, run_for_ever)
        job = await _running(cluster)
        cluster.network.crash("tm-2-address-session")
        await job.wait_terminal()
        details = job.details()
        assert details.summary.state == "FAILED"
        assert details.failure.kind == "TASK_MANAGER_LOST"
        assert "TaskManager tm-2 @ tm-2.example (pid 4711) was lost" in details.failure.message
        await cluster.until_free(1)
        overview = await cluster.resource_manager.get_resource_overview(None)  # type: ignore[arg-type]  # not looked at
        assert overview.taskmanagers == 1

    _run(story, slow)


def test_another_task_manager_takes_over() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster, RESTARTS)
        spare = await cluster.task_executor("tm-2", 2)
        cluster.network.crash("tm-1-address-session")
        await job.wait_terminal()
        assert job.details().summary.state == "FINISHED"
        assert len(spare.deployments) == 1

    _run(story)


def test_a_restarted_task_manager_of_the_same_name_replaces_the_old_one() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster, RESTARTS)
        cluster.network.crash("tm-1-address-session")
        await cluster.task_executor("tm-1", 2, session_id="second")
        await job.wait_terminal()
        assert job.details().summary.state == "FINISHED"
        await cluster.until_free(2)

    _run(story)


def test_too_few_slots() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 1)
        job = await cluster.submit(_word_count(configuration={"slot.request.timeout": "30 ms"}))
        await job.wait_terminal()
        failure = job.details().failure
        assert failure.kind == "RESOURCES"
        assert "needs 2 slots (slot sharing group 'default': 2) and has 1." in failure.message
        assert "1 slot registered by 1 TaskManager, 0 of them free" in failure.message
        await cluster.until_free(1)

    _run(story)


def test_metrics_are_asked_for_and_come_with_heartbeats() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster)
        await job.refresh_metrics()
        assert job.details().vertices[1].subtasks[1].metrics.records_in == 3

    _run(story)


def test_requests_reach_the_operator() -> None:
    async def story(cluster: FakeCluster) -> None:
        job = await cluster.submit(_word_count())
        operator = "sink".ljust(32, "0")
        # The request is there before the task is.
        request = asyncio.ensure_future(job.operator_request(operator, 1, b"hello"))
        await cluster.task_executor("tm-1", 2, run_for_ever)
        attempt, payload = (await request).split(b"|")
        assert payload == b"hello"
        assert attempt.decode() == job.details().vertices[1].subtasks[1].attempt_id
        with pytest.raises(MillstreamError, match="no operator with the id nobody"):
            await job.operator_request("nobody", 0, b"")
        with pytest.raises(MillstreamError, match="has no subtask 2; its parallelism is 2"):
            await job.operator_request(operator, 2, b"")
        job.cancel()
        await job.wait_terminal()
        with pytest.raises(MillstreamError, match="does not run"):
            await job.operator_request(operator, 1, b"")

    _run(story)


def test_closing_suspends_a_running_job_and_frees_its_slots() -> None:
    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster)
        await job.close()
        await job.wait_terminal()
        assert job.details().summary.state == "SUSPENDED"
        assert cluster.ended == []
        assert executor.goodbyes == ["the job is SUSPENDED"]
        await cluster.until_free(2)
        await job.close()

    _run(story)


def test_a_job_survives_the_loss_of_the_resource_manager() -> None:
    async def story(cluster: FakeCluster) -> None:
        job = await cluster.submit(_word_count())
        await cluster.replace_resource_manager()
        await cluster.task_executor("tm-1", 2)
        await job.wait_terminal()
        assert job.details().summary.state == "FINISHED"

    _run(story, {"cluster.registration.initial-timeout": "5 ms"})


def test_a_worker_that_vanished_unnoticed_is_found_by_the_heartbeat() -> None:
    async def story(cluster: FakeCluster) -> None:
        executor = await cluster.task_executor("tm-1", 2, run_for_ever)
        job = await _running(cluster)
        executor.slots[0] = None
        await job.wait_terminal()
        assert job.details().failure.kind == "WORKER_DIED"
        assert "no longer on TaskManager tm-1" in job.details().failure.message

    _run(story)


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (job_graph([]), InvalidProgramError, "no vertices"),
        (
            job_graph([vertex("a")], configuration={"restart-strategy.type": "sometimes"}),
            ConfigurationError,
            "sometimes",
        ),
    ],
)
def test_a_job_that_cannot_run_is_refused(graph: JobGraph, error: type[Exception], message: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        with pytest.raises(error, match=message):
            await cluster.submit(graph)

    _run(story)
