"""Says in log records which task and operator they come from.

The task is told when it begins to run. Operators change with every batch, which must cost nothing; so the operator is
looked up when something is logged, as it is when something fails: by the stack, in which the engine's own frames tell
which operator they were calling.
"""

from __future__ import annotations

from types import FrameType, TracebackType

from millstream.common.logging.task_context import JobContext, TaskContext, enter_task
from millstream.taskmanager.operators.operator import TaskInfo
from millstream.taskmanager.task.chain_node import ChainNode
from millstream.taskmanager.task.legacy_source import LegacySource
from millstream.taskmanager.task.user_calls import call_user_code

__all__ = ["begin_to_log_for", "operator_at"]

_CALL = call_user_code.__code__
_PROCESS = ChainNode.process.__code__
_SOURCE_THREAD = LegacySource._run.__code__


def begin_to_log_for(info: TaskInfo, job_name: str) -> None:
    """Everything that the running coroutine logs, and what it calls, comes from this task."""
    enter_task(
        TaskContext(
            job=JobContext(info.job_id, job_name),
            task_name=info.task_name,
            subtask=info.subtask_index,
            parallelism=info.parallelism,
            attempt=info.attempt_number,
            attempt_id=info.attempt_id,
            operator_at=operator_at,
        )
    )


def operator_at(frame: FrameType) -> str:
    """Return the name of the operator whose user code runs in a stack, given by its innermost frame; else nothing."""
    place: FrameType | None = frame
    trace: TracebackType | None = None
    while place is not None:
        code = place.f_code
        trace = TracebackType(trace, place, place.f_lasti, place.f_lineno or 0)
        if code is _CALL:
            return str(place.f_locals["locate"](_Here().with_traceback(trace)).info.name)
        if code is _PROCESS:
            node: ChainNode = place.f_locals["self"]
            return node.operator.locate(_Here().with_traceback(trace), None).info.name
        if code is _SOURCE_THREAD:
            source: LegacySource = place.f_locals["self"]
            return source.info.name
        place = place.f_back
    return ""


class _Here(Exception):  # no error: it carries a stack to where operators look for one
    """Where something is logged."""
