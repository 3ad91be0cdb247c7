"""What each subtask begins with: worked out once for each checkpoint and shape of the job."""

from __future__ import annotations

from millstream.common.checkpoint.state_paths import with_absolute_paths
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, TaskRestore
from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint
from millstream.jobmanager.checkpoint.snapshot_matching import SnapshotOrigin, pin_max_parallelism
from millstream.jobmanager.checkpoint.state_assignment import assign_state
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID

__all__ = ["StateAssignments", "completed_checkpoint"]


class StateAssignments:
    """Distributes the state of checkpoints over one job's subtasks.

    :param allow_unclaimed: there may be state that none of the job's operators takes.
    """

    __slots__ = ("_allow_unclaimed", "_graph", "_known")

    def __init__(self, graph: ExecutionGraph, allow_unclaimed: bool) -> None:
        self._graph = graph
        self._allow_unclaimed = allow_unclaimed
        self._known: tuple[object, dict[ExecutionVertexID, TaskRestore]] | None = None

    def begin_from(self, checkpoint: CompletedCheckpoint) -> None:
        """The job begins from this checkpoint, which gives some of its vertices their max parallelism.

        :raises StateRecoveryError: it cannot.
        """
        pin_max_parallelism(checkpoint.metadata, self._graph, _origin(checkpoint))
        self._assign(checkpoint)

    def restore_of(self, vertex_id: ExecutionVertexID, checkpoint: CompletedCheckpoint) -> TaskRestore:
        """Return the part of a checkpoint that a subtask begins with.

        :raises StateRecoveryError: the job was given parallelisms that its state does not allow.
        """
        shape = (checkpoint.id, *(job_vertex.parallelism for job_vertex in self._graph.job_vertices.values()))
        if self._known is None or self._known[0] != shape:
            self._known = (shape, self._assign(checkpoint))
        return self._known[1][vertex_id]

    def clear(self) -> None:
        """No task is deployed any more."""
        self._known = None

    def _assign(self, checkpoint: CompletedCheckpoint) -> dict[ExecutionVertexID, TaskRestore]:
        return assign_state(checkpoint.metadata, self._graph, _origin(checkpoint), self._allow_unclaimed)


def completed_checkpoint(metadata: CheckpointMetadata, directory: str, owned: bool) -> CompletedCheckpoint:
    """Return a checkpoint that was read.

    :param metadata: paths that are relative mean what they mean in the directory.
    :raises BrokenSnapshotError: it refers to files where no snapshot has any.
    """
    return CompletedCheckpoint(with_absolute_paths(metadata, directory), directory.rstrip("/"), owned)


def _origin(checkpoint: CompletedCheckpoint) -> SnapshotOrigin:
    return SnapshotOrigin(checkpoint.metadata.kind, checkpoint.id, checkpoint.directory)
