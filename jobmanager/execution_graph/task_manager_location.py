"""Where a TaskManager is, as the job's details and failures name it."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.ids import ResourceId

__all__ = ["TaskManagerLocation"]


@dataclass(frozen=True, slots=True)
class TaskManagerLocation:
    """A TaskManager process.

    :ivar resource_id: its id.
    :ivar host: the machine it runs on, for people.
    :ivar pid: its process id, for people.
    """

    resource_id: ResourceId
    host: str = ""
    pid: int = 0

    def __str__(self) -> str:
        return f"{self.resource_id} @ {self.host} (pid {self.pid})"
