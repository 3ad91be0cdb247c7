"""The REST server of a process: the application, served on the process's own event loop.

Every master runs one, also while it stands by: it asks whoever leads.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from millstream import dispatcher
from millstream.common.clock import Clock
from millstream.common.config import Configuration, RestOptions
from millstream.common.config.option import ConfigOption
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.http import HttpServer
from millstream.common.ids import IdFactory
from millstream.common.logging.log_files import LogFiles
from millstream.common.rpc.loopback import is_loopback
from millstream.common.rpc.service import RpcService
from millstream.dispatcher.packages.package_runs import PackageRuns
from millstream.dispatcher.packages.package_store import PackageStore
from millstream.dispatcher.rest.application import make_application
from millstream.dispatcher.rest.asynchronous_operations import AsynchronousOperations
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.flame_graphs.stack_sampler import StackSampler
from millstream.dispatcher.rest.metrics.metric_fetcher import MetricFetcher
from millstream.dispatcher.rest.profiler.profiler import Profiler
from millstream.dispatcher.rest.static_files import web_files
from millstream.dispatcher.rest.tls import server_tls

__all__ = ["RestServer"]

logger = logging.getLogger(__name__)

_WEB: Final = Path(dispatcher.__file__).parent / "web"


class RestServer:
    """Serves the REST interface. All methods belong to one event loop.

    :param rpc: reaches the cluster; not owned.
    :param leaders: says who leads; not owned.
    :raises ConfigurationError: its files for TLS are not what they should be.
    """

    def __init__(
        self, configuration: Configuration, rpc: RpcService, leaders: LeaderDirectory, clock: Clock, ids: IdFactory
    ) -> None:
        self._threads = ThreadPoolExecutor(configuration.get(RestOptions.SERVER_NUM_THREADS), thread_name_prefix="rest")
        self._operations = AsynchronousOperations(clock, ids, configuration.get(RestOptions.ASYNC_STORE_DURATION))
        cluster = ClusterAccess(rpc, leaders, configuration)
        self._metrics = MetricFetcher(cluster, configuration, clock)
        self._stacks = StackSampler(cluster, configuration, clock)
        self._profiler = Profiler(cluster, configuration, clock, self._threads)
        self._packages = PackageStore(configuration, clock)
        self._package_runs = PackageRuns(configuration, self._threads)
        context = RestContext(
            configuration=configuration,
            cluster=cluster,
            clock=clock,
            ids=ids,
            operations=self._operations,
            metrics=self._metrics,
            stacks=self._stacks,
            profiler=self._profiler,
            log_files=LogFiles.of_master(configuration),
            packages=self._packages,
            package_runs=self._package_runs,
            threads=self._threads,
        )
        self._bind_address = configuration.get(RestOptions.BIND_ADDRESS)
        self._warn = not is_loopback(self._bind_address) and not configuration.get(RestOptions.AUTHENTICATION_TOKEN)
        port_option: ConfigOption[Any] = RestOptions.PORT
        if configuration.contains(RestOptions.BIND_PORT):
            port_option = RestOptions.BIND_PORT
        self._server = HttpServer(
            make_application(context, web_files(_WEB)),
            self._bind_address,
            str(configuration.get(port_option)),
            port_option.key,
            tls=server_tls(configuration),
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
        logger.info("Web frontend listening at %s.", self.url)
        if self._warn:
            logger.warning(
                "The REST interface listens on %s:%d, which other machines may reach, WITHOUT AUTHENTICATION: whoever "
                "can connect can submit a job, and a job runs any code with this user's rights. Bind to localhost "
                "(%s), set %s, or let only trusted machines into this network.",
                self._bind_address,
                self._server.port,
                RestOptions.BIND_ADDRESS.key,
                RestOptions.AUTHENTICATION_TOKEN.key,
            )

    async def close(self) -> None:
        """Serve no more, and break off what is under way. May be called twice."""
        await self._package_runs.close()
        await self._server.close()
        self._packages.close()
        await self._operations.close()
        await self._metrics.close()
        await self._stacks.close()
        await self._profiler.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
