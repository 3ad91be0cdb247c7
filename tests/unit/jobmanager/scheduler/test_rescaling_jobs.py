"""A running job changes its parallelism: all at once, with its state, or not at all."""

from __future__ import annotations

from millstream.common.failure import TASK_MANAGER_LOST
from millstream.common.ids import ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.execution_graph import ExecutionVertexID
from millstream.jobmanager.scheduler.actions import TimerKind
from millstream.jobmanager.scheduler.events import (
    CancelRequested,
    ClusterResourcesReported,
    RescaleRequested,
    TaskManagerLost,
)
from tests.unit.jobmanager.job_graphs import job_graph, vertex
from tests.unit.jobmanager.scheduler.scheduler_harness import SchedulerHarness, fail, slot

E = ExecutionState
RESTARTS = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "100 ms"}


def _graph(parallelism: int) -> JobGraph:
    return job_graph([vertex("source", parallelism), vertex("sink", parallelism)], [("source", "sink", "HASH")])


def _restore(vertex_id: ExecutionVertexID) -> TaskRestore:
    return TaskRestore(checkpoint_id=7, lineage_id=f"{vertex_id.vertex_id}-{vertex_id.subtask_index}")


def _running(parallelism: int, *slots: str, configuration: dict[str, str] | None = None) -> SchedulerHarness:
    harness = SchedulerHarness(_graph(parallelism), configuration, _restore)
    harness.start()
    harness.offer(*(slot(name, "tm", index) for index, name in enumerate(slots)))
    harness.report_all(E.RUNNING)
    assert len(harness.running) == 2 * parallelism
    return harness


def _end_all(harness: SchedulerHarness) -> None:
    for attempt in sorted(harness.canceling):
        harness.report(attempt, E.CANCELED)


def test_tasks_begin_with_their_state() -> None:
    harness = _running(1, "a")
    restored = {task.restore.lineage_id for task in harness.running.values()}
    assert restored == {"source".ljust(32, "0") + "-0", "sink".ljust(32, "0") + "-0"}


def test_a_job_grows_when_all_of_its_tasks_have_ended() -> None:
    harness = _running(1, "a")
    old = set(harness.running)
    harness.send(RescaleRequested(_graph(2)))
    assert harness.status() is JobStatus.RESTARTING
    assert harness.canceling == old
    harness.report(harness.attempt("source"), E.CANCELED)
    assert len(harness.deployments) == 1
    _end_all(harness)
    assert harness.status() is JobStatus.RUNNING
    assert harness.declared[-1] == 2
    assert harness.rescaled == []
    harness.offer(slot("b", "tm", 1))
    assert harness.rescaled == [None]
    assert len(harness.running) == 4
    assert not old & set(harness.running)
    assert {task.vertex.parallelism for task in harness.running.values()} == {2}
    assert all(task.restore.checkpoint_id == 7 for task in harness.running.values())
    assert harness.graph.restarts == 0


def test_a_job_that_shrinks_gives_slots_back_after_a_while() -> None:
    harness = _running(2, "a", "b")
    harness.send(RescaleRequested(_graph(1)))
    _end_all(harness)
    assert harness.rescaled == [None]
    assert len(harness.running) == 2
    assert harness.declared[-1] == 1
    harness.fire(TimerKind.SLOT_IDLE)
    assert len(harness.freed) == 1
    harness.report_all(E.RUNNING)
    harness.report_all(E.FINISHED)
    assert harness.completed is JobStatus.FINISHED


def test_without_slots_the_job_goes_back() -> None:
    harness = _running(1, "a")
    harness.send(RescaleRequested(_graph(3)))
    _end_all(harness)
    harness.offer(slot("b", "tm", 1))
    harness.fire(TimerKind.SLOT_REQUEST)
    harness.send(ClusterResourcesReported(2, 0, 1))
    (failure,) = harness.rescaled
    assert failure is not None
    assert "waited 300 s for slots" in failure.message
    assert harness.status() is JobStatus.RUNNING
    assert len(harness.running) == 2
    assert {task.vertex.parallelism for task in harness.running.values()} == {1}
    assert harness.graph.job_graph.vertices[0].parallelism == 1
    assert harness.graph.failure is None


def test_a_failure_while_it_waits_for_slots_does_not_lose_the_way_back() -> None:
    harness = _running(1, "a", configuration=RESTARTS)
    harness.send(RescaleRequested(_graph(2)))
    _end_all(harness)
    harness.send(TaskManagerLost(ResourceId("tm"), fail(TASK_MANAGER_LOST)))
    harness.held.clear()
    harness.fire(TimerKind.SLOT_REQUEST)
    harness.fire(TimerKind.RESOURCE_CHECK)
    assert len(harness.rescaled) == 1
    assert harness.rescaled[0] is not None
    harness.offer(slot("c", "tm-2"))
    assert {task.vertex.parallelism for task in harness.running.values()} == {1}


def test_a_lost_task_manager_ends_its_tasks_for_the_change_too() -> None:
    harness = _running(1, "a", configuration=RESTARTS)
    harness.send(RescaleRequested(_graph(2)))
    harness.send(TaskManagerLost(ResourceId("tm"), fail(TASK_MANAGER_LOST)))
    harness.held.clear()
    harness.running.clear()
    assert harness.status() is JobStatus.RUNNING
    harness.offer(slot("b", "tm-2"), slot("c", "tm-2", 1))
    assert harness.rescaled == [None]
    assert len(harness.running) == 4


def test_a_job_that_is_cancelled_meanwhile_is_not_rescaled() -> None:
    harness = _running(1, "a")
    harness.send(RescaleRequested(_graph(2)))
    harness.send(CancelRequested())
    assert len(harness.rescaled) == 1
    assert harness.rescaled[0] is not None
    assert "it is CANCELLING" in harness.rescaled[0].message
    _end_all(harness)
    assert harness.completed is JobStatus.CANCELED


def test_a_job_that_waits_for_slots_is_not_rescaled() -> None:
    harness = SchedulerHarness(_graph(1))
    harness.start()
    harness.send(RescaleRequested(_graph(2)))
    assert harness.rescaled[0] is not None
    assert "it waits for slots" in harness.rescaled[0].message


def test_a_rescaled_job_restarts_its_new_tasks_after_a_failure() -> None:
    harness = _running(1, "a", configuration=RESTARTS)
    harness.send(RescaleRequested(_graph(2)))
    _end_all(harness)
    harness.offer(slot("b", "tm", 1))
    harness.report_all(E.RUNNING)
    harness.report(harness.attempt("sink", 1), E.FAILED, fail())
    _end_all(harness)
    harness.fire(TimerKind.RESTART)
    assert len(harness.running) == 4
    assert harness.graph.restarts == 1
