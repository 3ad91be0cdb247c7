"""The checkpoint coordinator of one job: a pure state machine beside the scheduler's.

Events come in through :meth:`CheckpointCoordinator.handle`, actions go out; there is no I/O, clock or randomness here.
"""

from __future__ import annotations

from millstream.common.wire.checkpoint_pb2 import JobCheckpoints, TaskRestore
from millstream.jobmanager.checkpoint.actions import CheckpointAction
from millstream.jobmanager.checkpoint.events import CheckpointEvent
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID

__all__ = ["CheckpointCoordinator"]


class CheckpointCoordinator:
    """Takes a job's checkpoints and savepoints.

    :param graph: read only, but for what ``CheckpointRestored`` says of the max parallelism.
    """

    def __init__(self, graph: ExecutionGraph, settings: CheckpointSettings, software_version: str) -> None:
        self._graph = graph
        self._settings = settings
        self._software_version = software_version

    def handle(self, event: CheckpointEvent, now_ms: int) -> list[CheckpointAction]:
        """Take an event and return what is to be done about it, in order.

        :param now_ms: the time of day.
        :raises StateRecoveryError: the job cannot begin from the snapshot of a ``CheckpointRestored``. Nothing else
            raises.
        """
        raise NotImplementedError(event)

    def restore_of(self, vertex_id: ExecutionVertexID) -> TaskRestore | None:
        """Return the state that a subtask begins with when it is deployed now; ``None``: it begins anew."""
        raise NotImplementedError(vertex_id)

    def statistics(self) -> JobCheckpoints:
        """Return what is known of the job's checkpoints."""
        raise NotImplementedError
