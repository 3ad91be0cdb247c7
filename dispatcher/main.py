"""The master's process: ``python -m millstream.dispatcher.main [-Dkey=value ...]``.

It reads the configuration (``MILLSTREAM_CONF_DIR``), serves on ``jobmanager.rpc.port`` (under high availability:
``high-availability.jobmanager.port``) and, unless that is switched off, the REST interface on ``rest.port``. It ends
with status 0 at SIGTERM, SIGINT or a client's request, 1 when it cannot start or fails. Where it logs to, and what, is
said by :class:`~millstream.common.logging.LoggingSetup`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from millstream.common.clock import SystemClock
from millstream.common.config import (
    Configuration,
    HighAvailabilityOptions,
    JobManagerOptions,
)
from millstream.common.daemon import begin, end_in_failure, failure_message
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.high_availability.create import create_high_availability_services
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.ids import IdFactory
from millstream.common.metrics.reporting import MetricReporting
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.version import COMMIT_ID, VERSION
from millstream.dispatcher.master import Master, MasterFailedError
from millstream.dispatcher.rest.start import start_rest_server

if TYPE_CHECKING:
    from millstream.dispatcher.rest.server import RestServer

__all__ = ["main", "run_master"]

_MODULE: Final = "millstream.dispatcher.main"
logger = logging.getLogger(_MODULE)

_IMPATIENCE_SECONDS: Final = 1.0
"""A second signal sooner than this is the same wish on another way (a shell tells the whole process group)."""
_RESIGNATION_SECONDS: Final = 5.0
"""How long a master that has failed tries to give its leadership up before it ends."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a master until it is told to end, and return the process' exit status."""
    try:
        configuration = begin(_MODULE, "Runs the master of a Millstream cluster.", arguments)
        return asyncio.run(run_master(configuration))
    except ConfigurationError as error:
        return _cannot_start(error)
    except KeyboardInterrupt:  # before the signal's handler was in place
        return 130


async def run_master(configuration: Configuration) -> int:
    """Serve until a signal or a client ends it, and return the process' exit status."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    told_at = 0.0

    def on_signal(name: str) -> None:
        nonlocal told_at
        if not stop.is_set():
            logger.info("Got %s: ending", name)
            told_at = loop.time()
            stop.set()
        elif loop.time() - told_at >= _IMPATIENCE_SECONDS:
            logger.warning("Got %s again: ending without waiting for anything", name)
            os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number.name)
    if uses_zookeeper(configuration):  # several masters may share a host, and everybody is told where the leader is
        port_key = HighAvailabilityOptions.JOB_MANAGER_PORT.key
        ports = configuration.get(HighAvailabilityOptions.JOB_MANAGER_PORT)
    else:
        port_key, ports = JobManagerOptions.PORT.key, str(configuration.get(JobManagerOptions.PORT))
    rpc = GrpcRpcService(
        configuration.get(JobManagerOptions.BIND_HOST),
        ports,
        configuration.get(JobManagerOptions.ADDRESS),
        configuration,
        port_keys=port_key,
    )
    ids = IdFactory()
    services = create_high_availability_services(configuration, rpc, ids)
    try:
        await rpc.start()
        await _unless(stop, services.start())
        if not stop.is_set():
            await _lead_or_stand_by(configuration, ids, rpc, services, stop)
    except MasterFailedError as error:
        await _resign(services, error)
    except (OSError, MillstreamError) as error:
        return _cannot_start(error)
    finally:
        await services.close()
        await rpc.close()
    logger.info("The master has ended")
    return 0


async def _lead_or_stand_by(
    configuration: Configuration,
    ids: IdFactory,
    rpc: GrpcRpcService,
    services: HighAvailabilityServices,
    stop: asyncio.Event,
) -> None:
    """Run the master, with what it shows of the cluster, until it is told to end."""
    clock = SystemClock()
    master = Master(rpc, clock, configuration, ids, services)
    reporting = MetricReporting(
        configuration, master.collect_metrics, bind_host=configuration.get(JobManagerOptions.BIND_HOST)
    )
    await _unless(stop, master.start())
    if services.survives_its_leader:
        logger.info("It contends for the leadership of the cluster: %s", services.leaders.description)
    rest: RestServer | None = None
    try:
        rest = await start_rest_server(configuration, rpc, services.leaders, clock, ids)
        await reporting.start()
        # Scripts wait for this line: whoever they return to may call any of the interfaces.
        logger.info(
            "Millstream master %s (%s) started: RPC at %s, process %d", VERSION, COMMIT_ID, rpc.address, os.getpid()
        )
        await _unless(stop, master.wait_shutdown())
    except (OSError, ConfigurationError):  # the interface cannot be served, so this master is not to lead
        await master.close()
        raise
    finally:
        await reporting.close()  # while there still is something to report
        if rest is not None:
            await rest.close()
    await master.close()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Return when the work is done, raising what it raises, or when this process was told to end."""
    loop = asyncio.get_running_loop()
    working, stopped = loop.create_task(work), loop.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def _resign(services: HighAvailabilityServices, error: MasterFailedError) -> NoReturn:
    """End the process at once, whatever it still does: another master is to lead, and not wait for it to time out."""
    logger.critical("The master ends: %s", error)
    await asyncio.wait({asyncio.ensure_future(services.close())}, timeout=_RESIGNATION_SECONDS)
    os._exit(1)


def _cannot_start(error: Exception) -> int:
    return end_in_failure(_MODULE, f"The master cannot start: {failure_message(error)}")


if __name__ == "__main__":
    sys.exit(main())
