"""Finds out what listens at an address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from millstream.client.remote.carriers import Carrier, configured_carrier, find_carrier
from millstream.client.remote.errors import ClusterUnreachableError, NoMasterThereError
from millstream.common.config import Configuration
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.testing.process_cluster import free_port
from tests.unit.common.rpc.http_script import Asked, http_script, response


@pytest.mark.parametrize(
    ("settings", "carrier"),
    [
        ({}, Carrier.RPC),
        ({"rest.port": "8081"}, Carrier.REST),
        ({"rest.address": "there"}, Carrier.REST),
        ({"rest.port": "-1"}, Carrier.RPC),
        ({"rest.port": "8081", "jobmanager.rpc.address": "here"}, Carrier.RPC),
        ({"rest.address": "h", "rest.port": "9", "jobmanager.rpc.address": "h", "jobmanager.rpc.port": "9"}, None),
    ],
)
def test_the_configuration_mostly_says(settings: dict[str, str], carrier: Carrier | None) -> None:
    assert configured_carrier(Configuration.from_map(settings)) is carrier


def found(answer: Callable[[Asked], bytes | None], **settings: str) -> Carrier:
    async def find() -> Carrier:
        async with http_script(answer) as script:
            return await find_carrier(at(script.port, **settings))

    return asyncio.run(find())


def at(port: int, **settings: str) -> Configuration:
    return Configuration.from_map({"rest.address": "127.0.0.1", "rest.port": str(port), **settings})


@pytest.mark.parametrize(
    "answer",
    [
        response(200, b'{"flink-version": "1.20.1", "millstream-version": "1"}'),
        response(401, b"", www_authenticate='Bearer realm="Millstream"'),
        response(503, b"a proxy says so"),
    ],
)
def test_a_rest_interface(answer: bytes) -> None:
    assert found(lambda _: answer) is Carrier.REST


def test_an_rpc_service() -> None:
    async def find() -> Carrier:
        service = GrpcRpcService("127.0.0.1", 0, None, Configuration())
        await service.start()
        try:
            port = int(service.address.rpartition(":")[2])
            with_tls = Configuration.from_map({**at(port).to_map(), "security.ssl.rest.enabled": "true"})
            assert await find_carrier(with_tls) is Carrier.RPC
            return await find_carrier(at(port))
        finally:
            await service.close()

    assert asyncio.run(find()) is Carrier.RPC


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (response(200, b"<html>"), "it is a web server \\(status 200\\), but of something else"),
        (response(200, b'{"flink-version": "1.20.1"}'), "of something else"),
        (response(404), "status 404"),
        (response(302, location="https://there/"), "it is elsewhere \\(location: https://there/\\)"),
        (b"SSH-2.0-OpenSSH\r\n", "neither HTTP nor"),
        (None, "it hangs up"),
    ],
)
def test_somebody_else(answer: bytes | None, what: str) -> None:
    with pytest.raises(NoMasterThereError, match=what):
        found(lambda _: answer)


def test_nobody() -> None:
    with pytest.raises(ClusterUnreachableError, match="is the cluster started"):
        asyncio.run(find_carrier(at(free_port())))


def test_who_says_nothing_is_not_waited_for_long() -> None:
    async def find() -> None:
        silence: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with http_script(lambda _: silence) as script:
            settings = at(script.port)
            settings.add_all(Configuration.from_map({"rest.connection-timeout": "50 ms"}))
            await find_carrier(settings)

    with pytest.raises(ClusterUnreachableError, match=r"rest\.connection-timeout"):
        asyncio.run(find())
