"""The history server: reads archives on a thread of its own, and answers from what it has read."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from millstream import dispatcher
from millstream.common.clock import Clock
from millstream.common.config import Configuration, HistoryServerOptions, RestOptions, SecurityOptions, WebOptions
from millstream.common.errors import ConfigurationError
from millstream.common.http import HttpServer
from millstream.common.rpc.loopback import is_loopback
from millstream.dispatcher.history.answer_store import AnswerStore
from millstream.dispatcher.history.application import make_application
from millstream.dispatcher.history.archive_fetcher import ArchiveFetcher
from millstream.dispatcher.rest.static_files import web_files
from millstream.dispatcher.rest.tls import server_tls

__all__ = ["HistoryServer"]

logger = logging.getLogger(__name__)

_WEB: Final = Path(dispatcher.__file__).parent / "web"


class HistoryServer:
    """Serves the jobs of some directories. All methods belong to one event loop.

    :raises ConfigurationError: no directory is named, a setting makes no sense, or there is no room for a database.
    """

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        directories = configuration.get(HistoryServerOptions.ARCHIVE_DIRS)
        if not directories:
            raise ConfigurationError(
                f"{HistoryServerOptions.ARCHIVE_DIRS.key} names no directory: set it to what "
                "jobmanager.archive.fs.dir of the clusters says"
            )
        retained = configuration.get(HistoryServerOptions.RETAINED_JOBS)
        if retained == 0:
            raise ConfigurationError(
                f"{HistoryServerOptions.RETAINED_JOBS.key} is 0, which would delete every archive; set it to -1 (keep "
                "all) or to a number above 0"
            )
        settings = _settings(configuration)
        tls = server_tls(settings)
        self._interval_seconds = configuration.get(HistoryServerOptions.ARCHIVE_REFRESH_INTERVAL).total_seconds()
        self._address = configuration.get(HistoryServerOptions.WEB_ADDRESS)
        self._has_token = settings.get(RestOptions.AUTHENTICATION_TOKEN) is not None
        self._store = AnswerStore(configuration.get(HistoryServerOptions.WEB_TMP_DIR))
        self._fetcher = ArchiveFetcher(
            directories,
            configuration,
            self._store,
            clean_expired=configuration.get(HistoryServerOptions.CLEAN_EXPIRED_JOBS),
            retained=retained if retained > 0 else None,
        )
        self._fetching = ThreadPoolExecutor(1, thread_name_prefix="fetch-archives")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="read-answers")
        self._refreshing: asyncio.Task[None] | None = None
        self._http = HttpServer(
            make_application(settings, clock, lambda: self._fetcher.catalogue, self._find, web_files(_WEB)),
            self._address,
            str(configuration.get(HistoryServerOptions.WEB_PORT)),
            HistoryServerOptions.WEB_PORT.key,
            tls=tls,
            idle_seconds=configuration.get(RestOptions.IDLENESS_TIMEOUT).total_seconds(),
        )

    @property
    def url(self) -> str:
        """Where others reach it: ``http://localhost:8082``."""
        return self._http.url

    async def start(self) -> None:
        """Begin to serve, and to read archives: the newest are there first.

        :raises OSError: the port cannot be had; the message names it and the key.
        """
        await self._http.start()
        self._refreshing = asyncio.get_running_loop().create_task(self._refresh(), name="refresh the archives")
        if not is_loopback(self._address) and not self._has_token:
            logger.warning(
                "The history server listens on %s, which other machines may reach, without authentication: whoever can "
                "connect can read all about archived jobs. Set %s or %s.",
                self._address,
                HistoryServerOptions.WEB_ADDRESS.key,
                RestOptions.AUTHENTICATION_TOKEN.key,
            )

    async def close(self) -> None:
        """Serve no more. May be called twice."""
        await self._http.close()
        self._fetcher.stop()
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing})
        loop = asyncio.get_running_loop()
        # What the threads still do uses the database: they end first.
        for threads in (self._reading, self._fetching):
            await loop.run_in_executor(None, threads.shutdown)
        self._store.close()

    async def _find(self, path: str) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._store.get, path)

    async def _refresh(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._fetching, self._fetcher.refresh)
            except Exception:  # what is there already is served on
                logger.exception("The archives could not be looked at; that is tried on")
            await asyncio.sleep(self._interval_seconds)


def _settings(configuration: Configuration) -> Configuration:
    """The configuration with this server's own address, TLS and refreshing in the places of the REST interface's, so
    that the rules of the REST interface hold here too.
    """
    settings = Configuration(configuration)
    settings.set(RestOptions.BIND_ADDRESS, configuration.get(HistoryServerOptions.WEB_ADDRESS))
    settings.set(WebOptions.REFRESH_INTERVAL, configuration.get(HistoryServerOptions.WEB_REFRESH_INTERVAL))
    tls = configuration.get(HistoryServerOptions.WEB_SSL_ENABLED)
    settings.set(SecurityOptions.REST_ENABLED, tls)
    if not tls:
        settings.set(SecurityOptions.REST_AUTHENTICATION_ENABLED, False)
    return settings
