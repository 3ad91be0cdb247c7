"""Lets a running job go on at another parallelism, from a checkpoint that is taken for that.

The graph in its new shape is kept for later leaders before any task is stopped: whoever leads goes on with the one or
the other, and there is a checkpoint that fits both. If anything fails the job runs on as it was: on the same tasks if
there was no checkpoint, else from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from millstream.common.clock import Clock
from millstream.common.errors import MillstreamError
from millstream.common.failure import FailureInfo, first_line
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import IdFactory
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.cluster_pb2 import VertexParallelism
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.execution_graph import ExecutionGraph
from millstream.jobmanager.job_master.checkpoint_service import CheckpointService, failed_operation
from millstream.jobmanager.job_master.rescaling import RescalingError, rescaled, slots_needed
from millstream.jobmanager.job_master.resource_manager_connection import ResourceManagerConnection
from millstream.jobmanager.job_master.resource_requirements import check_requirements, fitted, set_bounds
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
        try:
            with self._one_at_a_time() as done:
                job_graph = rescaled(self._graph.job_graph, parallelism)
                await self._check_slots(job_graph)
                return await self._rescale(job_graph, done)
        except MillstreamError as error:
            return failed_operation(error)

    async def require(self, bounds: Mapping[str, VertexParallelism]) -> None:
        """Give the vertices other bounds of their parallelism, which hold from when this returns, and begin to let the
        job go on at the parallelisms that it gets then. What fails after that is logged.

        :param bounds: by vertex id.
        :raises RescalingError: the job cannot have these bounds now.
        :raises MillstreamError: they could not be kept for later leaders.
        """
        with self._one_at_a_time():
            if self._graph.status is not JobStatus.RUNNING:
                raise RescalingError(
                    f"Job {self._graph.job_name!r} ({self._graph.job_id}) is {self._graph.status.name}: its "
                    "parallelism cannot be changed. Try again when it runs."
                )
            check_requirements(self._graph.job_graph, bounds)
            job_graph = fitted(self._graph.job_graph, bounds, len(self._pool) + await self._free_slots())
            changes = _parallelisms(job_graph) != _parallelisms(self._graph.job_graph)
            if not changes:
                await self._in_term(lambda: self._leadership.job_graphs.put(job_graph))
            set_bounds(self._graph.job_graph, bounds)
        if changes:
            self._tasks.spawn(self._fit(job_graph), "fit to other bounds of parallelism")

    async def _fit(self, job_graph: JobGraph) -> None:
        try:
            with self._one_at_a_time() as done:
                status = await self._rescale(job_graph, done)
        except MillstreamError as error:
            status = failed_operation(error)
        if status.HasField("failure"):
            logger.warning(
                "Job %s runs on at its former parallelisms, though other bounds were asked for: %s",
                self._graph.job_id,
                first_line(status.failure),
            )

    @contextmanager
    def _one_at_a_time(self) -> Iterator[asyncio.Future[FailureInfo | None]]:
        """Gives what :meth:`ended` is told."""
        if self._under_way is not None:
            raise RescalingError(f"Job {self._graph.job_id} is being rescaled already.")
        self._under_way = asyncio.get_running_loop().create_future()
        try:
            yield self._under_way
        finally:
            self._under_way = None

    async def _rescale(self, job_graph: JobGraph, done: asyncio.Future[FailureInfo | None]) -> pb.OperationStatus:
        taken = await self._checkpoints.checkpoint()
        return taken if taken.HasField("failure") else await self._go_on_as(job_graph, taken, done)

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
            self._no_overview(error)
            return
        if needed > held + free:
            raise RescalingError(
                f"Job {self._graph.job_name!r} needs {needed} slots for that, but it has {held} and the cluster "
                f"{free} free. Start more TaskManagers or raise taskmanager.numberOfTaskSlots."
            )

    async def _free_slots(self) -> int:
        """How many slots of the cluster nobody has; 0 if the ResourceManager does not answer."""
        try:
            return (await self._resource_manager.overview()).slots_available
        except MillstreamError as error:
            self._no_overview(error)
            return 0

    def _no_overview(self, error: MillstreamError) -> None:
        logger.warning("Job %s cannot ask for the slots of the cluster: %s", self._graph.job_id, error)


def _parallelisms(graph: JobGraph) -> list[int]:
    return [vertex.parallelism for vertex in graph.vertices]
