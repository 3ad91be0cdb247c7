"""A JobVertex in execution: its subtasks."""

from __future__ import annotations

from millstream.common.ids import IdFactory, VertexId
from millstream.common.wire.graph_pb2 import JobVertex
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex
from millstream.jobmanager.execution_graph.execution_vertex_id import ExecutionVertexID
from millstream.jobmanager.execution_graph.task_states import TaskStates

__all__ = ["ExecutionJobVertex"]


class ExecutionJobVertex:
    """All parallel subtasks of one JobVertex.

    :ivar subtasks: one ExecutionVertex per subtask, by index.
    """

    __slots__ = ("id", "job_vertex", "subtasks")

    def __init__(
        self, job_vertex: JobVertex, ids: IdFactory, history_size: int, now_ms: int, states: TaskStates
    ) -> None:
        self.job_vertex = job_vertex
        self.id = VertexId(job_vertex.id)
        self.subtasks = [
            ExecutionVertex(
                ExecutionVertexID(self.id, index),
                f"{job_vertex.name} ({index + 1}/{job_vertex.parallelism})",
                ids.attempt_id(self.id, index, 0),
                history_size,
                now_ms,
                states,
            )
            for index in range(job_vertex.parallelism)
        ]

    @property
    def name(self) -> str:
        return self.job_vertex.name

    @property
    def parallelism(self) -> int:
        return self.job_vertex.parallelism

    @property
    def max_parallelism(self) -> int:
        return self.job_vertex.max_parallelism

    @property
    def slot_sharing_group(self) -> str:
        return self.job_vertex.slot_sharing_group or "default"
