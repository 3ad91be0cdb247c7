"""What the scheduler is told. Names are in the past tense: each has happened, nobody asks whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.failure import FailureInfo
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import TaskMetrics
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.execution_graph import PhysicalSlot
from millstream.jobmanager.scheduler.actions import TimerKind

__all__ = [
    "CancelRequested",
    "ClusterResourcesReported",
    "DeploymentFailed",
    "JobFailed",
    "JobStarted",
    "JobSuspended",
    "RescaleRequested",
    "RestoreDecided",
    "SchedulerEvent",
    "SlotLost",
    "SlotsOffered",
    "TaskManagerLost",
    "TaskStateChanged",
    "TimerFired",
]


@dataclass(frozen=True, slots=True)
class JobStarted:
    """The JobMaster is ready: schedule everything."""


@dataclass(frozen=True, slots=True)
class SlotsOffered:
    """A TaskManager has slots for this job. Answered by the action ``AnswerOffer``."""

    slots: tuple[PhysicalSlot, ...]


@dataclass(frozen=True, slots=True)
class SlotLost:
    """A slot is gone, with everything that ran in it."""

    resource_id: ResourceId
    allocation_id: AllocationId
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class TaskManagerLost:
    """A TaskManager is gone, with all its slots."""

    resource_id: ResourceId
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class TaskStateChanged:
    """A task attempt reports its state."""

    attempt_id: AttemptId
    state: ExecutionState
    failure: FailureInfo | None = None
    metrics: TaskMetrics | None = None


@dataclass(frozen=True, slots=True)
class DeploymentFailed:
    """A TaskManager did not take these attempts (or nobody knows whether it did)."""

    attempt_ids: tuple[AttemptId, ...]
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class ClusterResourcesReported:
    """What the ResourceManager answered to a declaration."""

    slots_registered: int
    slots_free: int
    task_managers: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time set by ``SetTimer`` is over."""

    kind: TimerKind


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The user wants the job to end."""


@dataclass(frozen=True, slots=True)
class RescaleRequested:
    """A checkpoint is complete, from which the job is to go on at other parallelisms.

    :ivar job_graph: the job, with the new parallelisms.
    """

    job_graph: JobGraph


@dataclass(frozen=True, slots=True)
class RestoreDecided:
    """It was in doubt what tasks are restored from, and is no longer."""


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job failed as a whole, no subtask is to blame."""

    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class JobSuspended:
    """This master gives the job up."""


SchedulerEvent: TypeAlias = (
    JobStarted
    | SlotsOffered
    | SlotLost
    | TaskManagerLost
    | TaskStateChanged
    | DeploymentFailed
    | ClusterResourcesReported
    | TimerFired
    | CancelRequested
    | RescaleRequested
    | RestoreDecided
    | JobFailed
    | JobSuspended
)
