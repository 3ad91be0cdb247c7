"""The slots that a job holds.

A pure state machine. It takes offered slots as long as the job needs more, gives them to sharing groups, keeps them
over restarts (a group gets its old slot back, else one on the same TaskManager, else any), and says which have been
idle for too long.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.ids import AllocationId, ResourceId
from millstream.jobmanager.execution_graph import PhysicalSlot
from millstream.jobmanager.scheduler.slot_sharing import ExecutionSlotSharingGroup

__all__ = ["SlotPool"]


class SlotPool:
    """Slots by allocation id, each free or assigned to one sharing group."""

    __slots__ = ("_assigned", "_idle_since", "_previous", "_slots", "requirement")

    def __init__(self) -> None:
        self.requirement = 0
        """How many slots the job needs in all, now."""
        self._slots: dict[AllocationId, PhysicalSlot] = {}
        self._idle_since: dict[AllocationId, int] = {}  # the free ones
        self._assigned: dict[ExecutionSlotSharingGroup, AllocationId] = {}
        self._previous: dict[ExecutionSlotSharingGroup, PhysicalSlot] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, allocation_id: object) -> bool:
        return allocation_id in self._slots

    @property
    def free_count(self) -> int:
        """Slots that no group has."""
        return len(self._idle_since)

    def slots(self) -> list[PhysicalSlot]:
        """All slots held."""
        return list(self._slots.values())

    def slots_of(self, resource_id: ResourceId) -> list[PhysicalSlot]:
        """The slots held on one TaskManager."""
        return [slot for slot in self._slots.values() if slot.task_manager.resource_id == resource_id]

    def slot_of(self, group: ExecutionSlotSharingGroup) -> PhysicalSlot | None:
        """The slot of a group, if it has one."""
        allocation_id = self._assigned.get(group)
        return None if allocation_id is None else self._slots[allocation_id]

    def groups_in(self, allocation_id: AllocationId) -> list[ExecutionSlotSharingGroup]:
        """The group that has this slot, if any, as a list."""
        return [group for group, assigned in self._assigned.items() if assigned == allocation_id]

    def offer(self, slot: PhysicalSlot, now_ms: int) -> bool:
        """Take a slot that is offered, or refuse it because the job has enough.

        A slot that is held already is taken again: its TaskManager has not heard the first answer.
        """
        held = self._slots.get(slot.allocation_id)
        if held is not None:
            return held.task_manager.resource_id == slot.task_manager.resource_id
        if len(self._slots) >= self.requirement:
            return False
        self._slots[slot.allocation_id] = slot
        self._idle_since[slot.allocation_id] = now_ms
        return True

    def assign(self, groups: Iterable[ExecutionSlotSharingGroup]) -> bool:
        """Give each of the groups a slot, or none of them any and return False if there are too few."""
        missing = sorted(group for group in set(groups) if group not in self._assigned)
        if len(missing) > len(self._idle_since):
            return False
        missing = [group for group in missing if not self._take_back(group)]
        missing = [group for group in missing if not self._take_near(group)]
        rest = sorted(self._idle_since, key=self._order)
        for group, allocation_id in zip(missing, rest, strict=False):
            self._give(group, allocation_id)
        return True

    def _order(self, allocation_id: AllocationId) -> tuple[str, int, str]:
        # Neighbouring subtasks land on one TaskManager, whatever the order in which the offers came.
        slot = self._slots[allocation_id]
        return (slot.task_manager.resource_id, slot.slot_index, allocation_id)

    def _take_back(self, group: ExecutionSlotSharingGroup) -> bool:
        previous = self._previous.get(group)
        if previous is None or previous.allocation_id not in self._idle_since:
            return False
        self._give(group, previous.allocation_id)
        return True

    def _take_near(self, group: ExecutionSlotSharingGroup) -> bool:
        previous = self._previous.get(group)
        if previous is None:
            return False
        near = [
            allocation_id
            for allocation_id in sorted(self._idle_since, key=self._order)
            if self._slots[allocation_id].task_manager.resource_id == previous.task_manager.resource_id
        ]
        if not near:
            return False
        self._give(group, near[0])
        return True

    def _give(self, group: ExecutionSlotSharingGroup, allocation_id: AllocationId) -> None:
        del self._idle_since[allocation_id]
        self._assigned[group] = allocation_id
        self._previous[group] = self._slots[allocation_id]

    def release(self, group: ExecutionSlotSharingGroup, now_ms: int) -> None:
        """The group needs its slot no more; the pool keeps it for a while. Nothing happens if it has none."""
        allocation_id = self._assigned.pop(group, None)
        if allocation_id is not None:
            self._idle_since[allocation_id] = now_ms

    def remove(self, allocation_id: AllocationId) -> list[ExecutionSlotSharingGroup]:
        """Strike out a slot that is lost or given back. Returns the groups that had it."""
        if self._slots.pop(allocation_id, None) is None:
            return []
        self._idle_since.pop(allocation_id, None)
        groups = self.groups_in(allocation_id)
        for group in groups:
            del self._assigned[group]
        return groups

    def next_idle_expiry_ms(self, timeout_ms: int) -> int | None:
        """When the longest idle slot will have been idle for ``timeout_ms``; ``None``: no slot is idle."""
        return min(self._idle_since.values()) + timeout_ms if self._idle_since else None

    def expired(self, now_ms: int, timeout_ms: int) -> list[PhysicalSlot]:
        """The slots that have been idle for at least ``timeout_ms``."""
        return [
            self._slots[allocation_id]
            for allocation_id, since in self._idle_since.items()
            if now_ms - since >= timeout_ms
        ]
