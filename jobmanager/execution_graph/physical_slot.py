"""A slot that a TaskManager has given to this job: the place where tasks run."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.ids import AllocationId
from millstream.jobmanager.execution_graph.task_manager_location import TaskManagerLocation

__all__ = ["PhysicalSlot"]


@dataclass(frozen=True, slots=True)
class PhysicalSlot:
    """One allocated slot.

    :ivar allocation_id: the binding of the slot to the job; a new one each time the slot is given away.
    :ivar slot_index: which slot of its TaskManager.
    :ivar data_host: host of the slot worker's data port.
    :ivar data_port: the data port, where consumers in other slots fetch from.
    """

    allocation_id: AllocationId
    slot_index: int
    task_manager: TaskManagerLocation
    data_host: str
    data_port: int
