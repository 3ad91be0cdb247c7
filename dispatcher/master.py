"""A master: contends for the leadership, and serves as long as it has it.

A master that does not lead is a standby: it serves no endpoint of a cluster, and tells who asks for one who leads.
When it is granted leadership it becomes a :class:`~millstream.dispatcher.leading_master.LeadingMaster` for that term.
Terms of one process never overlap: the next one begins when everything of the last one has ended, and a master whose
term does not end fails, because two leaders in one process would be two leaders of one cluster.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.config import ClusterOptions, Configuration
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService
from millstream.common.wire.metrics_pb2 import MetricDump
from millstream.dispatcher.dispatched_jobs import JobMasterLeftOpenError
from millstream.dispatcher.dispatcher import DISPATCHER_ENDPOINT, RESOURCE_MANAGER_ENDPOINT
from millstream.dispatcher.job_manager_runner import JobMasterFactory, create_job_master
from millstream.dispatcher.leading_master import LeadingMaster
from millstream.dispatcher.process_metric_source import ProcessMetricSource

__all__ = ["Master", "MasterFailedError"]

logger = logging.getLogger(__name__)


class MasterFailedError(MillstreamError):
    """The master can neither lead nor stand by any more: its process must end."""


class Master:
    """One candidate for the leadership of a cluster (LeaderContender).

    :param rpc: a started service; the caller closes it after the master.
    :param services: started; the caller closes them after the master and before ``rpc``.
    :param job_master_factory: makes the JobMaster of a job; the real one if not given.
    """

    def __init__(
        self,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        services: HighAvailabilityServices,
        job_master_factory: JobMasterFactory = create_job_master,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._configuration = configuration
        self._ids = ids
        self._services = services
        self._job_master_factory = job_master_factory
        self._process_metrics = ProcessMetricSource(configuration)
        self._close_seconds = configuration.get(ClusterOptions.SHUTDOWN_TIMEOUT).total_seconds()
        self._term: LeadingMaster | None = None  # the last one that was granted
        self._unclosed: list[LeadingMaster] = []
        self._offered: asyncio.Queue[LeadingMaster] = asyncio.Queue()
        self._serving: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._first_served: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._leader: LeaderInformation | None = None
        self._end_watch: Callable[[], None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Begin to contend. If nobody else could lead instead, this returns when this master serves.

        :raises MasterFailedError: it does not come up.
        """
        self._rpc.explain_missing(self._why_missing)
        self._end_watch = self._services.leaders.watch(DISPATCHER_ENDPOINT, self._other_leader)
        self._serving = asyncio.get_running_loop().create_task(self._serve(), name="terms of the master")
        self._services.contend(self)
        if not self._services.survives_its_leader:
            await asyncio.wait({self._first_served, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                self._ended.result()

    async def wait_shutdown(self) -> None:
        """Return when a client had the cluster shut down and all jobs have ended.

        :raises MasterFailedError: the process must end, without closing the master.
        """
        await asyncio.wait({self._ended})
        self._ended.result()

    async def close(self) -> None:
        """End the present term, within ``cluster.services.shutdown-timeout``. May be called twice.

        Jobs are left to the next leader if there may be one, and no client wants the cluster to end; else they are
        cancelled.

        :raises MasterFailedError: something of the term goes on.
        """
        if self._closing:
            return
        self._closing = True
        try:
            await self._close()
        finally:
            self._process_metrics.close()

    async def _close(self) -> None:
        self._rpc.explain_missing(None)
        if self._end_watch is not None:
            self._end_watch()
        if self._serving is None:
            return
        term = self._term
        if term is not None and self._services.survives_its_leader and not term.shutting_down:
            term.leave("the master ends")
        self._serving.cancel()
        await asyncio.wait({self._serving})
        for unclosed in self._unclosed:
            try:
                await self._close_term(unclosed)
            except JobMasterLeftOpenError as error:  # whatever is left ends with the process
                logger.warning("The master ends, but %s", error)

    async def collect_metrics(self) -> MetricDump:
        """Return the metrics of this process and, if it leads, of the cluster and of the running jobs."""
        if self._term is not None and not self._term.is_over:
            return await self._term.collect_metrics()
        return MetricDump(groups=[self._process_metrics.dump()], timestamp_ms=self._clock.now_ms())

    # ------------------------------------------------------------------ the contender

    def granted(self, leadership: Leadership) -> None:
        """The term begins, as soon as the last one of this master is closed (LeaderContender)."""
        if self._closing:
            return
        logger.info("This master at %s was granted the leadership", self._rpc.address)
        self._term = LeadingMaster(
            self._rpc,
            self._clock,
            self._configuration,
            self._ids,
            self._services,
            leadership,
            self._shut_down,
            self._job_master_factory,
            self._process_metrics,
        )
        self._unclosed.append(self._term)
        self._offered.put_nowait(self._term)

    def revoked(self, reason: str) -> None:
        """The term is over: nothing is served any more when this returns (LeaderContender)."""
        if self._term is not None and not self._term.is_over:
            logger.warning("This master at %s does not lead any more: %s", self._rpc.address, reason)
            self._term.leave(reason)

    # ------------------------------------------------------------------ inside

    async def _serve(self) -> None:
        """Live through one term after the other."""
        try:
            while True:
                term = await self._offered.get()
                await self._live_through(term)
        except Exception as error:  # whatever it is, this master is of no use any more
            logger.exception("The master has failed")
            if not self._ended.done():
                self._ended.set_exception(MasterFailedError(f"The master has failed: {error}"))
                self._ended.exception()  # seen: nobody need wait for it

    async def _live_through(self, term: LeadingMaster) -> None:
        if not term.is_over:
            starting = term.start()
            over = asyncio.get_running_loop().create_task(term.wait_over(), name="end of the term")
            try:
                await asyncio.wait({starting, over}, return_when=asyncio.FIRST_COMPLETED)
                if starting.done() and not starting.cancelled() and starting.result():
                    logger.info("This master at %s leads", self._rpc.address)
                    if not self._first_served.done():
                        self._first_served.set_result(None)
                await over
            finally:
                over.cancel()
        await self._close_term(term)
        self._unclosed.remove(term)

    async def _close_term(self, term: LeadingMaster) -> None:
        closing = term.close()
        done, _ = await asyncio.wait({closing}, timeout=self._close_seconds)
        if not done:
            raise MasterFailedError(
                f"the last term of this master did not close within {self._close_seconds:g} s "
                f"({ClusterOptions.SHUTDOWN_TIMEOUT.key})"
            )
        closing.result()

    def _shut_down(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _other_leader(self, leader: LeaderInformation | None) -> None:
        self._leader = leader

    def _why_missing(self, endpoint: str) -> str:
        """What to tell a caller who thinks that this master leads."""
        if endpoint not in (DISPATCHER_ENDPOINT, RESOURCE_MANAGER_ENDPOINT):
            return ""
        if self._term is not None and not self._term.is_over:
            return "this master was granted the leadership and takes up the jobs of the last leader"
        if self._leader is None or self._leader.address == self._rpc.address:
            return "this master is a standby, and nobody leads at present"
        return f"this master is a standby; {self._leader.address} leads"
