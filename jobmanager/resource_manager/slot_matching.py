"""Which free slot a job gets."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from millstream.common.ids import JobID, ResourceId
from millstream.jobmanager.resource_manager.task_manager_slots import TaskManagerSlot, TaskManagerSlots

__all__ = ["SlotMatching", "choose_slot"]


class SlotMatching(Enum):
    """How slots are chosen."""

    FILL_FIRST = "FILL_FIRST"
    """Use up a TaskManager before the next: little crosses the network."""
    SPREAD_EVENLY = "SPREAD_EVENLY"
    """Use the least loaded TaskManager: the load is even."""


def choose_slot(
    matching: SlotMatching,
    task_managers: Collection[TaskManagerSlots],
    job_id: JobID,
    preferred: Collection[ResourceId] = (),
) -> tuple[TaskManagerSlots, TaskManagerSlot] | None:
    """Return a free slot and its TaskManager, ``None`` if there is no free one. The same state gives the same slot.

    :param preferred: TaskManagers that come before all others.
    """
    candidates = [(task_manager, free) for task_manager in task_managers if (free := task_manager.free_slots())]
    if not candidates:
        return None
    candidates = [each for each in candidates if each[0].resource_id in preferred] or candidates

    def rank(candidate: tuple[TaskManagerSlots, list[TaskManagerSlot]]) -> tuple[float, float, str]:
        task_manager, free = candidate
        if matching is SlotMatching.SPREAD_EVENLY:
            return (-len(free) / len(task_manager.slots), 0.0, task_manager.resource_id)
        # Where the job is already; then where least is left over, so that whole TaskManagers stay free.
        own = sum(1 for slot in task_manager.slots.values() if slot.job_id == job_id)
        return (0.0 if own else 1.0, float(len(free)), task_manager.resource_id)

    task_manager, free = min(candidates, key=rank)
    return task_manager, free[0]
