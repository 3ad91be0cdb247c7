"""Puts together what a completed checkpoint consists of, from the snapshots of its tasks."""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.checkpoint.engine_states import NEEDED_BY_NONE_BUT_THEIR_OWN
from millstream.common.checkpoint.state_paths import stored_bytes
from millstream.common.ids import VertexId
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, OperatorState, TaskSnapshot
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionJobVertex, ExecutionVertexID

__all__ = ["METADATA_VERSION", "build_metadata", "partly_finished_union"]

METADATA_VERSION = 1


def build_metadata(
    pending: PendingCheckpoint, graph: ExecutionGraph, lineage_id: str, software_version: str
) -> CheckpointMetadata:
    """Return the metadata of a checkpoint that all of its tasks have acknowledged, with absolute paths."""
    metadata = CheckpointMetadata(
        version=METADATA_VERSION,
        checkpoint_id=pending.id,
        kind=pending.options.kind,
        job_id=graph.job_id,
        job_name=graph.job_name,
        lineage_id=lineage_id,
        timestamp_ms=pending.options.trigger_timestamp_ms,
        software_version=software_version,
        format=pending.options.format,
    )
    snapshots = {pending.plan.tasks[attempt]: snapshot for attempt, snapshot in pending.snapshots.items()}
    finished = pending.finished_subtasks()
    for job_vertex in graph.job_vertices.values():
        subtasks = [subtask.id for subtask in job_vertex.subtasks]
        done = [subtask.subtask_index for subtask in subtasks if subtask in finished]
        own = {subtask.subtask_index: snapshots[subtask] for subtask in subtasks if subtask in snapshots}
        metadata.operators.extend(_operator_states(job_vertex, own, done))
        for snapshot in own.values():
            metadata.channels.extend(snapshot.channels)
    by_place = {stored.path or index: stored for index, stored in enumerate(stored_bytes(metadata))}
    metadata.state_size = sum(stored.size or len(stored.inline) for stored in by_place.values())
    return metadata


def _operator_states(
    job_vertex: ExecutionJobVertex, snapshots: dict[int, TaskSnapshot], done: list[int]
) -> Iterator[OperatorState]:
    for operator in job_vertex.job_vertex.operators:
        state = OperatorState(
            operator_id=operator.operator_id,
            uid=operator.uid,
            name=operator.name,
            parallelism=job_vertex.parallelism,
            max_parallelism=job_vertex.max_parallelism,
            finished=len(done) == job_vertex.parallelism,
        )
        if not state.finished:
            state.finished_subtasks.extend(done)
        for index, snapshot in snapshots.items():
            own = snapshot.operators.get(operator.operator_id)
            if own is not None and (own.keyed or own.operator):
                state.subtasks[index].CopyFrom(own)
        yield state


def partly_finished_union(pending: PendingCheckpoint, graph: ExecutionGraph) -> str:
    """Return what forbids this checkpoint, for people; empty: nothing does.

    Each subtask of an operator with union list state needs the items of all others, but those of subtasks that have
    finished are in no snapshot any more.
    """
    finished = pending.finished_subtasks()
    lists: dict[tuple[VertexId, str, str], set[ExecutionVertexID]] = {}
    for attempt, snapshot in pending.snapshots.items():
        subtask = pending.plan.tasks[attempt]
        for operator_id, state in snapshot.operators.items():
            for handle in state.operator:
                if handle.mode == "UNION" and handle.name not in NEEDED_BY_NONE_BUT_THEIR_OWN:
                    lists.setdefault((subtask.vertex_id, operator_id, handle.name), set()).add(subtask)
    for (vertex_id, operator_id, name), subtasks in lists.items():
        absent = {subtask for subtask in finished - subtasks if subtask.vertex_id == vertex_id}
        if absent:
            names = ", ".join(graph.vertex(subtask).task_name for subtask in sorted(absent))
            return (
                f"operator {_operator_name(graph, vertex_id, operator_id)!r} keeps the union list state {name!r} and "
                f"some of its subtasks have finished ({names}): their items would be lost. Use list state that is "
                "split, or let all of its subtasks finish together"
            )
    return ""


def _operator_name(graph: ExecutionGraph, vertex_id: VertexId, operator_id: str) -> str:
    operators = graph.job_vertices[vertex_id].job_vertex.operators
    return next((operator.name for operator in operators if operator.operator_id == operator_id), operator_id)
