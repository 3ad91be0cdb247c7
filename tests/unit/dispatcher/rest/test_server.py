"""HTTPS of the REST server, and what it says when it starts."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.ids import IdFactory
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.dispatcher.rest.server import RestServer
from millstream.dispatcher.rest.tls import server_tls

PASSWORD = "hush"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, with a password, and its certificate, which is its own authority."""
    directory = tmp_path_factory.mktemp("pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-passout", f"pass:{PASSWORD}"),
            *("-keyout", str(directory / "key.pem"), "-out", str(directory / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both = directory / "both.pem"
    both.write_text((directory / "key.pem").read_text() + (directory / "certificate.pem").read_text())
    return both


@asynccontextmanager
async def server(settings: dict[str, str]) -> AsyncIterator[RestServer]:
    configuration = Configuration.from_map({"rest.port": "0", **settings})
    rpc = InProcessNetwork().service("rest")
    await rpc.start()
    serving = RestServer(configuration, rpc, FixedLeaderDirectory(rpc, "rest"), ManualClock(), IdFactory())
    try:
        await serving.start()
        yield serving
    finally:
        await serving.close()
        await rpc.close()


def settings(pem: Path) -> dict[str, str]:
    return {
        "security.ssl.rest.enabled": "true",
        "security.ssl.rest.keystore": str(pem),
        "security.ssl.rest.key-password": PASSWORD,
    }


def test_it_speaks_https(pem: Path) -> None:
    async def story() -> None:
        async with server(settings(pem)) as serving:
            assert serving.url.startswith("https://localhost:")
            trust = ssl.create_default_context(cafile=str(pem))
            async with httpx.AsyncClient(base_url=serving.url, verify=trust) as client:
                assert (await client.get("/config")).status_code == 200
            async with httpx.AsyncClient(base_url=serving.url.replace("https", "http")) as client:
                with pytest.raises(httpx.TransportError):
                    await client.get("/config")

    asyncio.run(story())


def test_clients_must_show_a_certificate_where_that_is_wanted(pem: Path) -> None:
    mutual = {
        **settings(pem),
        "security.ssl.rest.authentication-enabled": "true",
        "security.ssl.rest.truststore": str(pem),
    }

    async def story() -> None:
        async with server(mutual) as serving:
            trust = ssl.create_default_context(cafile=str(pem))
            async with httpx.AsyncClient(base_url=serving.url, verify=trust) as client:
                with pytest.raises(httpx.TransportError):
                    await client.get("/config")
            known = ssl.create_default_context(cafile=str(pem))
            known.load_cert_chain(pem, password=PASSWORD)
            async with httpx.AsyncClient(base_url=serving.url, verify=known) as client:
                assert (await client.get("/config")).status_code == 200

    asyncio.run(story())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"security.ssl.rest.keystore": None}, "needs security.ssl.rest.keystore"),
        ({"security.ssl.rest.keystore": "/nowhere.pem"}, "security.ssl.rest.keystore: /nowhere.pem"),
        ({"security.ssl.rest.key-password": "wrong"}, "security.ssl.rest.key-password"),
        ({"security.ssl.rest.key-password": None}, "security.ssl.rest.key-password"),
        ({"security.ssl.protocol": "SSLv3"}, "security.ssl.protocol is TLSv1.2 or TLSv1.3"),
        ({"security.ssl.rest.authentication-enabled": "true"}, "needs security.ssl.rest.truststore"),
        (
            {"security.ssl.rest.authentication-enabled": "true", "security.ssl.rest.truststore": "/nowhere.pem"},
            "security.ssl.rest.truststore: /nowhere.pem",
        ),
        (
            {"security.ssl.rest.authentication-enabled": "true", "security.ssl.rest.enabled": "false"},
            "needs security.ssl.rest.enabled: true",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_key(pem: Path, changes: dict[str, str | None], said: str) -> None:
    wrong = {**settings(pem), **changes}
    configuration = Configuration.from_map({key: value for key, value in wrong.items() if value is not None})
    with pytest.raises(ConfigurationError, match=said):
        server_tls(configuration)


def test_the_password_may_be_that_of_the_file(pem: Path) -> None:
    found = settings(pem)
    found["security.ssl.rest.keystore-password"] = found.pop("security.ssl.rest.key-password")
    assert server_tls(Configuration.from_map(found)) is not None
    assert server_tls(Configuration()) is None


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({"rest.bind-address": "0.0.0.0"}, True),
        ({"rest.bind-address": "0.0.0.0", "rest.authentication.token": "x"}, False),
        ({"rest.bind-address": "127.0.0.1"}, False),
    ],
)
def test_it_warns_if_others_may_call_without_a_token(
    more: dict[str, str], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with server(more) as serving:
            assert f"Web frontend listening at {serving.url}." in caplog.messages

    with caplog.at_level(logging.INFO):
        asyncio.run(story())
    assert any("WITHOUT AUTHENTICATION" in message for message in caplog.messages) == warned


def test_a_range_of_ports_is_tried() -> None:
    async def story() -> None:
        async with server({"rest.bind-address": "127.0.0.1"}) as first:
            taken = first.url.rpartition(":")[2]
            async with server({"rest.bind-port": f"{taken},0", "rest.bind-address": "127.0.0.1"}) as second:
                assert second.url.rpartition(":")[2] != taken
            with pytest.raises(OSError, match=r"rest\.bind-port"):
                async with server({"rest.bind-port": taken, "rest.bind-address": "127.0.0.1"}):
                    pass

    asyncio.run(story())
