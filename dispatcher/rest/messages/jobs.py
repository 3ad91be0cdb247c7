"""The jobs of the cluster, and one job in detail."""

from __future__ import annotations

from pydantic import Field

from millstream.dispatcher.rest.messages.base import HyphenatedMessage, Message
from millstream.dispatcher.rest.messages.io_metrics import IOMetrics
from millstream.dispatcher.rest.messages.job_plan import JobPlan

__all__ = [
    "JobDetailsInfo",
    "JobIdWithStatus",
    "JobIdsWithStatusOverview",
    "JobOverview",
    "JobStatusInfo",
    "JobVertexDetailsInfo",
    "JobsOverview",
    "TaskCounts",
]


class JobIdWithStatus(Message):
    """A job by its id, and its state."""

    id: str
    status: str


class JobIdsWithStatusOverview(Message):
    """All jobs that are known."""

    jobs: list[JobIdWithStatus]


class JobStatusInfo(Message):
    """The state of a job."""

    status: str


class TaskCounts(Message):
    """How many tasks of a job are in each state."""

    created: int
    scheduled: int
    deploying: int
    initializing: int
    running: int
    finished: int
    canceling: int
    canceled: int
    failed: int
    reconciling: int
    total: int


class JobOverview(HyphenatedMessage):
    """A job in one line. Times are in ms; ``end_time`` is -1 if the job has not ended."""

    jid: str
    name: str
    state: str
    start_time: int
    end_time: int
    duration: int
    last_modification: int
    tasks: TaskCounts


class JobsOverview(Message):
    """All jobs that are known, in a line each."""

    jobs: list[JobOverview]


class JobVertexDetailsInfo(HyphenatedMessage):
    """A vertex of a job. Times are in ms; -1: not deployed yet, or not ended.

    :ivar tasks: state -> how many subtasks are in it.
    """

    id: str
    slot_sharing_group_id: str = Field(serialization_alias="slotSharingGroupId")
    name: str
    max_parallelism: int = Field(serialization_alias="maxParallelism")
    parallelism: int
    status: str
    start_time: int
    end_time: int
    duration: int
    tasks: dict[str, int]
    metrics: IOMetrics


class JobDetailsInfo(HyphenatedMessage):
    """A job with its vertices and its plan. Times are in ms; ``end_time`` is -1 if the job has not ended.

    :ivar max_parallelism: -1: none was set for the job as a whole.
    :ivar now: the time on the server when this was written.
    :ivar timestamps: state -> when the job entered it last; 0: never.
    :ivar status_counts: state -> how many vertices are in it.
    """

    jid: str
    name: str
    is_stoppable: bool = Field(serialization_alias="isStoppable")
    state: str
    job_type: str
    start_time: int
    end_time: int
    duration: int
    max_parallelism: int = Field(serialization_alias="maxParallelism")
    now: int
    timestamps: dict[str, int]
    vertices: list[JobVertexDetailsInfo]
    status_counts: dict[str, int]
    plan: JobPlan
