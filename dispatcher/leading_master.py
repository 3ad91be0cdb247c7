"""One term of a master: a ResourceManager and a Dispatcher, with the JobMasters of all jobs, as long as it leads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService
from millstream.common.wire.cluster_pb2 import Empty
from millstream.common.wire.metrics_pb2 import MetricDump
from millstream.dispatcher.dispatcher import RESOURCE_MANAGER_ENDPOINT, Dispatcher
from millstream.dispatcher.job_keeper import JobKeeper
from millstream.dispatcher.job_manager_runner import JobMasterFactory
from millstream.dispatcher.process_metric_source import ProcessMetricSource
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.resource_manager import ResourceManager

__all__ = ["LeadingMaster"]

logger = logging.getLogger(__name__)

GRANTED: Final = FaultPoint(
    "dispatcher.leadership-granted", "a master was granted leadership and has taken up nothing of earlier leaders"
)


class LeadingMaster:
    """Everything that a cluster has one of, for one term. It is started once, and closed once, whatever it has come to.

    :param services: tell who leads; not owned.
    :param on_shutdown: called once, when the cluster was asked to shut down and its jobs have ended.
    :param process_metrics: of the process that it runs in; not owned.
    """

    def __init__(
        self,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        services: HighAvailabilityServices,
        leadership: Leadership,
        on_shutdown: Callable[[], None],
        job_master_factory: JobMasterFactory,
        process_metrics: ProcessMetricSource,
    ) -> None:
        self._rpc = rpc
        self._keeper = JobKeeper(leadership)
        self._resource_manager = ResourceManager(rpc, clock, configuration, ids)
        self._dispatcher = Dispatcher(
            rpc,
            clock,
            configuration,
            ids,
            services.leaders,
            leadership,
            on_shutdown,
            job_master_factory,
            services.default_checkpoint_directory,
            process_metrics=process_metrics,
        )
        self._tasks = BackgroundTasks("term of the master")
        self._starting: asyncio.Task[bool] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    @property
    def shutting_down(self) -> bool:
        """A client wants the cluster to end."""
        return self._dispatcher.shutting_down

    @property
    def is_over(self) -> bool:
        """The term has ended."""
        return self._over.is_set()

    def start(self) -> asyncio.Task[bool]:
        """Begin to serve. The task ends when this master serves, or, with False, finds that it may not any more; what
        it raises is a defect.
        """
        self._starting = self._tasks.spawn(self._start(), "start")
        return self._starting

    async def collect_metrics(self) -> MetricDump:
        """Return the metrics of the process, of the cluster, and of the running jobs."""
        return await self._dispatcher.request_metric_dump(Empty())

    async def wait_over(self) -> None:
        """Return when the term has ended."""
        await self._over.wait()

    def leave(self, reason: str) -> None:
        """The term is over: serve nothing any more, at once, and leave the jobs to the next leader.

        :meth:`close` must follow. May be called twice.
        """
        if self._over.is_set():
            return
        self._over.set()
        if self._starting is not None:
            self._starting.cancel()
        self._rpc.unregister(RESOURCE_MANAGER_ENDPOINT)
        self._dispatcher.leave(reason)

    def close(self) -> asyncio.Task[None]:
        """End all that goes on. Without :meth:`leave` before it the jobs are cancelled. May be called again, also while
        it is being done.

        :return: it raises JobMasterLeftOpenError if something goes on.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(), name="close the term of the master")
        return self._closing

    async def _start(self) -> bool:
        """The ResourceManager comes first: a job asks for slots as soon as it is taken."""
        GRANTED.reach()
        await self._resource_manager.start()
        self._tasks.spawn(self._publish_resource_manager(), "publish the ResourceManager")
        try:
            await self._dispatcher.start()
        except LeadershipLostError as error:
            logger.info("The term was over before the jobs were taken up: %s", error)
            return False
        return True

    async def _close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        try:
            if self._over.is_set():
                await self._dispatcher.left()
            else:
                await self._dispatcher.close()
                self._over.set()
        finally:
            await self._tasks.close()
            await self._resource_manager.close()

    async def _publish_resource_manager(self) -> None:
        leader = LeaderInformation(self._rpc.address, self._resource_manager.leader_session_id)
        try:
            await self._keeper.publish(RESOURCE_MANAGER_ENDPOINT, leader)
        except LeadershipLostError as error:
            logger.info("The ResourceManager is not made known: %s", error)
