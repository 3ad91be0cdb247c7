"""What the scheduler wants done. Names are imperatives; the JobMaster's shell carries them out in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from millstream.common.failure import FailureInfo
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import JobStatus
from millstream.common.wire.graph_pb2 import TaskDeployment

__all__ = [
    "AnswerOffer",
    "CancelTasks",
    "CancelTimer",
    "CompleteJob",
    "DeclareResources",
    "DeployTasks",
    "FreeSlots",
    "RescaleEnded",
    "SchedulerAction",
    "SetTimer",
    "TimerKind",
]


class TimerKind(Enum):
    """The scheduler's timers; it has at most one of each kind."""

    SLOT_REQUEST = "SLOT_REQUEST"
    """The job has waited for slots long enough."""
    RESOURCE_CHECK = "RESOURCE_CHECK"
    """The ResourceManager has not said in time what the cluster has."""
    RESTART = "RESTART"
    """The backoff before a restart is over."""
    ROOT_CAUSE = "ROOT_CAUSE"
    """Nothing worse than a broken data connection came to light."""
    SLOT_IDLE = "SLOT_IDLE"
    """A slot may have been idle for too long."""


@dataclass(frozen=True, slots=True)
class DeclareResources:
    """Tell the ResourceManager how many slots the job needs in all. Also asks it what the cluster has."""

    slots: int


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """The answer to ``SlotsOffered``: these are taken, the others are not."""

    accepted: tuple[AllocationId, ...]


@dataclass(frozen=True, slots=True)
class DeployTasks:
    """Send these subtasks to a TaskManager, in one call."""

    resource_id: ResourceId
    tasks: tuple[TaskDeployment, ...]


@dataclass(frozen=True, slots=True)
class CancelTasks:
    """Ask a TaskManager to end these attempts."""

    resource_id: ResourceId
    attempt_ids: tuple[AttemptId, ...]


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """Give slots back to a TaskManager."""

    resource_id: ResourceId
    allocation_ids: tuple[AllocationId, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send ``TimerFired(kind)`` after the delay; replaces the running timer of this kind."""

    kind: TimerKind
    delay_ms: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer of this kind, if it runs."""

    kind: TimerKind


@dataclass(frozen=True, slots=True)
class RescaleEnded:
    """All tasks have been deployed at the new parallelisms, or the job has gone back to the old ones.

    :ivar failure: why it went back, or why the job did not get that far; ``None``: it runs at the new ones.
    """

    failure: FailureInfo | None


@dataclass(frozen=True, slots=True)
class CompleteJob:
    """The job has ended in this (terminal) status; no action follows this one."""

    status: JobStatus


SchedulerAction: TypeAlias = (
    DeclareResources
    | AnswerOffer
    | DeployTasks
    | CancelTasks
    | FreeSlots
    | SetTimer
    | CancelTimer
    | RescaleEnded
    | CompleteJob
)
