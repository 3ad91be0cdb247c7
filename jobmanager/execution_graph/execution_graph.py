"""The ExecutionGraph: a JobGraph unrolled into subtasks and their attempts, and the state of the job as a whole.

It knows what there is and checks each transition; it decides nothing. The scheduler is the only one to change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from millstream.common.errors import InvalidProgramError
from millstream.common.failure import FailureInfo
from millstream.common.ids import AttemptId, IdFactory, JobID, VertexId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.graph_pb2 import JobEdge, JobGraph
from millstream.jobmanager.execution_graph.distribution_pattern import EdgeWiring, pattern_of
from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.execution_graph.execution_job_vertex import ExecutionJobVertex
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex
from millstream.jobmanager.execution_graph.execution_vertex_id import ExecutionVertexID
from millstream.jobmanager.execution_graph.state_transitions import check_job_transition
from millstream.jobmanager.execution_graph.status_times import StatusTimes
from millstream.jobmanager.execution_graph.task_states import TaskStates

__all__ = ["ExecutionGraph"]


class ExecutionGraph:
    """One job in execution.

    :param ids: gives the attempts their ids.
    :param history_size: earlier attempts kept per subtask.
    :raises InvalidProgramError: the JobGraph contradicts itself.

    :ivar job_vertices: by id, in topological order.
    :ivar times: when the job was in which status.
    :ivar task_states: how many subtasks are in which state.
    :ivar failure: why the job fails or failed for good.
    :ivar restarts: how often tasks were started anew after a failure.
    """

    def __init__(self, job_graph: JobGraph, ids: IdFactory, history_size: int, now_ms: int) -> None:
        self.job_graph = job_graph
        self.job_id = JobID(job_graph.job_id)
        self.job_name = job_graph.name
        self._ids = ids
        self.status = JobStatus.INITIALIZING
        self.times = StatusTimes(JobStatus.INITIALIZING, now_ms)
        self.task_states = TaskStates()
        self.failure: FailureInfo | None = None
        self.restarts = 0
        self._history_size = history_size
        self._unroll(job_graph, now_ms)
        self.transition(JobStatus.CREATED, now_ms)

    def _unroll(self, job_graph: JobGraph, now_ms: int) -> None:
        self.job_vertices: dict[VertexId, ExecutionJobVertex] = {}
        for vertex in job_graph.vertices:
            if vertex.id in self.job_vertices:
                raise InvalidProgramError(f"job {job_graph.name!r} has two vertices with the id {vertex.id}")
            if vertex.parallelism < 1:
                raise InvalidProgramError(
                    f"vertex {vertex.name!r} of job {job_graph.name!r} has parallelism {vertex.parallelism}; "
                    "at least 1 is needed"
                )
            self.job_vertices[VertexId(vertex.id)] = ExecutionJobVertex(
                vertex, self._ids, self._history_size, now_ms, self.task_states
            )
        if not self.job_vertices:
            raise InvalidProgramError(f"job {job_graph.name!r} has no vertices: there is nothing to run")
        self._wiring: dict[str, EdgeWiring] = {}
        self.inputs: Mapping[VertexId, list[JobEdge]] = {vertex: [] for vertex in self.job_vertices}
        self.outputs: Mapping[VertexId, list[JobEdge]] = {vertex: [] for vertex in self.job_vertices}
        for edge in job_graph.edges:
            self._add_edge(edge)
        self._attempts: dict[AttemptId, ExecutionVertex] = {
            vertex.current.attempt_id: vertex for vertex in self.vertices()
        }

    def rescale(self, job_graph: JobGraph, now_ms: int) -> None:
        """Unroll the job anew, at other parallelisms; every subtask begins again with new attempts.

        :param job_graph: the same job; only parallelisms differ.
        :raises InvalidProgramError: it contradicts itself.
        :raises ValueError: a task may still be alive.
        """
        alive = [vertex.task_name for vertex in self.vertices() if vertex.current.is_deployed()]
        if alive:
            raise ValueError(f"job {self.job_name!r} cannot be rescaled while {', '.join(alive)} may be alive")
        for vertex in self.vertices():
            vertex.current.replaced(now_ms)
        self._unroll(job_graph, now_ms)
        self.job_graph = job_graph

    def _add_edge(self, edge: JobEdge) -> None:
        source, target = VertexId(edge.source_vertex), VertexId(edge.target_vertex)
        for end in (source, target):
            if end not in self.job_vertices:
                raise InvalidProgramError(
                    f"edge {edge.edge_id} of job {self.job_name!r} names the unknown vertex {end}"
                )
        if edge.edge_id in self._wiring:
            raise InvalidProgramError(f"job {self.job_name!r} has two edges with the id {edge.edge_id}")
        self._wiring[edge.edge_id] = EdgeWiring(
            pattern_of(edge.partitioner.kind),
            self.job_vertices[source].parallelism,
            self.job_vertices[target].parallelism,
        )
        self.inputs[target].append(edge)
        self.outputs[source].append(edge)

    def vertices(self) -> Iterator[ExecutionVertex]:
        """All subtasks, in topological order of their vertices."""
        for job_vertex in self.job_vertices.values():
            yield from job_vertex.subtasks

    def vertex(self, vertex_id: ExecutionVertexID) -> ExecutionVertex:
        """Return a subtask. Raises :class:`KeyError` or :class:`IndexError` if there is none such."""
        return self.job_vertices[vertex_id.vertex_id].subtasks[vertex_id.subtask_index]

    def vertex_of_attempt(self, attempt_id: str) -> ExecutionVertex | None:
        """Return the subtask whose *current* attempt this is; ``None`` for an old or foreign one."""
        return self._attempts.get(AttemptId(attempt_id))

    def wiring(self, edge_id: str) -> EdgeWiring:
        """Return the channels of an edge."""
        return self._wiring[edge_id]

    def transition(self, status: JobStatus, now_ms: int) -> None:
        """Put the job into ``status``.

        :raises IllegalTransitionError: it may not follow the present one.
        """
        check_job_transition(self.job_name, self.status, status)
        self.status = status
        self.times.entered(status, now_ms)

    def reset_vertex(self, vertex_id: ExecutionVertexID, now_ms: int) -> Execution:
        """Begin a new attempt of a subtask whose last one has ended, and return it."""
        vertex = self.vertex(vertex_id)
        old = vertex.current
        attempt_id = self._ids.attempt_id(vertex_id.vertex_id, vertex_id.subtask_index, old.attempt_number + 1)
        vertex.reset_for_new_execution(attempt_id, now_ms)
        del self._attempts[old.attempt_id]
        self._attempts[attempt_id] = vertex
        return vertex.current

    def all_terminal(self) -> bool:
        """Every subtask's current attempt has ended."""
        return all(vertex.state.is_terminal() for vertex in self.vertices())

    def all_finished(self) -> bool:
        """Every subtask has done its work."""
        return all(vertex.state is ExecutionState.FINISHED for vertex in self.vertices())
