"""A registered TaskManager and the slots it has, as the SlotManager sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from millstream.common.ids import AllocationId, JobID, LeaderSessionId, ResourceId

__all__ = ["SlotState", "TaskManagerSlot", "TaskManagerSlots"]


class SlotState(Enum):
    """How a slot stands."""

    FREE = "FREE"
    PENDING = "PENDING"
    """A job is to get it; the TaskManager has not answered yet."""
    IN_DOUBT = "IN_DOUBT"
    """A job was to get it, but no answer came: the next report of the TaskManager tells."""
    ALLOCATED = "ALLOCATED"
    COOLING = "COOLING"
    """Free, but the TaskManager has just refused it: not asked for again at once."""


@dataclass(slots=True)
class TaskManagerSlot:
    """One slot.

    :ivar revision: of the SlotManager when the slot last changed; tells old reports from new ones.
    :ivar refusals: in a row; the pause grows with them.
    """

    slot_index: int
    state: SlotState = SlotState.FREE
    allocation_id: AllocationId | None = None
    job_id: JobID | None = None
    revision: int = 0
    refusals: int = 0

    def bind(self, state: SlotState, allocation_id: AllocationId, job_id: JobID | None, revision: int) -> None:
        """Give the slot to a job."""
        self.state = state
        self.allocation_id = allocation_id
        self.job_id = job_id
        self.revision = revision

    def release(self, revision: int, state: SlotState = SlotState.FREE) -> None:
        """Take it from the job."""
        self.state = state
        self.allocation_id = None
        self.job_id = None
        self.revision = revision


@dataclass(slots=True)
class TaskManagerSlots:
    """The slots of one TaskManager process."""

    resource_id: ResourceId
    session_id: LeaderSessionId
    slots: dict[int, TaskManagerSlot] = field(default_factory=dict)

    def free_slots(self) -> list[TaskManagerSlot]:
        """The slots that can be given away, by index."""
        return [self.slots[index] for index in sorted(self.slots) if self.slots[index].state is SlotState.FREE]

    def find(self, allocation_id: AllocationId) -> TaskManagerSlot | None:
        """Return the slot with this allocation."""
        return next((slot for slot in self.slots.values() if slot.allocation_id == allocation_id), None)
