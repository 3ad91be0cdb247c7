"""Whether a job can begin from a snapshot: which state belongs to which of its operators, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from millstream.common.errors import MillstreamError
from millstream.common.ids import VertexId
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, OperatorState
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionJobVertex

__all__ = [
    "SnapshotOrigin",
    "StateRecoveryError",
    "check_finished",
    "check_max_parallelism",
    "check_unclaimed",
    "is_finished",
    "operator_states",
    "pin_max_parallelism",
]


class StateRecoveryError(MillstreamError):
    """A job cannot begin from a snapshot; the message names the operator and the mend."""


@dataclass(frozen=True, slots=True)
class SnapshotOrigin:
    """Which snapshot it is, for messages."""

    kind: str
    checkpoint_id: int
    directory: str

    def __str__(self) -> str:
        kind = "checkpoint" if self.kind == "CHECKPOINT" else "savepoint"
        return f"{kind} {self.checkpoint_id}" + (f" in {self.directory}" if self.directory else "")


def operator_states(metadata: CheckpointMetadata, job_vertex: ExecutionJobVertex) -> list[OperatorState]:
    """Return the snapshot's states of a vertex's operators, in the order of the chain."""
    by_id = {state.operator_id: state for state in metadata.operators}
    return [
        by_id[operator.operator_id] for operator in job_vertex.job_vertex.operators if operator.operator_id in by_id
    ]


def check_unclaimed(
    metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin, allow_unclaimed: bool
) -> None:
    """Raise :class:`StateRecoveryError` if there is state that no operator of the job takes."""
    known = {
        operator.operator_id
        for job_vertex in graph.job_vertices.values()
        for operator in job_vertex.job_vertex.operators
    }
    unclaimed = [state for state in metadata.operators if state.subtasks and state.operator_id not in known]
    if unclaimed and not allow_unclaimed:
        names = "; ".join(map(_describe, unclaimed))
        raise StateRecoveryError(
            f"job {graph.job_name!r} cannot begin from {origin}: it holds state that no operator of the job takes: "
            f"{names}. Give the operators the uids that they had, or drop that state with --allowNonRestoredState "
            "(execution.state-recovery.ignore-unclaimed-state: true)"
        )


def _describe(state: OperatorState) -> str:
    uid = f"uid {state.uid!r}" if state.uid else "no uid, so that its id came from its place in the graph"
    return f"operator {state.name!r} ({uid}; id {state.operator_id})"


def pin_max_parallelism(metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin) -> None:
    """Give each vertex with keyed state in the snapshot the max parallelism that the state was written with: the key
    groups of its keys depend on it. A max parallelism that the program has set is left alone.

    :raises StateRecoveryError: operators of one chain were written with different ones.
    """
    for job_vertex in graph.job_vertices.values():
        keyed = [state for state in operator_states(metadata, job_vertex) if _has_keyed_state(state)]
        if not keyed or job_vertex.job_vertex.max_parallelism_set:
            continue
        other = next((state for state in keyed if state.max_parallelism != keyed[0].max_parallelism), None)
        if other is not None:
            raise StateRecoveryError(
                f"job {graph.job_name!r} cannot begin from {origin}: operators {keyed[0].name!r} and {other.name!r} "
                f"were written with the max parallelisms {keyed[0].max_parallelism} and {other.max_parallelism}, and "
                f"are chained now (vertex {job_vertex.name!r}). Separate them with start_new_chain()"
            )
        job_vertex.job_vertex.max_parallelism = keyed[0].max_parallelism


def check_max_parallelism(metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin) -> None:
    """Raise :class:`StateRecoveryError` if keyed state was written for other key groups than the job has, or if there
    are fewer of them than subtasks.
    """
    for job_vertex in graph.job_vertices.values():
        for state in operator_states(metadata, job_vertex):
            if not _has_keyed_state(state):
                continue
            what = f"job {graph.job_name!r} cannot begin from {origin}: operator {state.name!r}"
            if job_vertex.parallelism > state.max_parallelism:
                raise StateRecoveryError(
                    f"{what} has parallelism {job_vertex.parallelism}, but its state was written with max parallelism "
                    f"{state.max_parallelism}, and no more subtasks can share it. Lower the parallelism to at most "
                    f"{state.max_parallelism}"
                )
            if job_vertex.max_parallelism != state.max_parallelism:
                raise StateRecoveryError(
                    f"{what} has max parallelism {job_vertex.max_parallelism}, but its state was written with "
                    f"{state.max_parallelism}. Set it to {state.max_parallelism} with set_max_parallelism(), or do "
                    "not set it: then it is taken from the snapshot"
                )


def _has_keyed_state(state: OperatorState) -> bool:
    return any(subtask.keyed for subtask in state.subtasks.values())


def is_finished(states: Sequence[OperatorState], job_vertex: ExecutionJobVertex) -> bool:
    """Whether all that the vertex had to do was done when the snapshot was taken."""
    return len(states) == len(job_vertex.job_vertex.operators) and all(state.finished for state in states)


def check_finished(metadata: CheckpointMetadata, graph: ExecutionGraph, origin: SnapshotOrigin) -> None:
    """Raise :class:`StateRecoveryError` if an operator that has finished would have to run again."""
    finished: dict[VertexId, bool] = {}
    for job_vertex in graph.job_vertices.values():
        states = operator_states(metadata, job_vertex)
        finished[job_vertex.id] = is_finished(states, job_vertex)
        done = next((state for state in states if state.finished), None)
        if done is None:
            continue
        begin = (
            f"job {graph.job_name!r} cannot begin from {origin}: operator {done.name!r} had finished in it, but now "
        )
        if not finished[job_vertex.id]:
            names = {operator.operator_id: operator.name for operator in job_vertex.job_vertex.operators}
            active = next(
                name
                for operator_id, name in names.items()
                if not any(state.operator_id == operator_id and state.finished for state in states)
            )
            raise StateRecoveryError(
                f"{begin}it is chained with {active!r}, which had not. Separate them with disable_chaining(), or begin "
                "from a snapshot that was taken earlier"
            )
        for edge in graph.inputs[job_vertex.id]:
            if not finished[VertexId(edge.source_vertex)]:
                producer = graph.job_vertices[VertexId(edge.source_vertex)].name
                raise StateRecoveryError(
                    f"{begin}it reads from {producer!r}, which had not. Begin from a snapshot that was taken earlier"
                )
