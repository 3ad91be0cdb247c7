"""The TaskManager's process: ``python -m millstream.taskmanager.main [-Dkey=value ...]``.

It reads the configuration (``MILLSTREAM_CONF_DIR``), registers at the master and serves its slots. It ends with status
0 at SIGTERM or SIGINT, 1 when it cannot start or cannot go on. Where it logs to, and what, is said
by :class:`~millstream.common.logging.LoggingSetup`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from millstream.common.clock import SystemClock
from millstream.common.config import (
    ClusterOptions,
    Configuration,
    TaskManagerOptions,
)
from millstream.common.daemon import begin, end_in_failure
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.high_availability.create import create_leader_directory
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.ids import IdFactory
from millstream.common.logging.printed_lines import print_whole_lines
from millstream.common.metrics.reporting import MetricReporting
from millstream.common.rpc.service import RpcService
from millstream.common.version import COMMIT_ID, VERSION
from millstream.common.wire.cluster_pb2 import Empty
from millstream.taskmanager.task_executor.task_executor import TaskExecutor
from millstream.taskmanager.worker.handle import WorkerPool
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool
from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool

__all__ = ["main", "run_task_manager"]

_MODULE: Final = "millstream.taskmanager.main"
_log = logging.getLogger(_MODULE)

_IMPATIENCE_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a TaskManager until it is told to end, and return the process' exit status."""
    print_whole_lines()  # users' functions run here where slots are threads
    try:
        configuration = begin(_MODULE, "Runs a TaskManager of a Millstream cluster.", arguments)
        reason = asyncio.run(run_task_manager(configuration))
    except ConfigurationError as error:
        reason = f"The TaskManager cannot start: {error}"
    except KeyboardInterrupt:  # before the signal's handler was in place
        return 130
    if reason is None:
        _log.info("The TaskManager has ended")
        return 0
    return end_in_failure(_MODULE, reason)


async def run_task_manager(configuration: Configuration) -> str | None:
    """Serve until a signal ends it, and return ``None``, or until it cannot go on, and return the reason."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str | None] = loop.create_future()

    def end(reason: str | None) -> None:
        if not ended.done():
            ended.set_result(reason)

    told_at = 0.0

    def on_signal(name: str) -> None:
        nonlocal told_at
        if ended.done():
            if loop.time() - told_at < _IMPATIENCE_S:
                return  # shells and `timeout` may send a signal twice for one wish
            _log.warning("Got %s again: ending without waiting for anything", name)
            os._exit(1)
        _log.info("Got %s: ending", name)
        told_at = loop.time()
        end(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number.name)
    pool = _make_pool(configuration)
    # The workers' launcher starts beside everything else, and before gRPC is busy.
    starting = loop.create_task(pool.start())
    await asyncio.sleep(0)
    try:
        return await _serve(configuration, pool, ended, end)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)  # the TaskExecutor has told why it failed
        await pool.close()


def _make_pool(configuration: Configuration) -> WorkerPool:
    if configuration.get(TaskManagerOptions.SLOT_ISOLATION) == "thread":
        return ThreadWorkerPool(configuration)
    return ProcessWorkerPool(configuration, configuration.get(TaskManagerOptions.PRESTARTED_WORKERS))


async def _serve(
    configuration: Configuration, pool: WorkerPool, ended: asyncio.Future[str | None], end: Callable[[str], None]
) -> str | None:
    # Imported while the launcher starts: gRPC takes its time.
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    rpc = GrpcRpcService(
        configuration.get(TaskManagerOptions.BIND_HOST),
        configuration.get(TaskManagerOptions.RPC_PORT),
        configuration.get(TaskManagerOptions.HOST),
        configuration,
        port_keys=TaskManagerOptions.RPC_PORT.key,
    )
    try:
        await rpc.start()
    except OSError as error:
        return f"The TaskManager cannot start: {error.strerror or error}"
    try:
        leaders = await _leaders(configuration, rpc, ended)
    except MillstreamError as error:
        await rpc.close()
        return ended.result() if ended.done() else f"The TaskManager cannot start: {error}"
    try:
        host = rpc.address.rpartition(":")[0]
        executor = TaskExecutor(rpc, SystemClock(), configuration, IdFactory(), leaders, pool, host, on_fatal=end)
        reporting = MetricReporting(
            configuration,
            lambda: executor.request_metric_dump(Empty()),
            bind_host=configuration.get(TaskManagerOptions.BIND_HOST),
        )
        try:
            await executor.start()
            await reporting.start()
            _log.info(
                "Millstream TaskManager %s (%s) started: %s with %d slots, RPC at %s, process %d",
                VERSION,
                COMMIT_ID,
                executor.resource_id,
                configuration.get(TaskManagerOptions.NUM_TASK_SLOTS),
                rpc.address,
                os.getpid(),
            )
            return await ended
        finally:
            await reporting.close()  # while there still is something to report
            await _close(executor, configuration.get(ClusterOptions.SHUTDOWN_TIMEOUT).total_seconds())
    finally:
        await leaders.close()
        await rpc.close()


async def _leaders(configuration: Configuration, rpc: RpcService, ended: asyncio.Future[str | None]) -> LeaderDirectory:
    """Connect to whoever knows the leaders.

    :raises MillstreamError: there is no answer, or the TaskManager is to end before there is one.
    """
    connecting = asyncio.ensure_future(create_leader_directory(configuration, rpc))
    ends: set[asyncio.Future[Any]] = {connecting, ended}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
        raise MillstreamError("it was told to end before it knew who leads the cluster")
    finally:
        if not connecting.done():
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)


async def _close(executor: TaskExecutor, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(executor.close(), timeout_s)
    except asyncio.TimeoutError:
        _log.error("The TaskManager did not close within %g s; it ends all the same", timeout_s)


if __name__ == "__main__":
    sys.exit(main())
