"""Whatever happens to a job in whatever order, it ends in a terminal state with all its slots given back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.failure import NETWORK, TASK_MANAGER_LOST, USER_CODE, WORKER_DIED
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.scheduler.actions import TimerKind
from millstream.jobmanager.scheduler.events import (
    CancelRequested,
    ClusterResourcesReported,
    DeploymentFailed,
    SlotLost,
    TaskManagerLost,
)
from tests.unit.jobmanager.job_graphs import job_graph, vertex
from tests.unit.jobmanager.scheduler.scheduler_harness import SchedulerHarness, fail, slot

E = ExecutionState

_GRAPHS = [
    job_graph([vertex("a", 2), vertex("b", 2)], [("a", "b", "HASH")]),
    job_graph([vertex("a", 3), vertex("b", 3)], [("a", "b", "FORWARD")]),
    job_graph([vertex("a", 1), vertex("b", 2, group="x"), vertex("c", 1)], [("a", "b", "REBALANCE")]),
]
_STRATEGIES = [
    {},
    {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "2"},
    {"restart-strategy.type": "exponential-delay"},
    {
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "3",
        "jobmanager.execution.failover-strategy": "full",
    },
]


def _step(harness: SchedulerHarness, data: st.DataObject, number: int) -> None:
    """Let one thing happen that may happen now."""
    choices = ["offer", "cancel", "resources", "stale"]
    if harness.running:
        choices += ["report"] * 8 + ["deployment-failed"]
    if harness.held:
        choices += ["slot-lost", "task-manager-lost"]
    if harness.timers:
        choices += ["timer"] * 3
    choices += ["offer"] * 4
    match data.draw(st.sampled_from(choices)):
        case "offer":
            harness.offer(slot(f"s{number}", data.draw(st.sampled_from(["tm-1", "tm-2"])), number))
        case "cancel":
            if data.draw(st.integers(0, 5)) == 0:
                harness.send(CancelRequested())
        case "resources":
            harness.send(ClusterResourcesReported(4, 0, 2))
        case "stale":
            harness.report(AttemptId("nobody"), data.draw(st.sampled_from(list(E))), fail())
        case "report":
            attempt = data.draw(st.sampled_from(sorted(harness.running)))
            state = data.draw(st.sampled_from([E.INITIALIZING, E.RUNNING, E.RUNNING, E.FINISHED, E.CANCELED, E.FAILED]))
            harness.report(attempt, state, fail(data.draw(st.sampled_from([USER_CODE, NETWORK]))))
        case "deployment-failed":
            attempt = data.draw(st.sampled_from(sorted(harness.running)))
            harness.running.pop(attempt)
            harness.send(DeploymentFailed((attempt,), fail()))
        case "slot-lost":
            allocation = data.draw(st.sampled_from(sorted(harness.held)))
            _lose(harness, {allocation})
            harness.send(SlotLost(ResourceId("any"), allocation, fail(WORKER_DIED)))
        case "task-manager-lost":
            task_manager = data.draw(st.sampled_from(sorted(set(harness.held.values()))))
            _lose(harness, {one for one, where in harness.held.items() if where == task_manager})
            harness.send(TaskManagerLost(task_manager, fail(TASK_MANAGER_LOST)))
        case "timer":
            harness.fire(data.draw(st.sampled_from(sorted(harness.timers, key=lambda kind: kind.name))))


def _lose(harness: SchedulerHarness, allocations: set[AllocationId]) -> None:
    for allocation in allocations:
        del harness.held[allocation]
    for attempt in [one for one, task in harness.running.items() if task.allocation_id in allocations]:
        del harness.running[attempt]
        harness.canceling.discard(attempt)


def _check(harness: SchedulerHarness) -> None:
    held = {one.allocation_id for one in harness.scheduler.pool.slots()}
    assert held == set(harness.held), "a slot was lost from sight"
    deployed = {one.current.attempt_id for one in harness.graph.vertices() if one.current.is_deployed()}
    if harness.completed is None:
        assert deployed == set(harness.running), "a task was lost from sight"
    for one in harness.graph.vertices():
        if one.current.is_deployed() and harness.completed is None:
            assert one.current.slot is not None
            assert one.current.slot.allocation_id in held
    if harness.status() in (JobStatus.CANCELLING, JobStatus.FAILING):
        assert set(harness.running) <= harness.canceling
    if harness.status() is JobStatus.RESTARTING:
        assert TimerKind.RESTART in harness.timers or harness.canceling, "nothing would end the restart"


def _bring_to_an_end(harness: SchedulerHarness) -> None:
    """Let everything that is under way come to its natural end."""
    for number in range(200):
        if harness.completed is not None:
            return
        if harness.canceling:
            harness.report(min(harness.canceling), E.CANCELED)
        elif harness.running:
            harness.report(min(harness.running), E.FINISHED)
        elif timers := [kind for kind in harness.timers if kind in (TimerKind.RESTART, TimerKind.ROOT_CAUSE)]:
            harness.fire(timers[0])
        else:
            harness.offer(slot(f"end{number}", "tm-end", number))
        _check(harness)
    raise AssertionError(f"the job does not end: {harness.status()}, {list(harness.graph.vertices())}")


@given(st.sampled_from(_GRAPHS), st.sampled_from(_STRATEGIES), st.integers(0, 40), st.data())
@settings(max_examples=150)
def test_every_job_ends_with_its_slots_freed(
    graph: JobGraph, strategy: dict[str, str], steps: int, data: st.DataObject
) -> None:
    harness = SchedulerHarness(graph, strategy)
    harness.start()
    for number in range(steps):
        if harness.completed is not None:
            break
        _step(harness, data, number)
        _check(harness)
    _bring_to_an_end(harness)
    assert harness.completed in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED)
    assert harness.held == {}
    assert harness.running == {}
    assert harness.timers == {}
    assert harness.declared[-1] == 0
    assert (harness.graph.failure is not None) == (harness.completed is JobStatus.FAILED)
    if harness.completed is JobStatus.FINISHED:
        assert harness.graph.all_finished()
