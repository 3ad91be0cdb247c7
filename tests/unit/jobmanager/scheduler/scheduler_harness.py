"""Drives a scheduler as a JobMaster's shell would, and checks on the way that what it wants makes sense."""

from __future__ import annotations

import random
from collections.abc import Callable

from millstream.common.config import Configuration
from millstream.common.failure import USER_CODE, FailureInfo, engine_failure
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.common.wire.graph_pb2 import JobGraph, TaskDeployment
from millstream.jobmanager.execution_graph import ExecutionVertexID, PhysicalSlot, TaskManagerLocation
from millstream.jobmanager.failover.exception_history import ExceptionHistory
from millstream.jobmanager.failover.execution_failure_handler import ExecutionFailureHandler
from millstream.jobmanager.failover.failover_strategy import failover_strategy
from millstream.jobmanager.failover.restart_strategy_factory import create_restart_strategy
from millstream.jobmanager.scheduler.actions import (
    AnswerOffer,
    CancelTasks,
    CancelTimer,
    CompleteJob,
    DeclareResources,
    DeployTasks,
    FreeSlots,
    RescaleEnded,
    SchedulerAction,
    SetTimer,
    TimerKind,
)
from millstream.jobmanager.scheduler.events import (
    JobStarted,
    SchedulerEvent,
    SlotsOffered,
    TaskStateChanged,
    TimerFired,
)
from millstream.jobmanager.scheduler.scheduler import Scheduler
from millstream.jobmanager.scheduler.settings import SchedulerSettings
from tests.unit.jobmanager.job_graphs import execution_graph

__all__ = ["SchedulerHarness", "fail", "slot"]


def slot(allocation: str, task_manager: str = "tm", index: int = 0) -> PhysicalSlot:
    """Return a slot that could be offered."""
    return PhysicalSlot(
        AllocationId(allocation), index, TaskManagerLocation(ResourceId(task_manager), "host", 1), "127.0.0.1", 4000
    )


def fail(kind: str = USER_CODE, message: str = "boom") -> FailureInfo:
    """Return a failure."""
    return engine_failure(kind, message)


class SchedulerHarness:
    """A scheduler, the world as its actions have shaped it, and the time.

    :ivar in_doubt: nobody can tell what tasks are restored from.
    :ivar running: attempts that were deployed and have not been reported as ended, with their allocations.
    :ivar held: allocations that were accepted and neither freed nor lost.
    :ivar timers: running timers with the time at which each fires.
    """

    def __init__(
        self,
        graph: JobGraph,
        configuration: dict[str, str] | None = None,
        restore_of: Callable[[ExecutionVertexID], TaskRestore | None] = lambda vertex_id: None,
    ) -> None:
        self.graph = execution_graph(graph)
        settings = Configuration.from_map(configuration or {})
        self.history = ExceptionHistory(16)
        self.scheduler = Scheduler(
            self.graph,
            ExecutionFailureHandler(
                failover_strategy(configuration.get("jobmanager.execution.failover-strategy", "region"), self.graph)
                if configuration
                else failover_strategy("region", self.graph),
                create_restart_strategy(settings, random.Random(3)),
                self.history,
            ),
            SchedulerSettings.from_configuration(settings),
            restore_of,
            lambda: self.in_doubt,
        )
        self.in_doubt = False
        self.now = 0
        self.declared: list[int] = []
        self.deployments: list[DeployTasks] = []
        self.running: dict[AttemptId, TaskDeployment] = {}
        self.canceling: set[AttemptId] = set()
        self.held: dict[AllocationId, ResourceId] = {}
        self.freed: list[AllocationId] = []
        self.timers: dict[TimerKind, int] = {}
        self.rescaled: list[FailureInfo | None] = []
        self.completed: JobStatus | None = None
        self.accepted: tuple[AllocationId, ...] = ()
        self._offered: dict[AllocationId, ResourceId] = {}

    # ------------------------------------------------------------------ events

    def send(self, event: SchedulerEvent) -> list[SchedulerAction]:
        """Give the scheduler an event and take note of what it wants."""
        actions = self.scheduler.handle(event, self.now)
        for action in actions:
            self._note(action)
        return actions

    def start(self) -> None:
        self.send(JobStarted())

    def offer(self, *slots: PhysicalSlot) -> tuple[AllocationId, ...]:
        """Offer slots; return which were taken."""
        self._offered = {one.allocation_id: one.task_manager.resource_id for one in slots}
        self.send(SlotsOffered(slots))
        return self.accepted

    def report(
        self, attempt: AttemptId, state: ExecutionState, failure: FailureInfo | None = None
    ) -> list[SchedulerAction]:
        """Let a task report its state."""
        if state.is_terminal():
            self.running.pop(attempt, None)
            self.canceling.discard(attempt)
        return self.send(TaskStateChanged(attempt, state, failure))

    def report_all(self, state: ExecutionState) -> None:
        """Let all deployed tasks report this state."""
        for attempt in list(self.running):
            self.report(attempt, state)

    def fire(self, kind: TimerKind) -> None:
        """Let a timer that runs fire, at its time."""
        self.now = max(self.now, self.timers.pop(kind))
        self.send(TimerFired(kind))

    def attempt(self, name: str, subtask: int = 0) -> AttemptId:
        """Return the current attempt of a subtask."""
        vertex = next(one for one in self.graph.job_vertices.values() if one.name == name)
        return vertex.subtasks[subtask].current.attempt_id

    def status(self) -> JobStatus:
        """Return the job's status."""
        return self.graph.status

    def state(self, name: str, subtask: int = 0) -> ExecutionState:
        """Return the state of a subtask."""
        vertex = next(one for one in self.graph.job_vertices.values() if one.name == name)
        return vertex.subtasks[subtask].state

    # ------------------------------------------------------------------ actions

    def _note(self, action: SchedulerAction) -> None:
        assert self.completed is None, f"{action} after the job was completed"
        match action:
            case DeclareResources():
                self.declared.append(action.slots)
            case AnswerOffer():
                self.accepted = action.accepted
                for allocation_id in action.accepted:
                    self.held[allocation_id] = self._offered[allocation_id]
            case DeployTasks():
                self.deployments.append(action)
                for task in action.tasks:
                    assert self.held[AllocationId(task.allocation_id)] == action.resource_id
                    assert task.attempt_id not in self.running
                    self.running[AttemptId(task.attempt_id)] = task
            case CancelTasks():
                self.canceling.update(action.attempt_ids)
            case FreeSlots():
                for allocation_id in action.allocation_ids:
                    assert self.held.pop(allocation_id) == action.resource_id
                    self.freed.append(allocation_id)
            case SetTimer():
                assert action.delay_ms >= 0
                self.timers[action.kind] = self.now + action.delay_ms
            case CancelTimer():
                self.timers.pop(action.kind, None)
            case RescaleEnded():
                self.rescaled.append(action.failure)
            case CompleteJob():
                self.completed = action.status
