"""What tasks have read and written, as answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import SubtaskDetails, TaskMetrics
from millstream.dispatcher.rest.messages.io_metrics import AggregatedIOMetrics, IOMetrics
from millstream.dispatcher.rest.payloads.statistics import aggregate

__all__ = ["aggregated_io_metrics", "io_metrics"]

_RUNS: Final = frozenset({ExecutionState.INITIALIZING.name, ExecutionState.RUNNING.name, ExecutionState.CANCELING.name})


def io_metrics(subtasks: Sequence[SubtaskDetails]) -> IOMetrics:
    """Return the totals of these subtasks, or of the one."""
    told = [subtask.metrics for subtask in subtasks]
    complete = all(subtask.HasField("metrics") or subtask.state not in _RUNS for subtask in subtasks)
    return IOMetrics(
        read_bytes=sum(task.bytes_in for task in told),
        read_bytes_complete=complete,
        write_bytes=sum(task.bytes_out for task in told),
        write_bytes_complete=complete,
        read_records=sum(task.records_in for task in told),
        read_records_complete=complete,
        write_records=sum(task.records_out for task in told),
        write_records_complete=complete,
        accumulated_backpressured_time=sum(task.backpressured_ms for task in told),
        accumulated_idle_time=sum(task.idle_ms for task in told),
        accumulated_busy_time=float(sum(task.busy_ms for task in told)),
    )


def aggregated_io_metrics(subtasks: Iterable[SubtaskDetails]) -> AggregatedIOMetrics:
    """Set the totals of the subtasks against each other."""
    told: list[TaskMetrics] = [subtask.metrics for subtask in subtasks]
    return AggregatedIOMetrics(
        read_bytes=aggregate([task.bytes_in for task in told]),
        write_bytes=aggregate([task.bytes_out for task in told]),
        read_records=aggregate([task.records_in for task in told]),
        write_records=aggregate([task.records_out for task in told]),
        accumulated_backpressured_time=aggregate([task.backpressured_ms for task in told]),
        accumulated_idle_time=aggregate([task.idle_ms for task in told]),
        accumulated_busy_time=aggregate([task.busy_ms for task in told]),
    )
