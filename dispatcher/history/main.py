"""The history server's process: ``python -m millstream.dispatcher.history.main [-Dkey=value ...]``.

It reads the configuration (``MILLSTREAM_CONF_DIR``) and serves on ``historyserver.web.port`` what is archived in
``historyserver.archive.fs.dir``. It ends with status 0 at SIGTERM or SIGINT, 1 when it cannot start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from millstream.common.clock import SystemClock
from millstream.common.config import Configuration
from millstream.common.daemon import begin, end_in_failure, failure_message
from millstream.common.errors import MillstreamError
from millstream.common.version import COMMIT_ID, VERSION
from millstream.dispatcher.history.server import HistoryServer

__all__ = ["main", "run_history_server"]

_MODULE: Final = "millstream.dispatcher.history.main"
logger = logging.getLogger(_MODULE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a history server until it is told to end, and return the process' exit status."""
    try:
        configuration = begin(_MODULE, "Shows jobs whose cluster is gone.", arguments)
        return asyncio.run(run_history_server(configuration))
    except (OSError, MillstreamError) as error:
        return end_in_failure(_MODULE, f"The history server cannot start: {failure_message(error)}")
    except KeyboardInterrupt:  # before the signal's handler was in place
        return 130


async def run_history_server(configuration: Configuration) -> int:
    """Serve until a signal ends it, and return the process' exit status.

    :raises MillstreamError: the configuration makes no sense.
    :raises OSError: the port cannot be had.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(name: str) -> None:
        logger.info("Got %s: ending", name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number.name)
    server = HistoryServer(configuration, SystemClock())
    try:
        await server.start()
        logger.info(
            "Millstream history server %s (%s) started: web interface at %s, process %d",
            VERSION,
            COMMIT_ID,
            server.url,
            os.getpid(),
        )
        await stop.wait()
    finally:
        await server.close()
    logger.info("The history server has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
