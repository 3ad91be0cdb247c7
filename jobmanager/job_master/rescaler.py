"""Lets a running job go on at another parallelism, from a checkpoint that is taken for that.

The graph in its new shape is kept for later leaders before any task is stopped: whoever leads goes on with the one or
the other, and there is a checkpoint that fits both. If anything fails the job runs on as it was: on the same tasks if
there was no checkpoint, else from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from millstream.common.clock import Clock
from millstream.common.errors import MillstreamError
from millstream.common.failure import FailureInfo
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import IdFactory
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.execution_graph import ExecutionGraph
from millstream.jobmanager.job_master.checkpoint_service import CheckpointService, failed_operation
from millstream.jobmanager.job_master.rescaling import RescalingError, rescaled, slots_needed
from millstream.jobmanager.job_master.resource_manager_connection import ResourceManagerConnection
from millstream.jobmanager.patience import patiently
from millstream.jobmanager.scheduler.events import RescaleRequested, SchedulerEvent
from millstream.jobmanager.scheduler.slot_pool import SlotPool

__all__ = ["Rescaler"]

logger = logging.getLogger(__name__)

_SHAPE_KEPT: Final = FaultPoint(
    "jobmaster.new-shape-kept", "a job's graph is kept at its new parallelism, its tasks run at the former one"
)


class Rescaler:
    """Rescales one job, once at a time.

    :param graph: of the job; read only.
    :param pool: the slots that the job has.
    :param tasks: whose end is the JobMaster's.
    :param handle: gives the scheduler an event, which :meth:`ended` answers.
    """

    def __init__(
        self,
        graph: ExecutionGraph,
        pool: SlotPool,
        clock: Clock,
        checkpoints: CheckpointService,
        resource_manager: ResourceManagerConnection,
        leadership: Leadership,
        tasks: BackgroundTasks,
        handle: Callable[[SchedulerEvent], None],
    ) -> None:
        self._graph = graph
        self._pool = pool
        self._clock = clock
        self._checkpoints = checkpoints
        self._resource_manager = resource_manager
        self._leadership = leadership
        self._tasks = tasks
        self._handle = handle
        self._under_way: asyncio.Future[FailureInfo | None] | None = None

    async def rescale(self, parallelism: int) -> pb.OperationStatus:
        """Let the job go on at another parallelism, and return what became of it."""
        if self._under_way is not None:
            return failed_operation(RescalingError(f"Job {self._graph.job_id} is being rescaled already."))
        self._under_way = asyncio.get_running_loop().create_future()
        try:
            job_graph = rescaled(self._graph.job_graph, parallelism)
            await self._check_slots(job_graph)
            taken = await self._checkpoints.checkpoint()
            if taken.HasField("failure"):
                return taken
            return await self._go_on_as(job_graph, taken, self._under_way)
        except MillstreamError as error:
            return failed_operation(error)
        finally:
            self._under_way = None

    def ended(self, failure: FailureInfo | None) -> None:
        """The scheduler has done what it was asked to do, or could not."""
        if self._under_way is not None and not self._under_way.done():
            self._under_way.set_result(failure)

    async def _go_on_as(
        self, job_graph: JobGraph, taken: pb.OperationStatus, done: asyncio.Future[FailureInfo | None]
    ) -> pb.OperationStatus:
        former = self._graph.job_graph
        self._check_state(job_graph)
        try:
            await self._in_term(lambda: self._leadership.job_graphs.put(job_graph))
            _SHAPE_KEPT.reach()
            self._check_state(job_graph)  # by now there may be a newer checkpoint
            self._handle(RescaleRequested(job_graph))
            failure = await done
        except MillstreamError as error:
            failure = failed_operation(error).failure
        if failure is not None and not self._graph.status.is_terminal():
            trouble = f"It cannot be kept that job {self._graph.job_id} runs at its former parallelism"
            await self._in_term(lambda: patiently(trouble, lambda: self._leadership.job_graphs.put(former)))
        taken.MergeFrom(pb.OperationStatus(failure=failure))
        return taken

    def _check_state(self, job_graph: JobGraph) -> None:
        self._checkpoints.check_rescaling(ExecutionGraph(job_graph, IdFactory(), 0, self._clock.now_ms()))

    async def _in_term(self, writing: Callable[[], Awaitable[None]]) -> None:
        """Write something for later leaders that must not be written any more when the JobMaster is closed.

        :raises MillstreamError: it was not, or nobody can tell.
        """
        failed: list[MillstreamError] = []

        async def write() -> None:
            try:
                await writing()
            except MillstreamError as error:
                failed.append(error)

        task = self._tasks.spawn(write(), "write for later leaders")
        await asyncio.wait({task})
        if task.cancelled():
            raise RescalingError(
                f"Job {self._graph.job_id} is {self._graph.status.name}: it cannot be rescaled any more."
            )
        if failed:
            raise failed[0]

    async def _check_slots(self, job_graph: JobGraph) -> None:
        """A job that cannot have its slots need not be stopped to find that out."""
        needed, held = slots_needed(job_graph), len(self._pool)
        if needed <= held:
            return
        try:
            free = (await self._resource_manager.overview()).slots_available
        except MillstreamError as error:
            logger.warning("Job %s cannot ask for the slots of the cluster: %s", self._graph.job_id, error)
            return
        if needed > held + free:
            raise RescalingError(
                f"Job {self._graph.job_name!r} needs {needed} slots for that, but it has {held} and the cluster "
                f"{free} free. Start more TaskManagers or raise taskmanager.numberOfTaskSlots."
            )
