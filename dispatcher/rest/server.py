"""The REST server of a process: the application, served on the process's own event loop.

Every master runs one, also while it stands by: it asks whoever leads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from millstream.common.clock import Clock
from millstream.common.config import Configuration, RestOptions
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.http import HttpServer
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService
from millstream.dispatcher.rest.application import make_application
from millstream.dispatcher.rest.asynchronous_operations import AsynchronousOperations
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.flame_graphs.stack_sampler import StackSampler
from millstream.dispatcher.rest.metrics.metric_fetcher import MetricFetcher

__all__ = ["RestServer"]


class RestServer:
    """Serves the REST interface. All methods belong to one event loop.

    :param rpc: reaches the cluster; not owned.
    :param leaders: says who leads; not owned.
    """

    def __init__(
        self, configuration: Configuration, rpc: RpcService, leaders: LeaderDirectory, clock: Clock, ids: IdFactory
    ) -> None:
        self._threads = ThreadPoolExecutor(configuration.get(RestOptions.SERVER_NUM_THREADS), thread_name_prefix="rest")
        self._operations = AsynchronousOperations(clock, ids, configuration.get(RestOptions.ASYNC_STORE_DURATION))
        cluster = ClusterAccess(rpc, leaders, configuration)
        self._metrics = MetricFetcher(cluster, configuration, clock)
        self._stacks = StackSampler(cluster, configuration, clock)
        context = RestContext(
            configuration=configuration,
            cluster=cluster,
            clock=clock,
            ids=ids,
            operations=self._operations,
            metrics=self._metrics,
            stacks=self._stacks,
            threads=self._threads,
        )
        self._server = HttpServer(
            make_application(context),
            configuration.get(RestOptions.BIND_ADDRESS) or "localhost",
            configuration.get(RestOptions.BIND_PORT),
            RestOptions.BIND_PORT.key,
            advertised_host=configuration.get(RestOptions.ADDRESS),
            idle_seconds=configuration.get(RestOptions.IDLENESS_TIMEOUT).total_seconds(),
        )

    @property
    def url(self) -> str:
        """Where others reach it: ``http://localhost:8081``."""
        return self._server.url

    async def start(self) -> None:
        """Begin to serve.

        :raises OSError: no port can be had; the message names it and the key.
        """
        await self._server.start()

    async def close(self) -> None:
        """Serve no more, and break off what is under way. May be called twice."""
        await self._server.close()
        await self._operations.close()
        await self._metrics.close()
        await self._stacks.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
