"""The scheduler, story by story."""

from __future__ import annotations

import pytest

from millstream.common.failure import (
    ENGINE,
    NETWORK,
    RESOURCES,
    TASK_MANAGER_LOST,
    USER_CODE,
    WORKER_DIED,
)
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.scheduler.actions import CancelTasks, DeployTasks, TimerKind
from millstream.jobmanager.scheduler.events import (
    CancelRequested,
    ClusterResourcesReported,
    DeploymentFailed,
    JobFailed,
    JobSuspended,
    RestoreDecided,
    SlotLost,
    TaskManagerLost,
)
from tests.unit.jobmanager.job_graphs import job_graph, vertex
from tests.unit.jobmanager.scheduler.scheduler_harness import SchedulerHarness, fail, slot

E = ExecutionState
SHUFFLE = job_graph([vertex("source", 2), vertex("sink", 2)], [("source", "sink", "HASH")])
PIPELINES = job_graph([vertex("source", 2), vertex("sink", 2)], [("source", "sink", "FORWARD")])
ONE_RESTART = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "100 ms"}


def _running(graph: JobGraph = SHUFFLE, configuration: dict[str, str] | None = None) -> SchedulerHarness:
    harness = SchedulerHarness(graph, configuration)
    harness.start()
    harness.offer(slot("a", "tm-1"), slot("b", "tm-2"))
    harness.report_all(E.INITIALIZING)
    harness.report_all(E.RUNNING)
    return harness


def test_a_job_runs_to_its_end() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    assert harness.declared == [2]
    assert harness.state("source") is E.SCHEDULED
    assert harness.status() is JobStatus.RUNNING
    assert harness.offer(slot("a", "tm-1")) == ("a",)
    assert harness.deployments == []
    harness.offer(slot("b", "tm-2"))
    assert [(one.resource_id, len(one.tasks)) for one in harness.deployments] == [("tm-1", 2), ("tm-2", 2)]
    assert TimerKind.SLOT_REQUEST not in harness.timers
    for deployment in harness.deployments:
        assert len({task.allocation_id for task in deployment.tasks}) == 1
        assert len({task.subtask_index for task in deployment.tasks}) == 1
    harness.report_all(E.INITIALIZING)
    harness.report_all(E.RUNNING)
    assert harness.state("sink", 1) is E.RUNNING
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED
    assert sorted(harness.freed) == ["a", "b"]
    assert harness.held == {}
    assert harness.timers == {}
    assert harness.declared[-1] == 0


def test_one_task_manager_gets_one_call() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    harness.offer(slot("a", index=0), slot("b", index=1))
    assert [len(one.tasks) for one in harness.deployments] == [4]


def test_too_many_and_too_late_offers_are_refused() -> None:
    harness = _running()
    assert harness.offer(slot("c")) == ()
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED
    harness.completed = None  # an answer is all that may follow
    assert harness.offer(slot("d")) == ()


def test_reports_may_overtake_one_another() -> None:
    harness = SchedulerHarness(job_graph([vertex("map")]))
    harness.start()
    harness.offer(slot("a"))
    attempt = harness.attempt("map")
    harness.report(attempt, E.RUNNING)
    harness.report(attempt, E.INITIALIZING)
    assert harness.state("map") is E.RUNNING
    harness.report(attempt, E.FINISHED)
    harness.report(attempt, E.RUNNING)
    assert harness.completed is JobStatus.FINISHED


def test_without_restart_strategy_the_first_failure_ends_the_job() -> None:
    harness = _running()
    harness.report(harness.attempt("source"), E.FAILED, fail())
    assert harness.status() is JobStatus.FAILING
    assert len(harness.canceling) == 3
    assert harness.held.keys() == {"a", "b"}  # kept until nothing runs in them any more
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.completed is JobStatus.FAILED
    assert harness.held == {}
    failure = harness.graph.failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.task_name) == (USER_CODE, "boom", "source (1/2)")
    assert failure.task_manager == "tm-1 @ host (pid 1)"


def test_a_failed_region_is_cancelled_and_redeployed_in_its_slots() -> None:
    harness = _running(configuration=ONE_RESTART)
    first = {task.attempt_id for task in harness.running.values()}
    harness.report(harness.attempt("source"), E.FAILED, fail())
    assert harness.status() is JobStatus.RESTARTING
    harness.fire(TimerKind.RESTART)
    assert harness.status() is JobStatus.RESTARTING  # tasks are still alive
    harness.deployments.clear()
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.status() is JobStatus.RUNNING
    assert sorted(one.resource_id for one in harness.deployments) == ["tm-1", "tm-2"]
    assert first.isdisjoint(harness.running)
    assert {task.attempt_number for task in harness.running.values()} == {1}
    assert harness.graph.restarts == 1
    assert harness.held.keys() == {"a", "b"}
    # What old attempts still say is nothing.
    for old in first:
        harness.report(AttemptId(old), E.FAILED, fail())
    assert harness.status() is JobStatus.RUNNING
    harness.report(harness.attempt("source"), E.FAILED, fail(message="again"))
    assert harness.status() is JobStatus.FAILING
    assert [failure.message for failure in harness.history] == ["again", "boom"]


def test_the_backoff_is_waited_for() -> None:
    harness = _running(configuration=ONE_RESTART)
    harness.report(harness.attempt("source"), E.FAILED, fail())
    harness.deployments.clear()
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.deployments == []
    assert harness.timers[TimerKind.RESTART] == 100
    harness.fire(TimerKind.RESTART)
    assert len(harness.deployments) == 2


def test_other_regions_go_on_and_finished_ones_stay_finished() -> None:
    harness = _running(PIPELINES, ONE_RESTART)
    harness.report(harness.attempt("source", 1), E.FINISHED)
    harness.report(harness.attempt("sink", 1), E.FINISHED)
    harness.report(harness.attempt("source", 0), E.FAILED, fail())
    assert harness.canceling == {harness.attempt("sink", 0)}
    harness.report(harness.attempt("sink", 0), E.CANCELED)
    harness.fire(TimerKind.RESTART)
    assert len(harness.running) == 2
    assert harness.state("source", 1) is E.FINISHED
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED


def test_no_task_is_started_anew_while_it_is_in_doubt_from_what() -> None:
    harness = _running(configuration=ONE_RESTART)
    harness.in_doubt = True
    harness.report(harness.attempt("source"), E.FAILED, fail())
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    harness.fire(TimerKind.RESTART)
    assert (harness.status(), len(harness.running)) == (JobStatus.RESTARTING, 0)
    harness.in_doubt = False
    harness.send(RestoreDecided())
    assert (harness.status(), len(harness.running)) == (JobStatus.RUNNING, 4)


def test_full_failover_restarts_finished_tasks_too() -> None:
    harness = _running(PIPELINES, {**ONE_RESTART, "jobmanager.execution.failover-strategy": "full"})
    harness.report(harness.attempt("source", 1), E.FINISHED)
    harness.report(harness.attempt("sink", 1), E.FINISHED)
    harness.report(harness.attempt("source", 0), E.FAILED, fail())
    harness.report(harness.attempt("sink", 0), E.CANCELED)
    harness.fire(TimerKind.RESTART)
    assert len(harness.running) == 4


def test_idle_slots_are_given_back_after_the_timeout() -> None:
    harness = _running(PIPELINES)
    harness.report(harness.attempt("source", 1), E.FINISHED)
    assert TimerKind.SLOT_IDLE not in harness.timers
    harness.report(harness.attempt("sink", 1), E.FINISHED)
    assert harness.declared[-1] == 1
    assert harness.timers[TimerKind.SLOT_IDLE] == 50_000
    harness.fire(TimerKind.SLOT_IDLE)
    assert harness.freed == ["b"]
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED
    assert sorted(harness.freed) == ["a", "b"]


def test_a_broken_data_connection_waits_for_its_cause() -> None:
    harness = _running()
    harness.report(harness.attempt("sink"), E.FAILED, fail(NETWORK, "connection reset"))
    assert harness.status() is JobStatus.RUNNING
    assert harness.timers[TimerKind.ROOT_CAUSE] == 1000
    harness.report(harness.attempt("source"), E.FAILED, fail(message="the cause"))
    assert harness.status() is JobStatus.FAILING
    assert TimerKind.ROOT_CAUSE not in harness.timers
    assert harness.graph.failure is not None
    assert harness.graph.failure.message == "the cause"
    (entry,) = harness.history.entries()
    assert (entry.root_cause.message, entry.root_cause.task_name) == ("the cause", "source (1/2)")
    assert (entry.root_cause.task_manager_id, entry.root_cause.endpoint) == ("tm-1", "127.0.0.1:4000")
    assert [failure.message for failure in entry.concurrent] == ["connection reset"]


def test_a_broken_data_connection_alone_is_the_cause_after_a_while() -> None:
    harness = _running(configuration=ONE_RESTART)
    harness.report(harness.attempt("sink"), E.FAILED, fail(NETWORK, "connection reset"))
    harness.fire(TimerKind.ROOT_CAUSE)
    assert harness.status() is JobStatus.RESTARTING
    assert [failure.message for failure in harness.history] == ["connection reset"]


def test_a_cause_that_comes_late_still_explains_the_failure() -> None:
    harness = _running()
    harness.report(harness.attempt("sink"), E.FAILED, fail(NETWORK, "connection reset"))
    harness.fire(TimerKind.ROOT_CAUSE)
    assert harness.status() is JobStatus.FAILING
    harness.report(harness.attempt("source"), E.FAILED, fail(message="the cause"))
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.completed is JobStatus.FAILED
    assert harness.graph.failure is not None
    assert harness.graph.failure.message == "the cause"
    assert [failure.message for failure in harness.history] == ["the cause"]


def test_a_lost_task_manager_fails_its_tasks_at_once_as_one_failure() -> None:
    harness = _running(configuration=ONE_RESTART)
    lost = [attempt for attempt, task in harness.running.items() if task.allocation_id == "a"]
    harness.send(TaskManagerLost(ResourceId("tm-1"), fail(TASK_MANAGER_LOST, "tm-1 was lost")))
    del harness.held[AllocationId("a")]
    for attempt in lost:
        del harness.running[attempt]
    (entry,) = harness.history.entries()
    assert {entry.root_cause.task_name, *(each.task_name for each in entry.concurrent)} == {
        "source (1/2)",
        "sink (1/2)",
    }
    assert len(harness.canceling) == 2
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    harness.fire(TimerKind.RESTART)
    harness.deployments.clear()
    assert harness.status() is JobStatus.RUNNING
    assert harness.state("source", 0) is E.SCHEDULED
    harness.offer(slot("c", "tm-3"))
    assert sorted(one.resource_id for one in harness.deployments) == ["tm-2", "tm-3"]
    # The group that kept its slot stays there.
    kept = next(one for one in harness.deployments if one.resource_id == "tm-2")
    assert {task.subtask_index for task in kept.tasks} == {1}


def test_a_lost_slot_ends_cancelled_tasks_too() -> None:
    harness = _running()
    harness.send(CancelRequested())
    assert len(harness.canceling) == 4
    for allocation, task_manager in (("a", "tm-1"), ("b", "tm-2")):
        harness.held.pop(AllocationId(allocation))
        harness.send(SlotLost(ResourceId(task_manager), AllocationId(allocation), fail(WORKER_DIED)))
    assert harness.completed is JobStatus.CANCELED


@pytest.mark.parametrize("offered", [0, 1])
def test_cancel_before_the_slots_are_there(offered: int) -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    for index in range(offered):
        harness.offer(slot(str(index)))
    harness.send(CancelRequested())
    assert harness.completed is JobStatus.CANCELED
    assert harness.held == {}
    assert harness.timers == {}
    assert harness.declared[-1] == 0


def test_whatever_a_cancelled_task_ends_with_counts_as_cancelled() -> None:
    harness = _running(job_graph([vertex("a", 2)]))
    harness.send(CancelRequested())
    harness.report(harness.attempt("a", 0), E.FAILED, fail())
    harness.report(harness.attempt("a", 1), E.FINISHED)
    assert harness.completed is JobStatus.CANCELED
    assert harness.graph.failure is None


def test_a_failing_job_can_be_cancelled() -> None:
    harness = _running()
    harness.report(harness.attempt("source"), E.FAILED, fail())
    harness.send(CancelRequested())
    harness.send(CancelRequested())
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.completed is JobStatus.CANCELED
    assert harness.graph.failure is None


def test_a_job_that_waits_to_restart_can_be_cancelled() -> None:
    harness = _running(configuration=ONE_RESTART)
    harness.report(harness.attempt("source"), E.FAILED, fail())
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    harness.send(CancelRequested())
    assert harness.completed is JobStatus.CANCELED
    assert harness.timers == {}


def test_too_few_slots_fail_the_job_with_figures_and_mend() -> None:
    harness = SchedulerHarness(
        job_graph([vertex("source", 2), vertex("sink", 1, group="heavy")], [("source", "sink", "HASH")]),
        {"slot.request.timeout": "5 s"},
    )
    harness.start()
    harness.offer(slot("a"))
    assert harness.timers[TimerKind.SLOT_REQUEST] == 5000
    harness.fire(TimerKind.SLOT_REQUEST)
    assert harness.declared == [3, 3]  # asked once more what the cluster has
    assert harness.completed is None
    harness.send(ClusterResourcesReported(slots_registered=1, slots_free=0, task_managers=1))
    assert harness.completed is JobStatus.FAILED
    assert harness.freed == ["a"]
    failure = harness.graph.failure
    assert failure is not None
    assert failure.kind == RESOURCES
    for part in (
        "5 s",
        "slot.request.timeout",
        "needs 3 slots (slot sharing group 'default': 2, 'heavy': 1)",
        "has 1.",
        "1 slot registered by 1 TaskManager, 0 of them free",
        "taskmanager.numberOfTaskSlots",
        "more TaskManagers",
        "parallelism",
    ):
        assert part in failure.message


def test_a_silent_resource_manager_is_named() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    harness.fire(TimerKind.SLOT_REQUEST)
    harness.fire(TimerKind.RESOURCE_CHECK)
    assert harness.completed is JobStatus.FAILED
    assert harness.graph.failure is not None
    assert "ResourceManager did not answer" in harness.graph.failure.message


def test_slots_that_come_at_the_last_moment_are_used() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    harness.fire(TimerKind.SLOT_REQUEST)
    harness.offer(slot("a"), slot("b"))
    assert len(harness.running) == 4
    assert harness.timers == {}
    harness.send(ClusterResourcesReported(2, 0, 1))
    assert harness.completed is None


def test_a_slot_that_fails_before_its_offer_fails_the_job_if_the_job_is_to_blame() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    harness.send(SlotLost(ResourceId("tm"), AllocationId("x"), fail(ENGINE, "artifact broken")))
    assert harness.completed is JobStatus.FAILED
    assert harness.graph.failure is not None
    assert harness.graph.failure.message == "artifact broken"


def test_workers_that_die_before_their_offer_are_forgiven_twice() -> None:
    harness = SchedulerHarness(SHUFFLE)
    harness.start()
    for number in range(2):
        harness.send(SlotLost(ResourceId("tm"), AllocationId(str(number)), fail(WORKER_DIED)))
    assert harness.completed is None
    harness.send(SlotLost(ResourceId("tm"), AllocationId("2"), fail(WORKER_DIED)))
    assert harness.completed is JobStatus.FAILED


def test_a_failed_deployment_fails_the_tasks_and_leaves_none_behind() -> None:
    harness = SchedulerHarness(job_graph([vertex("map")]))
    harness.start()
    harness.offer(slot("a"))
    attempt = harness.attempt("map")
    actions = harness.send(DeploymentFailed((attempt,), fail(ENGINE, "too large")))
    assert CancelTasks(ResourceId("tm"), (attempt,)) in actions
    assert harness.completed is JobStatus.FAILED


def test_a_task_that_is_cancelled_unasked_has_failed() -> None:
    harness = _running(job_graph([vertex("a", 2)]))
    harness.report(harness.attempt("a", 0), E.CANCELED)
    assert harness.status() is JobStatus.FAILING
    assert harness.graph.failure is not None
    assert "had not asked" in harness.graph.failure.message


def test_a_job_level_failure_restarts_everything() -> None:
    harness = _running(PIPELINES, ONE_RESTART)
    harness.send(JobFailed(fail(ENGINE, "coordinator")))
    assert len(harness.canceling) == 4


def test_a_suspended_job_gives_everything_back() -> None:
    harness = _running()
    harness.send(JobSuspended())
    assert harness.completed is JobStatus.SUSPENDED
    assert sorted(harness.freed) == ["a", "b"]
    assert harness.timers == {}


def test_failures_in_two_regions_meet_in_one_restart() -> None:
    harness = _running(PIPELINES, {**ONE_RESTART, "restart-strategy.fixed-delay.attempts": "2"})
    harness.report(harness.attempt("source", 0), E.FAILED, fail(message="one"))
    harness.report(harness.attempt("source", 1), E.FAILED, fail(message="other"))
    (entry,) = harness.history.entries()
    assert (entry.root_cause.message, [each.message for each in entry.concurrent]) == ("one", ["other"])
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    harness.deployments.clear()
    harness.fire(TimerKind.RESTART)
    assert sum(len(one.tasks) for one in harness.deployments if isinstance(one, DeployTasks)) == 4
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED


def test_a_second_failure_waits_for_its_own_backoff() -> None:
    harness = _running(PIPELINES, {**ONE_RESTART, "restart-strategy.fixed-delay.attempts": "2"})
    harness.report(harness.attempt("source", 0), E.FAILED, fail())
    harness.fire(TimerKind.RESTART)
    harness.report(harness.attempt("source", 1), E.FAILED, fail())
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    assert harness.status() is JobStatus.RESTARTING
    harness.fire(TimerKind.RESTART)
    assert harness.status() is JobStatus.RUNNING
    assert len(harness.running) == 4


def test_the_region_of_an_echo_restarts_with_the_region_of_the_cause() -> None:
    harness = _running(PIPELINES, ONE_RESTART)
    harness.report(harness.attempt("sink", 0), E.FAILED, fail(NETWORK, "connection reset"))
    harness.report(harness.attempt("source", 1), E.FAILED, fail())
    assert harness.canceling == {harness.attempt("source", 0), harness.attempt("sink", 1)}
    for attempt in list(harness.canceling):
        harness.report(attempt, E.CANCELED)
    harness.fire(TimerKind.RESTART)
    assert len(harness.running) == 4
