"""What the routes of the REST interface work with."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.ids import IdFactory
from millstream.common.logging.log_files import LogFiles
from millstream.dispatcher.packages.package_runs import PackageRuns
from millstream.dispatcher.packages.package_store import PackageStore
from millstream.dispatcher.rest.asynchronous_operations import AsynchronousOperations
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.flame_graphs.stack_sampler import StackSampler
from millstream.dispatcher.rest.metrics.metric_fetcher import MetricFetcher
from millstream.dispatcher.rest.profiler.profiler import Profiler

__all__ = ["RestContext"]


@dataclass(frozen=True, slots=True)
class RestContext:
    """One for each server; :class:`~millstream.dispatcher.rest.server.RestServer` makes and closes it.

    :ivar configuration: of this process.
    :ivar cluster: gateways to whoever leads.
    :ivar operations: of this server's own.
    :ivar metrics: of the whole cluster, fetched when somebody asks.
    :ivar stacks: of tasks, for flame graphs.
    :ivar profiler: of this process and of TaskManagers.
    :ivar log_files: of this process.
    :ivar packages: that were uploaded to this server.
    :ivar package_runs: their programs, while they run.
    :ivar threads: for work that would block the event loop: files, large answers.
    """

    configuration: Configuration
    cluster: ClusterAccess
    clock: Clock
    ids: IdFactory
    operations: AsynchronousOperations
    metrics: MetricFetcher
    stacks: StackSampler
    profiler: Profiler
    log_files: LogFiles
    packages: PackageStore
    package_runs: PackageRuns
    threads: Executor
