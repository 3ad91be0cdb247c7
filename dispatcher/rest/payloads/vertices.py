"""The vertices of a job, as answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import SubtaskDetails, VertexDetails
from millstream.dispatcher.rest.messages.vertices import (
    AggregatedTaskDetailsInfo,
    JobVertexInfo,
    SubtaskDetailsInfo,
    SubtasksTimesInfo,
    SubtaskTimeInfo,
    TaskManagerOfVertexInfo,
    TaskManagersOfVertexInfo,
)
from millstream.dispatcher.rest.payloads.io_metrics import aggregated_io_metrics, io_metrics
from millstream.dispatcher.rest.payloads.statistics import aggregate
from millstream.dispatcher.rest.payloads.task_states import (
    MEASURED_STATES,
    common_life_time,
    common_state,
    life_time,
    state_counts,
    state_durations,
)

__all__ = ["endpoint_of", "host_of", "job_vertex", "subtask_details", "subtask_times", "task_managers_of_vertex"]

_UNASSIGNED: Final = "(unassigned)"


def host_of(subtask: SubtaskDetails) -> str:
    """Return the host that an attempt runs on."""
    return subtask.host or _UNASSIGNED


def endpoint_of(subtask: SubtaskDetails) -> str:
    """Return host and data port of where an attempt runs, the host alone if the port is not known."""
    return f"{subtask.host}:{subtask.data_port}" if subtask.host and subtask.data_port else host_of(subtask)


def job_vertex(vertex: VertexDetails, now_ms: int) -> JobVertexInfo:
    """Return a vertex with its subtasks."""
    return JobVertexInfo(
        id=vertex.vertex_id,
        name=vertex.name,
        parallelism=vertex.parallelism,
        max_parallelism=vertex.max_parallelism,
        now=now_ms,
        subtasks=[subtask_details(subtask, now_ms) for subtask in vertex.subtasks],
        aggregated=_aggregated(vertex.subtasks, now_ms),
    )


def subtask_details(subtask: SubtaskDetails, now_ms: int) -> SubtaskDetailsInfo:
    """Return an attempt of a subtask."""
    time = life_time(subtask, now_ms)
    return SubtaskDetailsInfo(
        subtask=subtask.subtask_index,
        status=subtask.state,
        attempt=subtask.attempt_number,
        host=host_of(subtask),
        endpoint=endpoint_of(subtask),
        start_time=time.start,
        end_time=time.end,
        duration=time.duration,
        metrics=io_metrics([subtask]),
        taskmanager_id=subtask.task_manager_id or _UNASSIGNED,
        status_duration=state_durations(subtask, now_ms),
    )


def subtask_times(vertex: VertexDetails, now_ms: int) -> SubtasksTimesInfo:
    """Return when the subtasks of a vertex entered their states."""
    return SubtasksTimesInfo(
        id=vertex.vertex_id,
        name=vertex.name,
        now=now_ms,
        subtasks=[
            SubtaskTimeInfo(
                subtask=subtask.subtask_index,
                host=host_of(subtask),
                endpoint=endpoint_of(subtask),
                duration=_since_scheduled(subtask, now_ms),
                timestamps={state.name: subtask.state_timestamps.get(state.name, 0) for state in ExecutionState},
            )
            for subtask in vertex.subtasks
        ],
    )


def task_managers_of_vertex(vertex: VertexDetails, now_ms: int) -> TaskManagersOfVertexInfo:
    """Return a vertex by the TaskManagers that its subtasks are on; those that are on none come as one."""
    by_task_manager: dict[str, list[SubtaskDetails]] = {}
    for subtask in vertex.subtasks:
        by_task_manager.setdefault(subtask.task_manager_id, []).append(subtask)
    return TaskManagersOfVertexInfo(
        id=vertex.vertex_id,
        name=vertex.name,
        now=now_ms,
        taskmanagers=[_task_manager(subtasks, now_ms) for subtasks in by_task_manager.values()],
    )


def _task_manager(subtasks: Sequence[SubtaskDetails], now_ms: int) -> TaskManagerOfVertexInfo:
    counts = state_counts(subtask.state for subtask in subtasks)
    time = common_life_time(subtasks, now_ms)
    # Each slot has a data port of its own: the first one stands for the TaskManager.
    return TaskManagerOfVertexInfo(
        host=endpoint_of(subtasks[0]),
        endpoint=endpoint_of(subtasks[0]),
        status=common_state(counts),
        start_time=time.start,
        end_time=time.end,
        duration=time.duration,
        metrics=io_metrics(subtasks),
        status_counts=counts,
        taskmanager_id=subtasks[0].task_manager_id or _UNASSIGNED,
        aggregated=_aggregated(subtasks, now_ms),
    )


def _aggregated(subtasks: Sequence[SubtaskDetails], now_ms: int) -> AggregatedTaskDetailsInfo:
    durations = [state_durations(subtask, now_ms) for subtask in subtasks]
    return AggregatedTaskDetailsInfo(
        metrics=aggregated_io_metrics(subtasks),
        status_duration={
            state: aggregate([duration[state] for duration in durations if duration[state] >= 0])
            for state in MEASURED_STATES
        },
    )


def _since_scheduled(subtask: SubtaskDetails, now_ms: int) -> int:
    scheduled = subtask.state_timestamps.get(ExecutionState.SCHEDULED.name, 0)
    if not scheduled:
        return -1
    ended = ExecutionState[subtask.state].is_terminal()
    return max(0, (subtask.state_timestamps.get(subtask.state, now_ms) if ended else now_ms) - scheduled)
