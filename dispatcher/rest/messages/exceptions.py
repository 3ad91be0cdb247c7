"""Why a job, or a task of it, has failed."""

from __future__ import annotations

from pydantic import Field

from millstream.dispatcher.rest.messages.base import CamelMessage, HyphenatedMessage, OrAbsent

__all__ = [
    "ExceptionInfo",
    "JobExceptionHistory",
    "JobExceptionsInfo",
    "RootExceptionInfo",
    "TaskExceptionInfo",
]


class TaskExceptionInfo(CamelMessage):
    """The failure of a task that has not been restarted since."""

    exception: str
    task: str
    location: str
    endpoint: str
    timestamp: int
    task_manager_id: str


class ExceptionInfo(CamelMessage):
    """A failure. What says where is absent if no task is to blame.

    :ivar stacktrace: its first line says what failed where, on which record; the frames of the user's code follow.
    :ivar failure_labels: what kind of failure it is.
    """

    exception_name: str
    stacktrace: str
    timestamp: int
    failure_labels: dict[str, str]
    task_name: OrAbsent[str] = None
    location: OrAbsent[str] = None
    endpoint: OrAbsent[str] = None
    task_manager_id: OrAbsent[str] = None


class RootExceptionInfo(ExceptionInfo):
    """A failure that the job was restarted for, or that ended it.

    :ivar concurrent_exceptions: of other tasks, before the restart.
    """

    concurrent_exceptions: list[ExceptionInfo]


class JobExceptionHistory(CamelMessage):
    """The failures of a job, the newest first.

    :ivar truncated: there are, or were, more of them.
    """

    entries: list[RootExceptionInfo]
    truncated: bool


class JobExceptionsInfo(HyphenatedMessage):
    """All about the failures of a job. What is not in the history is there for older clients.

    :ivar root_exception: the last one.
    """

    root_exception: str | None
    timestamp: int | None
    all_exceptions: list[TaskExceptionInfo]
    truncated: bool
    exception_history: JobExceptionHistory = Field(serialization_alias="exceptionHistory")
