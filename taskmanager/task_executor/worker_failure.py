"""What is said of a worker that died, and of one that had to be killed."""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.config import TaskManagerOptions
from millstream.common.failure import CANCELLATION, WORKER_DIED, FailureInfo, engine_failure
from millstream.taskmanager.task_executor.task_table import TaskEntry
from millstream.taskmanager.worker.exit_status import has_cause, is_out_of_memory_suspect

__all__ = ["cancellation_failure", "worker_died_failure"]

_TASKS_SHOWN = 5


def worker_died_failure(
    description: str, slot_index: int, resource_id: str, how: str, tasks: Sequence[TaskEntry]
) -> FailureInfo:
    """Return the failure of a slot whose worker ended by itself.

    :param description: of the worker, with its pid.
    :param how: it ended: ``killed by signal 9 (SIGKILL)``.
    :param tasks: that ran in it.
    """
    verb = "was" if how.startswith("killed") else "ended:"
    message = f"The {description} of slot {slot_index} on TaskManager {resource_id} {verb} {how} while it ran "
    message += _names(tasks) if tasks else "no task"
    message += "."
    if is_out_of_memory_suspect(how):
        message += "\nPossibly it was out of memory: the kernel's log (dmesg) names the processes it kills for that."
    elif how.startswith("exit status"):
        message += "\nPossibly user code or a library ended the process; its output may say why."
    elif how.startswith("killed") and not has_cause(how):
        message += "\nPossibly a native library crashed; the worker's output may say more."
    failure = engine_failure(WORKER_DIED, message)
    if len(tasks) == 1:
        failure.task_name = tasks[0].name
    return failure


def cancellation_failure(description: str, slot_index: int, task: TaskEntry, timeout_s: float) -> FailureInfo:
    """Return the failure of a task that did not end when it was cancelled, so that its worker is killed."""
    failure = engine_failure(
        CANCELLATION,
        f"Task {task.name} did not end within {timeout_s:g} s after it was cancelled "
        f"({TaskManagerOptions.TASK_CANCELLATION_TIMEOUT.key}): its user code does not return. "
        f"The {description} of slot {slot_index} is killed.",
    )
    failure.task_name = task.name
    return failure


def _names(tasks: Sequence[TaskEntry]) -> str:
    names = ", ".join(task.name for task in tasks[:_TASKS_SHOWN])
    return names if len(tasks) <= _TASKS_SHOWN else f"{names} and {len(tasks) - _TASKS_SHOWN} more tasks"
