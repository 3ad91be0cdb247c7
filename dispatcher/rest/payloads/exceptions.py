"""Why a job has failed, as an answer."""

from __future__ import annotations

from collections.abc import Mapping

from millstream.common.failure import NETWORK, USER_CODE, FailureInfo, render
from millstream.common.wire.cluster_pb2 import ExceptionHistoryEntry, JobDetails, SubtaskDetails, VertexDetails
from millstream.dispatcher.rest.messages.exceptions import (
    ExceptionInfo,
    JobExceptionHistory,
    JobExceptionsInfo,
    RootExceptionInfo,
    TaskExceptionInfo,
)
from millstream.dispatcher.rest.payloads.vertices import endpoint_of

__all__ = ["exception_name", "failure_labels", "job_exceptions", "stack_trace"]


def job_exceptions(details: JobDetails, max_exceptions: int, labels: Mapping[str, str]) -> JobExceptionsInfo:
    """Return the failures of a job.

    :param max_exceptions: so many at most, in each of the lists.
    :param labels: only failures of the history that have all of these.
    """
    root = _root_cause(details)
    failed = _failed_tasks(details)
    return JobExceptionsInfo(
        root_exception=stack_trace(root) if root is not None else None,
        timestamp=root.timestamp_ms if root is not None else None,
        all_exceptions=[_task_exception(vertex, subtask) for vertex, subtask in failed[:max_exceptions]],
        truncated=len(failed) > max_exceptions,
        exception_history=_history(details, max_exceptions, labels),
    )


def stack_trace(failure: FailureInfo) -> str:
    """Return the whole story: what failed where and on which record, the frames of the user's code, and then those of
    Millstream with them.
    """
    story = render(failure)
    if failure.full_traceback and failure.full_traceback != failure.user_traceback:
        story += f"\n\nAll frames:\n{failure.full_traceback.rstrip()}"
    return story + "\n"


def exception_name(failure: FailureInfo) -> str:
    """Return the class of the exception, or else what kind of failure it is."""
    return failure.exception_type or failure.kind


def failure_labels(failure: FailureInfo) -> dict[str, str]:
    """Return what sorts failures: whether the user's code is to blame, and their kind."""
    return {"type": "USER" if failure.kind == USER_CODE else "SYSTEM", "kind": failure.kind}


def _root_cause(details: JobDetails) -> FailureInfo | None:
    if details.HasField("failure"):
        return details.failure
    return next(iter(details.failure_history), None)


def _failed_tasks(details: JobDetails) -> list[tuple[VertexDetails, SubtaskDetails]]:
    """The tasks that have failed, the first one first; those that only lost the connection to another one last."""
    failed = [
        (vertex, subtask) for vertex in details.vertices for subtask in vertex.subtasks if subtask.HasField("failure")
    ]
    failed.sort(key=lambda pair: (pair[1].failure.kind == NETWORK, pair[1].failure.timestamp_ms))
    return failed


def _task_exception(vertex: VertexDetails, subtask: SubtaskDetails) -> TaskExceptionInfo:
    endpoint = endpoint_of(subtask)
    return TaskExceptionInfo(
        exception=stack_trace(subtask.failure),
        task=f"{vertex.name} ({subtask.subtask_index + 1}/{vertex.parallelism})",
        location=endpoint,
        endpoint=endpoint,
        timestamp=subtask.failure.timestamp_ms or subtask.state_timestamps.get(subtask.state, 0),
        task_manager_id=subtask.task_manager_id,
    )


def _history(details: JobDetails, max_exceptions: int, labels: Mapping[str, str]) -> JobExceptionHistory:
    entries = list(details.exception_history) or [
        ExceptionHistoryEntry(root_cause=failure) for failure in details.failure_history
    ]
    wanted = [entry for entry in entries if labels.items() <= failure_labels(entry.root_cause).items()]
    return JobExceptionHistory(
        entries=[_root_exception(entry) for entry in wanted[:max_exceptions]],
        truncated=details.exception_history_truncated or len(wanted) > max_exceptions,
    )


def _root_exception(entry: ExceptionHistoryEntry) -> RootExceptionInfo:
    failure = entry.root_cause
    return RootExceptionInfo(
        exception_name=exception_name(failure),
        stacktrace=stack_trace(failure),
        timestamp=failure.timestamp_ms,
        failure_labels=failure_labels(failure),
        task_name=_task_name(failure),
        location=failure.endpoint or None,
        endpoint=failure.endpoint or None,
        task_manager_id=failure.task_manager_id or None,
        concurrent_exceptions=[_exception(concurrent) for concurrent in entry.concurrent],
    )


def _exception(failure: FailureInfo) -> ExceptionInfo:
    return ExceptionInfo(
        exception_name=exception_name(failure),
        stacktrace=stack_trace(failure),
        timestamp=failure.timestamp_ms,
        failure_labels=failure_labels(failure),
        task_name=_task_name(failure),
        location=failure.endpoint or None,
        endpoint=failure.endpoint or None,
        task_manager_id=failure.task_manager_id or None,
    )


def _task_name(failure: FailureInfo) -> str | None:
    return f"{failure.task_name} - execution #{failure.attempt_number}" if failure.task_name else None
