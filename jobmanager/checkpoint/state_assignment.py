"""Divides a completed checkpoint among the subtasks that begin from it, perhaps at other parallelisms.

State belongs to operators, by their ids; where an operator is chained makes no difference. Only handles move in here,
no bytes: a subtask is given every handle that holds some of its key groups, and reads from it what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from millstream.common.ids import VertexId
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import (
    ChannelStateHandle,
    CheckpointMetadata,
    KeyedStateHandle,
    OperatorState,
    TaskRestore,
)
from millstream.common.wire.graph_pb2 import JobEdge
from millstream.jobmanager.checkpoint.operator_state_distribution import distribute_operator_state
from millstream.jobmanager.checkpoint.snapshot_matching import (
    SnapshotOrigin,
    StateRecoveryError,
    check_finished,
    check_max_parallelism,
    check_unclaimed,
    is_finished,
    operator_states,
)
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionJobVertex, ExecutionVertexID

__all__ = ["assign_channels", "assign_state"]


def assign_state(
    metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin, allow_unclaimed: bool
) -> dict[ExecutionVertexID, TaskRestore]:
    """Return what each subtask of the job begins with.

    :param metadata: with absolute paths.
    :param origin: where it comes from, for messages.
    :param allow_unclaimed: state of operators that the job does not have is dropped; else it is refused.
    :raises StateRecoveryError: the job cannot begin from it.
    """
    check_unclaimed(metadata, graph, origin, allow_unclaimed)
    check_max_parallelism(metadata, graph, origin)
    check_finished(metadata, graph, origin)
    lineage_id = metadata.lineage_id or metadata.job_id
    restores = {
        vertex.id: TaskRestore(checkpoint_id=metadata.checkpoint_id, lineage_id=lineage_id)
        for vertex in graph.vertices()
    }
    same_subtasks = _has_same_subtasks(metadata, graph)
    for job_vertex in graph.job_vertices.values():
        states = operator_states(metadata, job_vertex)
        for state in states:
            _assign_operator(state, job_vertex, restores)
        finished = is_finished(states, job_vertex)
        done = {index for state in states for index in state.finished_subtasks} if same_subtasks else set()
        for subtask in job_vertex.subtasks:
            restores[subtask.id].finished = finished or subtask.id.subtask_index in done
    for subtask_id, channels in assign_channels(metadata, graph, origin).items():
        restores[subtask_id].channels.extend(channels)
    return restores


def _has_same_subtasks(metadata: CheckpointMetadata, graph: ExecutionGraph) -> bool:
    """Whether each subtask of the snapshot goes on as the same subtask, with the same producers and consumers.

    Only then a subtask that had finished, while others of its operator had not, has nothing to do.
    """
    if metadata.job_id != graph.job_id:
        return False
    parallelism = {state.operator_id: state.parallelism for state in metadata.operators}
    return all(
        parallelism.get(operator.operator_id) == job_vertex.parallelism
        for job_vertex in graph.job_vertices.values()
        for operator in job_vertex.job_vertex.operators
    )


def _assign_operator(
    state: OperatorState, job_vertex: ExecutionJobVertex, restores: Mapping[ExecutionVertexID, TaskRestore]
) -> None:
    keyed = [handle for index in sorted(state.subtasks) for handle in state.subtasks[index].keyed]
    operator = distribute_operator_state(state, job_vertex.parallelism)
    for subtask in job_vertex.subtasks:
        own_keyed = _overlapping(keyed, job_vertex, subtask.id.subtask_index) if keyed else []
        own_operator = operator[subtask.id.subtask_index]
        if own_keyed or own_operator:
            target = restores[subtask.id].operators[state.operator_id]
            target.keyed.extend(own_keyed)
            target.operator.extend(own_operator)


def _overlapping(
    handles: Sequence[KeyedStateHandle], job_vertex: ExecutionJobVertex, subtask_index: int
) -> list[KeyedStateHandle]:
    own = KeyGroupRange.of_subtask(job_vertex.max_parallelism, job_vertex.parallelism, subtask_index)
    return [
        handle
        for handle in handles
        if len(own.intersection(KeyGroupRange(handle.first_key_group, handle.last_key_group)))
    ]


def assign_channels(
    metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin
) -> dict[ExecutionVertexID, list[ChannelStateHandle]]:
    """Return the elements under way that each subtask is given: always the consumers, also of what was still queued
    at the producer.

    If the consumer has another parallelism now, what was on its way to an old subtask goes to a new one that has the
    same index, or begins anew from 0; over a HASH edge to all that own some of the old one's key groups now, over a
    CUSTOM edge to all: each of them takes the records that are its own now, and drops the others; over a
    BROADCAST edge each new subtask gets what was on its way to one of the old ones.

    Handles say whether the channels may be others now: if any parallelism, or the job itself, has changed.

    :raises StateRecoveryError: the job does not have an edge that elements were under way on.
    """
    edges = {edge.edge_id: edge for inputs in graph.inputs.values() for edge in inputs}
    parallelism = {state.operator_id: state.parallelism for state in metadata.operators}
    rescaled = not _has_same_subtasks(metadata, graph)
    result: dict[ExecutionVertexID, list[ChannelStateHandle]] = {}
    for handle in metadata.channels:
        edge = edges.get(handle.edge_id)
        if edge is None:
            raise StateRecoveryError(
                f"{origin} holds records that were under way on the edge {handle.edge_id}, which job "
                f"{graph.job_name!r} does not have: its graph has changed. An unaligned checkpoint can only be "
                "restored by the same program; take a savepoint for a changed one"
            )
        target = graph.job_vertices[VertexId(edge.target_vertex)]
        old = parallelism.get(target.job_vertex.operators[0].operator_id, target.parallelism)
        for consumer in _new_consumers(edge, target, old, handle.consumer_subtask):
            own = ChannelStateHandle()
            own.CopyFrom(handle)
            own.rescaled = rescaled
            result.setdefault(ExecutionVertexID(target.id, consumer), []).append(own)
    return result


def _new_consumers(edge: JobEdge, target: ExecutionJobVertex, old: int, consumer: int) -> list[int]:
    if old == target.parallelism:
        return [consumer]
    if edge.partitioner.kind == "BROADCAST":
        return [index for index in range(target.parallelism) if index % old == consumer]
    if edge.partitioner.kind == "CUSTOM":
        return list(range(target.parallelism))
    if edge.partitioner.kind != "HASH":
        return [consumer % target.parallelism]
    before = KeyGroupRange.of_subtask(target.max_parallelism, old, consumer)
    return [
        index
        for index in range(target.parallelism)
        if len(KeyGroupRange.of_subtask(target.max_parallelism, target.parallelism, index).intersection(before))
    ]
