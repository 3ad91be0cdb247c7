"""The failures that the scheduler itself words, and what it adds to others'."""

from __future__ import annotations

from millstream.common.failure import ENGINE, RESOURCES, TASK_MANAGER_LOST, FailureInfo, engine_failure
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex
from millstream.jobmanager.scheduler.events import ClusterResourcesReported
from millstream.jobmanager.scheduler.slot_sharing import SlotSharing

__all__ = [
    "located",
    "not_enough_slots",
    "not_rescalable",
    "stamped",
    "task_manager_lost",
    "unexpected_cancellation",
    "unexplained_failure",
]


def located(failure: FailureInfo, graph: ExecutionGraph, vertex: ExecutionVertex, now_ms: int) -> FailureInfo:
    """Return the failure with what is known of the failed task filled in where it says nothing itself."""
    result = FailureInfo()
    result.CopyFrom(failure)
    execution = vertex.current
    if not result.task_name:
        result.task_name = vertex.task_name
    if not result.vertex_id:
        result.vertex_id = vertex.id.vertex_id
        result.subtask_index = vertex.id.subtask_index
    if not result.parallelism:
        result.parallelism = graph.job_vertices[vertex.id.vertex_id].parallelism
    result.attempt_number = execution.attempt_number
    if not result.task_manager and execution.slot is not None:
        result.task_manager = str(execution.slot.task_manager)
    if execution.slot is not None:
        result.task_manager_id = execution.slot.task_manager.resource_id
        result.endpoint = f"{execution.slot.data_host}:{execution.slot.data_port}"
    if not result.timestamp_ms:
        result.timestamp_ms = now_ms
    return result


def stamped(failure: FailureInfo, now_ms: int) -> FailureInfo:
    """Return the failure with the time at which it became known."""
    result = FailureInfo()
    result.CopyFrom(failure)
    result.timestamp_ms = now_ms
    return result


def unexplained_failure() -> FailureInfo:
    """Return the failure of a task whose TaskManager did not say why it failed."""
    return engine_failure(ENGINE, "the task failed and its TaskManager did not say why; see the TaskManager's log")


def task_manager_lost(task_manager: str, reason: str, now_ms: int) -> FailureInfo:
    """Return the failure of all that ran on a TaskManager that is gone."""
    failure = engine_failure(TASK_MANAGER_LOST, f"TaskManager {task_manager} was lost: {reason}")
    failure.task_manager = task_manager
    failure.timestamp_ms = now_ms
    return failure


def unexpected_cancellation() -> FailureInfo:
    """Return the failure of a task that was cancelled though the JobMaster did not ask for it."""
    return engine_failure(ENGINE, "the task was cancelled by its TaskManager though the JobMaster had not asked for it")


def not_enough_slots(
    graph: ExecutionGraph,
    sharing: SlotSharing,
    held: int,
    cluster: ClusterResourcesReported | None,
    waited_ms: int,
    last_slot_failure: FailureInfo | None,
    now_ms: int,
) -> FailureInfo:
    """Return the failure of a job that waited for slots in vain: how many it needs, has, and what mends it."""
    text = (
        f"Job {graph.job_name!r} waited {waited_ms / 1000:g} s for slots (slot.request.timeout): it needs "
        f"{sharing.describe()} and has {held}. "
    )
    if cluster is None:
        text += "The ResourceManager did not answer (jobmanager.rpc.address, jobmanager.rpc.port). "
    else:
        text += (
            f"The cluster has {cluster.slots_registered} slot{_s(cluster.slots_registered)} registered by "
            f"{cluster.task_managers} TaskManager{_s(cluster.task_managers)}, {cluster.slots_free} of them free. "
        )
    text += "Raise taskmanager.numberOfTaskSlots, start more TaskManagers, or lower the job's parallelism (-p)."
    if last_slot_failure is not None:
        text += f"\nThe last slot that failed before the job could use it: {last_slot_failure.message}"
    failure = engine_failure(RESOURCES, text, exception_type="NoResourceAvailableError")
    failure.timestamp_ms = now_ms
    return failure


def not_rescalable(graph: ExecutionGraph, waiting: bool, now_ms: int) -> FailureInfo:
    """Return why the job does not change its parallelism: it does not simply run."""
    state = "waits for slots" if waiting else f"is {graph.status.name}"
    failure = engine_failure(
        ENGINE,
        f"Job {graph.job_name!r} ({graph.job_id}) cannot be rescaled: it {state}. Try again when all of its tasks run.",
        exception_type="RescalingError",
    )
    failure.timestamp_ms = now_ms
    return failure


def _s(count: int) -> str:
    return "" if count == 1 else "s"
