"""What the SlotManager is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.ids import AllocationId, JobID, LeaderSessionId, ResourceId

__all__ = [
    "JobMasterDisconnected",
    "JobMasterGraceOver",
    "JobMasterLost",
    "JobMasterRegistered",
    "ResourcesDeclared",
    "RetryDelayOver",
    "SlotAvailable",
    "SlotManagerEvent",
    "SlotReport",
    "SlotReported",
    "SlotRequestAccepted",
    "SlotRequestRefused",
    "TaskManagerGone",
    "TaskManagerRegistered",
]


@dataclass(frozen=True, slots=True)
class SlotReport:
    """One slot as its TaskManager sees it; ``allocation_id`` is ``None`` for a free one."""

    slot_index: int
    allocation_id: AllocationId | None = None
    job_id: JobID | None = None


@dataclass(frozen=True, slots=True)
class TaskManagerRegistered:
    """A TaskManager is there (again): it replaces an earlier one of the same resource id."""

    resource_id: ResourceId
    session_id: LeaderSessionId
    slots: tuple[SlotReport, ...]


@dataclass(frozen=True, slots=True)
class SlotReported:
    """A TaskManager tells how its slots stand.

    :ivar as_of: the SlotManager's ``revision`` when the report was asked for: it does not overrule what
        changed later.
    """

    resource_id: ResourceId
    session_id: LeaderSessionId
    slots: tuple[SlotReport, ...]
    as_of: int


@dataclass(frozen=True, slots=True)
class SlotAvailable:
    """An allocation has ended; the slot is free."""

    resource_id: ResourceId
    session_id: LeaderSessionId
    slot_index: int
    allocation_id: AllocationId


@dataclass(frozen=True, slots=True)
class TaskManagerGone:
    """A TaskManager said goodbye or was lost."""

    resource_id: ResourceId
    session_id: LeaderSessionId


@dataclass(frozen=True, slots=True)
class SlotRequestAccepted:
    """The TaskManager will offer the slot to the job."""

    resource_id: ResourceId
    allocation_id: AllocationId


@dataclass(frozen=True, slots=True)
class SlotRequestRefused:
    """The TaskManager did not take the request.

    :ivar in_doubt: no answer came; it may have taken it all the same, and its next report will tell.
    """

    resource_id: ResourceId
    allocation_id: AllocationId
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class RetryDelayOver:
    """A slot that was refused may be asked for again."""

    resource_id: ResourceId
    session_id: LeaderSessionId
    slot_index: int


@dataclass(frozen=True, slots=True)
class JobMasterRegistered:
    """A job's leader is there."""

    job_id: JobID
    job_master_id: LeaderSessionId
    address: str


@dataclass(frozen=True, slots=True)
class ResourcesDeclared:
    """A job tells how many slots it wants in all.

    :ivar prefer_former: a slot in place of a lost one is best on the TaskManager where that was.
    """

    job_id: JobID
    job_master_id: LeaderSessionId
    slots: int
    prefer_former: bool = False


@dataclass(frozen=True, slots=True)
class JobMasterLost:
    """A job's leader does not answer; it may come back."""

    job_id: JobID
    job_master_id: LeaderSessionId


@dataclass(frozen=True, slots=True)
class JobMasterGraceOver:
    """It has had time enough to come back."""

    job_id: JobID
    job_master_id: LeaderSessionId


@dataclass(frozen=True, slots=True)
class JobMasterDisconnected:
    """A job wants nothing any more."""

    job_id: JobID
    job_master_id: LeaderSessionId


SlotManagerEvent: TypeAlias = (
    TaskManagerRegistered
    | SlotReported
    | SlotAvailable
    | TaskManagerGone
    | SlotRequestAccepted
    | SlotRequestRefused
    | RetryDelayOver
    | JobMasterRegistered
    | ResourcesDeclared
    | JobMasterLost
    | JobMasterGraceOver
    | JobMasterDisconnected
)
