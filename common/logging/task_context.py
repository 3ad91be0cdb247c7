"""Which task a log record comes from.

A task is a coroutine in a slot worker with other tasks beside it, and a blocking source has a thread of its own. A
context variable follows both: the task sets it when it begins to run, whatever it calls sees it, and the thread of a
source starts with a copy of the task's context. A thread that a user's function starts has no such copy; in a process
that serves one slot it still belongs to the slot's job, which is kept for the whole process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType

__all__ = ["JobContext", "TaskContext", "current_context", "enter_task", "serve_job"]


@dataclass(frozen=True, slots=True)
class JobContext:
    """A job, for records that come from no certain task of it."""

    job_id: str
    job_name: str


@dataclass(frozen=True, slots=True)
class TaskContext:
    """An attempt of a subtask.

    :ivar subtask: number of the subtask, from 0.
    :ivar attempt: number of the attempt, from 0.
    :ivar operator_at: returns the name of the operator that a stack, given by its innermost frame, runs for; the empty
        text if it runs for none.
    """

    job: JobContext
    task_name: str
    subtask: int
    parallelism: int
    attempt: int
    attempt_id: str
    operator_at: Callable[[FrameType], str]


_task: ContextVar[TaskContext | None] = ContextVar("millstream_task", default=None)
_job_of_process: JobContext | None = None


def enter_task(context: TaskContext) -> None:
    """Everything that the running coroutine or thread logs from now on comes from this task."""
    _task.set(context)


def serve_job(context: JobContext) -> None:
    """Everything that this process logs from now on and that comes from no task comes from this job."""
    global _job_of_process  # noqa: PLW0603  # logging is the process's own, too
    _job_of_process = context


def current_context() -> TaskContext | JobContext | None:
    """Return where a record that is logged now comes from."""
    return _task.get() or _job_of_process
