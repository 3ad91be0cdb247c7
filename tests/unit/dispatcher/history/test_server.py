"""The history server as a whole: on a port, reading directories by itself, and refusing settings that make no sense."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from millstream.common.clock import SystemClock
from millstream.common.config import Configuration, HistoryServerOptions, SecurityOptions
from millstream.common.errors import ConfigurationError
from millstream.dispatcher.history.server import HistoryServer
from millstream.testing.process_cluster import free_port
from tests.unit.dispatcher.history.archives import put_archive

WAIT_SECONDS = 20.0


def configured(directory: Path, port: int) -> Configuration:
    return (
        Configuration()
        .set(HistoryServerOptions.ARCHIVE_DIRS, [str(directory)])
        .set(HistoryServerOptions.WEB_PORT, port)
        .set_string(HistoryServerOptions.ARCHIVE_REFRESH_INTERVAL.key, "20 ms")
    )


def test_it_serves_what_comes_while_it_runs(tmp_path: Path) -> None:
    async def test() -> None:
        server = HistoryServer(configured(tmp_path, free_port()), SystemClock())
        try:
            await server.start()
            async with httpx.AsyncClient(base_url=server.url) as http:
                assert (await http.get("/jobs")).json() == {"jobs": []}
                put_archive(tmp_path, 1)
                shown: list[object] = []
                while not shown:  # within the time limit of the test
                    shown = (await http.get("/v1/jobs/overview")).json()["jobs"]
        finally:
            await server.close()
            await server.close()

    asyncio.run(asyncio.wait_for(test(), WAIT_SECONDS))


def test_a_port_in_use_is_named_with_its_key(tmp_path: Path) -> None:
    async def test(port: int) -> None:
        server = HistoryServer(configured(tmp_path, port), SystemClock())
        try:
            with pytest.raises(OSError, match=r"historyserver\.web\.port"):
                await server.start()
        finally:
            await server.close()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asyncio.run(asyncio.wait_for(test(taken.getsockname()[1]), WAIT_SECONDS))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (HistoryServerOptions.ARCHIVE_DIRS.key, "", "names no directory"),
        (HistoryServerOptions.RETAINED_JOBS.key, "0", "would delete every archive"),
        (HistoryServerOptions.WEB_SSL_ENABLED.key, "true", SecurityOptions.REST_KEYSTORE.key),
        (HistoryServerOptions.WEB_TMP_DIR.key, "/dev/null/below", HistoryServerOptions.WEB_TMP_DIR.key),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, key: str, value: str, message: str) -> None:
    configuration = configured(tmp_path, 0).set_string(key, value)

    async def test() -> None:
        with pytest.raises(ConfigurationError) as told:
            HistoryServer(configuration, SystemClock())
        assert message in str(told.value)

    asyncio.run(test())


def test_the_rest_interfaces_tls_is_not_this_servers(tmp_path: Path) -> None:
    configuration = configured(tmp_path, free_port()).set(SecurityOptions.REST_ENABLED, True)
    configuration.set(SecurityOptions.REST_AUTHENTICATION_ENABLED, True)

    async def test() -> None:
        server = HistoryServer(configuration, SystemClock())
        try:
            await server.start()
            assert server.url.startswith("http://")
        finally:
            await server.close()

    asyncio.run(asyncio.wait_for(test(), WAIT_SECONDS))
