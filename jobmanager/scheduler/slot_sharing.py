"""Slot sharing: which subtasks run in one slot.

Vertices of one sharing group share slots: subtask i of each of them runs in the group's slot i. So a group needs as
many slots as its widest vertex has subtasks, one slot holds a whole pipeline, and the load spreads evenly.
Co-located vertices are of one group, so their subtasks with equal index meet in one slot by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from millstream.common.errors import InvalidProgramError
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID

__all__ = ["ExecutionSlotSharingGroup", "SlotSharing"]


class ExecutionSlotSharingGroup(NamedTuple):
    """The subtasks that share one slot: those with this subtask index, of the vertices of this sharing group."""

    name: str
    slot: int


class SlotSharing:
    """The assignment of a job's subtasks to slots-to-be.

    :raises InvalidProgramError: a co-location group reaches over several sharing groups.
    """

    __slots__ = ("_group_of", "_members", "parallelism")

    def __init__(self, graph: ExecutionGraph) -> None:
        self.parallelism: dict[str, int] = {}
        """Slots of each sharing group."""
        self._group_of: dict[ExecutionVertexID, ExecutionSlotSharingGroup] = {}
        self._members: dict[ExecutionSlotSharingGroup, list[ExecutionVertexID]] = {}
        co_located: dict[str, str] = {}
        for job_vertex in graph.job_vertices.values():
            name = job_vertex.slot_sharing_group
            co_location = job_vertex.job_vertex.co_location_group
            if co_location and co_located.setdefault(co_location, name) != name:
                raise InvalidProgramError(
                    f"vertex {job_vertex.name!r} of job {graph.job_name!r} is to be co-located with vertices of "
                    f"the slot sharing group {co_located[co_location]!r} but is in {name!r}; give them the same "
                    "slot_sharing_group()"
                )
            self.parallelism[name] = max(self.parallelism.get(name, 0), job_vertex.parallelism)
            for vertex in job_vertex.subtasks:
                group = ExecutionSlotSharingGroup(name, vertex.id.subtask_index)
                self._group_of[vertex.id] = group
                self._members.setdefault(group, []).append(vertex.id)

    @property
    def slots_needed(self) -> int:
        """The sum over the sharing groups of their largest parallelism."""
        return len(self._members)

    def groups(self) -> Iterable[ExecutionSlotSharingGroup]:
        """All slots-to-be."""
        return self._members

    def group_of(self, vertex: ExecutionVertexID) -> ExecutionSlotSharingGroup:
        """Return where a subtask belongs."""
        return self._group_of[vertex]

    def members(self, group: ExecutionSlotSharingGroup) -> list[ExecutionVertexID]:
        """Return the subtasks that share this slot."""
        return self._members[group]

    def describe(self) -> str:
        """``4 slots (slot sharing group 'default': 3, 'heavy': 1)``."""
        groups = ", ".join(f"'{name}': {slots}" for name, slots in self.parallelism.items())
        return f"{self.slots_needed} slot{'s' if self.slots_needed != 1 else ''} (slot sharing group {groups})"
