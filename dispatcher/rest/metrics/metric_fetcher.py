"""Fills the metric store: asks the leading master and every TaskManager, when somebody wants to see metrics.

Nobody waits long for a fetch: who asks while one goes on is answered with what there is. So a TaskManager that is busy
makes figures old, but no page slow.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, MetricOptions
from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.metrics.metric_store import MetricStore

__all__ = ["MetricFetcher"]

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 0.05
_TASK_MANAGER_TIMEOUT: Final = timedelta(seconds=10)


class MetricFetcher:
    """Has at most one fetch under way, and begins one at most every ``metrics.fetcher.update-interval`` (0: never).

    :ivar store: what was fetched last.
    :param patience_seconds: how long a caller may be held up for a fetch that it needs.
    """

    def __init__(
        self,
        cluster: ClusterAccess,
        configuration: Configuration,
        clock: Clock,
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self.store = MetricStore()
        self._cluster = cluster
        self._clock = clock
        self._interval_ms = int(configuration.get(MetricOptions.FETCHER_UPDATE_INTERVAL).total_seconds() * 1000)
        self._patience_seconds = patience_seconds
        self._begun_ms: int | None = None
        self._fetch: asyncio.Task[None] | None = None

    async def refresh(self) -> MetricStore:
        """Return the store, with what a fetch brings if one is due or under way and takes no longer than a moment."""
        if self._due():
            self._begun_ms = self._clock.now_ms()
            self._fetch = asyncio.get_running_loop().create_task(self._fetch_all(), name="fetch metrics")
        if self._fetch is not None and not self._fetch.done():
            await asyncio.wait({self._fetch}, timeout=self._patience_seconds)
        return self.store

    @property
    def last_update_ms(self) -> int:
        """When the last fetch began; 0: there was none."""
        return self._begun_ms or 0

    async def close(self) -> None:
        """Fetch no more."""
        self._interval_ms = 0
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait({self._fetch})

    def _due(self) -> bool:
        if self._interval_ms == 0 or (self._fetch is not None and not self._fetch.done()):
            return False
        return self._begun_ms is None or self._clock.now_ms() - self._begun_ms >= self._interval_ms

    async def _fetch_all(self) -> None:
        await self._fetch_master()
        try:
            task_managers = await self._cluster.task_managers()
        except MillstreamError as error:
            logger.warning(
                "The metrics of the TaskManagers were not fetched, as nobody says which there are: %s", error
            )
            return
        self.store.retain_task_managers({summary.resource_id for summary in task_managers})
        await asyncio.gather(*(self._fetch_task_manager(summary) for summary in task_managers))

    async def _fetch_master(self) -> None:
        try:
            self.store.put_master(await self._cluster.dispatcher.request_metric_dump(pb.Empty()))
        except MillstreamError as error:
            logger.warning("The metrics of the master were not fetched: %s", error)

    async def _fetch_task_manager(self, summary: pb.TaskManagerSummary) -> None:
        task_executor = self._cluster.task_executor_of(summary, _TASK_MANAGER_TIMEOUT)
        try:
            dump = await task_executor.request_metric_dump(pb.Empty())
        except MillstreamError as error:
            logger.warning("The metrics of TaskManager %s were not fetched: %s", summary.resource_id, error)
            return
        self.store.put_task_manager(summary.resource_id, dump)
