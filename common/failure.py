"""Failures as text: what went wrong, where, on which record.

Exceptions never travel as objects (nobody but a slot worker may unpickle what a user wrote). A worker turns an
exception into a :class:`FailureInfo`; everyone after it passes the message on and shows it. The first line is the
same in CLI, REST, UI and log, so it is made here and nowhere else.
"""

from __future__ import annotations

from millstream.common.wire.failure_pb2 import FailureInfo

__all__ = [
    "CANCELLATION",
    "ENGINE",
    "NETWORK",
    "RESOURCES",
    "STATE",
    "TASK_MANAGER_LOST",
    "USER_CODE",
    "WORKER_DIED",
    "FailureInfo",
    "engine_failure",
    "first_line",
    "render",
]

USER_CODE = "USER_CODE"
"""An exception came out of a user's function."""
WORKER_DIED = "WORKER_DIED"
"""The process of a slot ended by itself (killed, out of memory, crashed)."""
TASK_MANAGER_LOST = "TASK_MANAGER_LOST"
"""A TaskManager's connection broke or its heartbeat stopped."""
NETWORK = "NETWORK"
"""A task lost the data connection to another task: usually the echo of another failure."""
RESOURCES = "RESOURCES"
"""Slots were not to be had."""
STATE = "STATE"
"""The state that a task was to go on from does not fit the program: it would fail again."""
CANCELLATION = "CANCELLATION"
"""A task did not end in time when it was cancelled."""
ENGINE = "ENGINE"
"""Millstream's own code or the environment failed."""


def engine_failure(kind: str, message: str, *, exception_type: str = "", full_traceback: str = "") -> FailureInfo:
    """Return a failure that no user function is to blame for."""
    return FailureInfo(
        kind=kind,
        exception_type=exception_type,
        message=message,
        subtask_index=-1,
        full_traceback=full_traceback,
    )


def first_line(failure: FailureInfo) -> str:
    """Return the one line that says it all.

    ``ValueError: bad price 'x' | operator 'parse' (map), subtask 2/4 | record ('a', 'x') | /home/me/job.py:17``
    """
    message = failure.message.strip().splitlines()[0] if failure.message.strip() else ""
    if failure.exception_type:
        parts = [f"{failure.exception_type}: {message}" if message else failure.exception_type]
    else:
        parts = [message or failure.kind]
    if failure.operator_name:
        where = f"operator {failure.operator_name!r}"
        if failure.phase:
            where += f" ({failure.phase})"
        if failure.subtask_index >= 0:
            where += f", subtask {failure.subtask_index + 1}/{max(failure.parallelism, 1)}"
        parts.append(where)
    elif failure.task_name:
        parts.append(f"task {failure.task_name!r}")
    if failure.record:
        parts.append(f"record {failure.record}")
    if failure.user_file:
        parts.append(f"{failure.user_file}:{failure.user_line}")
    return " | ".join(parts)


def render(failure: FailureInfo, *, verbose: bool = False) -> str:
    """Return the whole story for a person: the first line, then the user's traceback, then where it ran.

    :param verbose: give the unfolded traceback, engine frames and all.
    """
    lines = [first_line(failure)]
    more = failure.message.strip().splitlines()[1:]
    lines.extend("  " + line for line in more)
    traceback = failure.full_traceback if verbose and failure.full_traceback else failure.user_traceback
    if traceback:
        lines.append(traceback.rstrip())
    if failure.task_manager:
        attempt = f", attempt {failure.attempt_number}" if failure.attempt_number else ""
        lines.append(f"on TaskManager {failure.task_manager}{attempt}")
    return "\n".join(lines)
