"""Deletes what the JobMaster of a job would have deleted that ended under a leader which died before it came to that.

It is the very coordinator that does it: it recovers the checkpoints as if the job were to go on from them, and is told
then that the job has ended and that its result is kept.
"""

from __future__ import annotations

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.failure import FailureInfo
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import AttemptId, IdFactory, ResourceId
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.execution_graph import ExecutionGraph
from millstream.jobmanager.job_master.checkpoint_service import CheckpointService

__all__ = ["delete_left_checkpoints"]

_GOODBYE_SECONDS = 1.0


async def delete_left_checkpoints(
    graph: JobGraph,
    status: JobStatus,
    clock: Clock,
    configuration: Configuration,
    ids: IdFactory,
    leadership: Leadership,
) -> None:
    """Delete all checkpoints of a job that its settings do not retain. A storage that does not answer is waited for.

    :param status: what the job ended with, which is kept: no leader goes on from its checkpoints.
    :param configuration: of the cluster; the job's own settings lie over it.
    :raises LeadershipLostError: it is the next leader's to do.
    :raises MillstreamError: it cannot be done.
    """
    settings = Configuration(configuration).add_all(Configuration.from_map(dict(graph.configuration)))
    execution_graph = ExecutionGraph(graph, ids, 0, clock.now_ms())
    service = CheckpointService(execution_graph, _EndedJob(), clock, settings, ids, leadership)
    try:
        await service.end_as(status)
    finally:
        await service.close(_GOODBYE_SECONDS)


class _EndedJob:
    """Implements CheckpointedJob: there is nobody left whom anything could be told."""

    def trigger_tasks(
        self,
        resource_id: ResourceId,
        attempt_ids: tuple[AttemptId, ...],
        checkpoint_id: int,
        options: CheckpointOptions,
    ) -> None: ...

    def notify_tasks(
        self, resource_id: ResourceId, attempt_ids: tuple[AttemptId, ...], checkpoint_id: int, completed: bool
    ) -> None: ...

    def fail_job(self, failure: FailureInfo) -> None: ...

    def cancel_job(self) -> None: ...

    def restore_decided(self) -> None: ...
