"""Who has which slot: a pure state machine.

::

    FREE --allocate--> ALLOCATED --activate--> ACTIVE
      ^                    |                     |
      |                    +---begin_release-----+
      |                                |
      +----------released--------- RELEASING

An allocated slot has a worker in preparation and is offered to the job; an active one was taken up by its JobMaster.
A slot that is being released still belongs to its allocation, until the worker is gone for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from millstream.common.errors import MillstreamError
from millstream.common.ids import AllocationId, JobID
from millstream.common.wire.cluster_pb2 import SlotStatus

__all__ = ["SlotAllocationError", "SlotState", "SlotTable", "TaskSlot"]


class SlotAllocationError(MillstreamError):
    """A slot cannot be given to the one who asks for it."""


class SlotState(Enum):
    FREE = "free"
    ALLOCATED = "allocated"
    ACTIVE = "active"
    RELEASING = "being released"


@dataclass(slots=True)
class TaskSlot:
    """One slot. ``allocation_id`` and ``job_id`` are ``None`` exactly when it is free."""

    index: int
    state: SlotState = SlotState.FREE
    allocation_id: AllocationId | None = None
    job_id: JobID | None = None


class SlotTable:
    """The slots of one TaskManager."""

    def __init__(self, number_of_slots: int) -> None:
        self._slots = [TaskSlot(index) for index in range(number_of_slots)]
        self._by_allocation: dict[AllocationId, TaskSlot] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def state(self, allocation_id: AllocationId) -> SlotState:
        """Return the state of the allocation's slot; FREE if there is no such allocation (any more)."""
        slot = self._by_allocation.get(allocation_id)
        return SlotState.FREE if slot is None else slot.state

    def allocate(self, index: int, job_id: JobID, allocation_id: AllocationId) -> bool:
        """Give a free slot to a job. False: the same allocation has it already, as when a request is repeated.

        :raises SlotAllocationError: there is no such slot, or somebody else has it, or the allocation has another.
        """
        if not 0 <= index < len(self._slots):
            raise SlotAllocationError(f"there is no slot {index}: this TaskManager has {len(self._slots)} slots")
        held = self._by_allocation.get(allocation_id)
        if held is not None:
            if held.index != index or held.job_id != job_id:
                raise SlotAllocationError(
                    f"allocation {allocation_id} has slot {held.index} for job {held.job_id}, "
                    f"not slot {index} for job {job_id}"
                )
            if held.state is SlotState.RELEASING:
                raise SlotAllocationError(f"slot {index} is just being released by allocation {allocation_id}")
            return False
        slot = self._slots[index]
        if slot.state is not SlotState.FREE:
            raise SlotAllocationError(
                f"slot {index} is {slot.state.value} by allocation {slot.allocation_id} of job {slot.job_id}"
            )
        slot.state, slot.allocation_id, slot.job_id = SlotState.ALLOCATED, allocation_id, job_id
        self._by_allocation[allocation_id] = slot
        return True

    def activate(self, allocation_id: AllocationId) -> bool:
        """The JobMaster has taken the slot up. False: the allocation has no slot that could become active."""
        slot = self._by_allocation.get(allocation_id)
        if slot is None or slot.state is SlotState.RELEASING:
            return False
        slot.state = SlotState.ACTIVE
        return True

    def begin_release(self, allocation_id: AllocationId) -> bool:
        """The allocation ends. False: it has ended, or is ending, already."""
        slot = self._by_allocation.get(allocation_id)
        if slot is None or slot.state is SlotState.RELEASING:
            return False
        slot.state = SlotState.RELEASING
        return True

    def released(self, allocation_id: AllocationId) -> int:
        """The allocation's worker is gone: its slot is free. Returns the slot's index."""
        slot = self._by_allocation.pop(allocation_id)
        slot.state, slot.allocation_id, slot.job_id = SlotState.FREE, None, None
        return slot.index

    def allocations_of(self, job_id: JobID) -> list[AllocationId]:
        """Return the allocations of a job, those being released included, by slot."""
        return [slot.allocation_id for slot in self._slots if slot.allocation_id and slot.job_id == job_id]

    def report(self, job_id: JobID | None = None) -> list[SlotStatus]:
        """Return the state of all slots, or of those of one job, for a message."""
        return [
            SlotStatus(slot_index=slot.index, allocation_id=slot.allocation_id or "", job_id=slot.job_id or "")
            for slot in self._slots
            if job_id is None or slot.job_id == job_id
        ]
