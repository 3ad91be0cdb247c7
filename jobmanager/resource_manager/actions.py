"""What the SlotManager wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.ids import AllocationId, JobID, LeaderSessionId, ResourceId

__all__ = ["FreeSlot", "RequestSlot", "SlotManagerAction", "StartJobMasterGrace", "StartRetryDelay"]


@dataclass(frozen=True, slots=True)
class RequestSlot:
    """Ask a TaskManager to offer this slot to the job. Answered by ``SlotRequestAccepted`` or ``...Refused``."""

    resource_id: ResourceId
    slot_index: int
    allocation_id: AllocationId
    job_id: JobID
    job_master_id: LeaderSessionId
    job_master_address: str


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """Tell a TaskManager that an allocation has no job any more."""

    resource_id: ResourceId
    allocation_id: AllocationId
    cause: str


@dataclass(frozen=True, slots=True)
class StartRetryDelay:
    """Send ``RetryDelayOver`` after the delay."""

    resource_id: ResourceId
    session_id: LeaderSessionId
    slot_index: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class StartJobMasterGrace:
    """Send ``JobMasterGraceOver`` after the delay."""

    job_id: JobID
    job_master_id: LeaderSessionId
    delay_ms: int


SlotManagerAction: TypeAlias = RequestSlot | FreeSlot | StartRetryDelay | StartJobMasterGrace
