"""The vertices of a job, and the subtasks of a vertex."""

from __future__ import annotations

from pydantic import Field, computed_field

from millstream.dispatcher.rest.messages.base import HyphenatedMessage, Message
from millstream.dispatcher.rest.messages.io_metrics import AggregatedIOMetrics, IOMetrics
from millstream.dispatcher.rest.messages.statistics import Aggregate

__all__ = [
    "AggregatedTaskDetailsInfo",
    "JobVertexInfo",
    "SubtaskDetailsInfo",
    "SubtaskTimeInfo",
    "SubtasksTimesInfo",
    "TaskManagerOfVertexInfo",
    "TaskManagersOfVertexInfo",
]


class SubtaskDetailsInfo(HyphenatedMessage):
    """An attempt of a subtask. Times are in ms; -1: not deployed yet, or not ended.

    :ivar endpoint: where it has its data port.
    :ivar status_duration: state -> how long it was in it; -1: it never was.
    """

    subtask: int
    status: str
    attempt: int
    host: str
    endpoint: str
    start_time: int
    end_time: int
    duration: int
    metrics: IOMetrics
    taskmanager_id: str
    status_duration: dict[str, int]

    @computed_field(alias="start_time")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def start_time_for_older_clients(self) -> int:
        """``start-time`` in its former spelling."""
        return self.start_time


class AggregatedTaskDetailsInfo(HyphenatedMessage):
    """Subtasks set against each other.

    :ivar status_duration: state -> over the subtasks that were in it.
    """

    metrics: AggregatedIOMetrics
    status_duration: dict[str, Aggregate]


class JobVertexInfo(Message):
    """A vertex with its subtasks.

    :ivar now: the time on the server when this was written.
    """

    id: str
    name: str
    parallelism: int
    max_parallelism: int = Field(serialization_alias="maxParallelism")
    now: int
    subtasks: list[SubtaskDetailsInfo]
    aggregated: AggregatedTaskDetailsInfo


class SubtaskTimeInfo(Message):
    """When a subtask entered its states.

    :ivar duration: since it was scheduled, ms; -1: it was not.
    :ivar timestamps: state -> when it entered it, ms; 0: never.
    """

    subtask: int
    host: str
    endpoint: str
    duration: int
    timestamps: dict[str, int]


class SubtasksTimesInfo(Message):
    """When the subtasks of a vertex entered their states."""

    id: str
    name: str
    now: int
    subtasks: list[SubtaskTimeInfo]


class TaskManagerOfVertexInfo(HyphenatedMessage):
    """What a TaskManager has of a vertex. Times are in ms; -1: nothing deployed yet, or not ended.

    :ivar status_counts: state -> how many of the subtasks are in it.
    """

    host: str
    endpoint: str
    status: str
    start_time: int
    end_time: int
    duration: int
    metrics: IOMetrics
    status_counts: dict[str, int]
    taskmanager_id: str
    aggregated: AggregatedTaskDetailsInfo


class TaskManagersOfVertexInfo(Message):
    """A vertex by the TaskManagers that its subtasks are on."""

    id: str
    name: str
    now: int
    taskmanagers: list[TaskManagerOfVertexInfo]
