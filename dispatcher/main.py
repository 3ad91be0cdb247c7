"""The master's process: ``python -m millstream.dispatcher.main [-Dkey=value ...]``.

It reads the configuration (``MILLSTREAM_CONF_DIR``), serves on ``jobmanager.rpc.port``, and ends with status 0 at
SIGTERM, SIGINT or a client's request, 1 when it cannot start. It logs to stderr; scripts send that to a file.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from millstream.common.clock import SystemClock
from millstream.common.config import (
    Configuration,
    EnvOptions,
    JobManagerOptions,
    load_configuration,
    parse_dynamic_properties,
)
from millstream.common.config.secret import shown
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.standalone import StandaloneServices
from millstream.common.ids import IdFactory
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.version import COMMIT_ID, VERSION
from millstream.dispatcher.master import Master

__all__ = ["main", "run_master"]

logger = logging.getLogger("millstream.dispatcher.main")

_LOG_FORMAT = "%(asctime)s,%(msecs)03d %(levelname)-7s %(name)s - %(message)s"

_IMPATIENCE_SECONDS = 1.0
"""A second signal sooner than this is the same wish on another way (a shell tells the whole process group)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a master until it is told to end, and return the process' exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m millstream.dispatcher.main", description="Runs the master of a Millstream cluster."
    )
    parser.add_argument(
        "-D", metavar="key=value", dest="properties", action="append", default=[], help="set a configuration key"
    )
    properties: list[str] = parser.parse_args(arguments).properties
    try:
        configuration = load_configuration(dynamic=parse_dynamic_properties(properties))
    except ConfigurationError as error:
        return _cannot_start(error)
    logging.basicConfig(level=configuration.get(EnvOptions.LOG_LEVEL), format=_LOG_FORMAT, datefmt="%Y-%m-%d %H:%M:%S")
    for key, value in sorted(configuration.to_map().items()):
        logger.info("Configuration: %s = %s", key, shown(key, value))
    try:
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
    rpc = GrpcRpcService(
        configuration.get(JobManagerOptions.BIND_HOST),
        configuration.get(JobManagerOptions.PORT),
        configuration.get(JobManagerOptions.ADDRESS),
        configuration,
        port_keys=JobManagerOptions.PORT.key,
    )
    try:
        await rpc.start()
    except OSError as error:
        return _cannot_start(error)
    try:
        services = StandaloneServices(rpc)
        await services.start()
        master = Master(rpc, SystemClock(), configuration, IdFactory(), services)
        try:
            await master.start()
            logger.info(
                "Millstream master %s (%s) started: RPC at %s, process %d", VERSION, COMMIT_ID, rpc.address, os.getpid()
            )
            await _first_of(stop, master)
        finally:
            await master.close()
    finally:
        await rpc.close()
    logger.info("The master has ended")
    return 0


async def _first_of(stop: asyncio.Event, master: Master) -> None:
    """Return when this process was told to end, or the whole cluster was."""
    loop = asyncio.get_running_loop()
    waits = {loop.create_task(stop.wait()), loop.create_task(master.wait_shutdown())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _cannot_start(error: Exception) -> int:
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    print(f"The master cannot start: {message}", file=sys.stderr)  # noqa: T201  # the one line a script shows
    return 1


if __name__ == "__main__":
    sys.exit(main())
