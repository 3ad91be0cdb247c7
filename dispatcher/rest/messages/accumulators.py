"""What the functions of a job have counted."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import HyphenatedMessage, Message

__all__ = [
    "JobAccumulator",
    "JobAccumulatorsInfo",
    "SubtaskAccumulatorsInfo",
    "SubtaskAttemptAccumulatorsInfo",
    "SubtasksAccumulatorsInfo",
    "UserAccumulator",
    "VertexAccumulatorsInfo",
]


class UserAccumulator(Message):
    """An accumulator with its value as text."""

    name: str
    type: str
    value: str


class JobAccumulator(Message):
    """An accumulator of the job itself, beside those of its tasks. There are none."""


class JobAccumulatorsInfo(HyphenatedMessage):
    """The accumulators of a job, those of all tasks put together.

    :ivar serialized_user_task_accumulators: name -> pickled value in base 64, if they were asked for.
    """

    job_accumulators: list[JobAccumulator]
    user_task_accumulators: list[UserAccumulator]
    serialized_user_task_accumulators: dict[str, str]


class VertexAccumulatorsInfo(HyphenatedMessage):
    """The accumulators of a vertex, those of all its subtasks put together."""

    id: str
    user_accumulators: list[UserAccumulator]


class SubtaskAccumulatorsInfo(HyphenatedMessage):
    """The accumulators of a subtask."""

    subtask: int
    attempt: int
    host: str
    endpoint: str
    user_accumulators: list[UserAccumulator]


class SubtasksAccumulatorsInfo(Message):
    """The accumulators of each subtask of a vertex."""

    id: str
    parallelism: int
    subtasks: list[SubtaskAccumulatorsInfo]


class SubtaskAttemptAccumulatorsInfo(HyphenatedMessage):
    """The accumulators of one attempt of a subtask.

    :ivar id: of the attempt.
    """

    subtask: int
    attempt: int
    id: str
    user_accumulators: list[UserAccumulator]
