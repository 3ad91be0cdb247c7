"""Calls of the Dispatcher over HTTP, from the caller's side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError, JobNotFoundError
from millstream.common.rpc.faults import Fault
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway
from millstream.common.rpc.http_carrier import HttpRpcService, RestAddress, client_tls
from millstream.common.rpc.http_tunnel import CONTENT_TYPE, fault_headers
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    MessageTooLargeError,
    RemoteCallError,
    RpcError,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.common.rpc.http_script import Asked, Script, http_script, response

OVERVIEW = response(200, pb.ClusterOverview(slots_total=7).SerializeToString(), content_type=CONTENT_TYPE)


def failed(status: int, error_type: str, *, carrier: bool = False) -> bytes:
    headers = {name.replace("-", "_"): value for name, value in fault_headers(Fault(carrier, error_type, "")).items()}
    return response(status, b'{"errors": ["what is wrong"]}', **headers)


@asynccontextmanager
async def gateway(script: Script, timeout: float = 20.0, **settings: str) -> AsyncIterator[DispatcherGateway]:
    given = {name.replace("__", "-").replace("_", "."): value for name, value in settings.items()}
    configuration = Configuration.from_map(
        {"rest.address": "127.0.0.1", "rest.port": str(script.port), "rest.retry.delay": "1 ms", **given}
    )
    service = HttpRpcService(configuration)
    try:
        yield service.connect(
            DispatcherGateway,  # type: ignore[type-abstract]  # a protocol names the endpoint
            service.address,
            "dispatcher",
            None,
            timedelta(seconds=timeout),
        )
    finally:
        await service.close()


def test_calls_go_over_one_connection_and_bear_the_token() -> None:
    async def story() -> None:
        async with http_script(lambda _: OVERVIEW) as script:
            async with gateway(script, rest_authentication_token="secret", rest_url__prefix="/foo/") as dispatcher:
                for _ in range(3):
                    assert (await dispatcher.get_cluster_overview(pb.Empty())).slots_total == 7
            assert script.connections == 1
            assert script.asked[0].line == "POST /foo/v1/millstream/rpc/GetClusterOverview HTTP/1.1"
            assert script.asked[0].headers["authorization"] == "Bearer secret"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (failed(404, "JobNotFoundError"), JobNotFoundError, "what is wrong"),
        (failed(500, "ZeroDivisionError"), RemoteCallError, "ZeroDivisionError: what is wrong"),
        (failed(504, "RpcTimeoutError", carrier=True), RpcTimeoutError, "what is wrong"),
        (response(401, b'{"errors": ["no"]}'), RpcError, "rest.authentication.token is not set"),
        (response(403, b'{"errors": ["not so called"]}'), RpcError, "not so called"),
        (response(413, b'{"errors": ["too long"]}'), MessageTooLargeError, "rest.server.max-content-length"),
        (response(502, b"proxy"), RpcUnavailableError, "status 502: proxy"),
        (response(301, b"", location="https://elsewhere/"), RpcError, "it is elsewhere: https://elsewhere/"),
        (response(404, b"<html>"), RpcError, "Is this the REST interface of a Millstream cluster"),
        (response(200, b"x" * 2000, content_type=CONTENT_TYPE), MessageTooLargeError, "rest.client.max-content-length"),
        (None, RpcUnavailableError, "the connection broke"),
    ],
)
def test_what_goes_wrong_comes_as_its_class(answer: bytes | None, error: type[Exception], message: str) -> None:
    async def story() -> None:
        async with (
            http_script(lambda _: answer) as script,
            gateway(script, rest_client_max__content__length="1000") as dispatcher,
        ):
            with pytest.raises(error, match=message) as raised:
                await dispatcher.cancel_job(pb.JobRequest())
            assert type(raised.value) is error
            assert len(script.asked) == 1, "who has never answered is not asked again"

    asyncio.run(story())


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        async def story() -> None:
            async with gateway(Script(lambda _: None, unused.getsockname()[1])) as dispatcher:
                with pytest.raises(RpcUnavailableError, match="Connection refused"):
                    await dispatcher.get_cluster_overview(pb.Empty())

        asyncio.run(story())


def test_who_has_answered_before_is_asked_again_unless_it_may_have_been_done() -> None:
    answers: list[bytes | None] = [OVERVIEW, None, response(503), OVERVIEW, None]

    async def story() -> None:
        async with http_script(lambda _: answers.pop(0)) as script, gateway(script) as dispatcher:
            await dispatcher.get_cluster_overview(pb.Empty())
            assert (await dispatcher.get_cluster_overview(pb.Empty())).slots_total == 7
            with pytest.raises(RpcUnavailableError):
                await dispatcher.submit_job(pb.SubmitJobRequest())
            assert not answers

    asyncio.run(story())


def test_attempts_are_counted() -> None:
    answers = [OVERVIEW, *[response(503)] * 3]

    async def story() -> None:
        async with (
            http_script(lambda _: answers.pop(0)) as script,
            gateway(script, rest_retry_max__attempts="2") as dispatcher,
        ):
            await dispatcher.get_cluster_overview(pb.Empty())
            with pytest.raises(RpcUnavailableError, match="status 503"):
                await dispatcher.get_cluster_overview(pb.Empty())
            assert not answers

    asyncio.run(story())


def test_a_leader_is_waited_for() -> None:
    answers = [failed(503, "EndpointNotFoundError", carrier=True), OVERVIEW]

    async def story() -> None:
        async with http_script(lambda _: answers.pop(0)) as script:
            async with gateway(script) as dispatcher:
                assert (await dispatcher.get_cluster_overview(pb.Empty())).slots_total == 7
            answers.append(failed(503, "EndpointNotFoundError", carrier=True))
            async with gateway(script, rest_await__leader__timeout="0 ms") as dispatcher:
                with pytest.raises(EndpointNotFoundError):
                    await dispatcher.get_cluster_overview(pb.Empty())

    asyncio.run(story())


def test_who_stops_waiting_hangs_up() -> None:
    async def story() -> None:
        silence = asyncio.get_running_loop().create_future()

        def say_nothing(_: Asked) -> asyncio.Future[None]:
            return silence

        async with http_script(say_nothing) as script, gateway(script) as dispatcher:
            waiting = asyncio.ensure_future(dispatcher.await_job_result(pb.AwaitJobResultRequest()))
            await asyncio.wait_for(script.arrived.wait(), 10)
            waiting.cancel()
            await asyncio.wait_for(script.gone.wait(), 10)
        async with http_script(say_nothing) as script, gateway(script, timeout=0.1) as dispatcher:
            with pytest.raises(RpcTimeoutError):
                await dispatcher.await_job_result(pb.AwaitJobResultRequest())
            await asyncio.wait_for(script.gone.wait(), 10)

    asyncio.run(story())


def test_only_the_dispatcher_can_be_reached() -> None:
    with pytest.raises(NotImplementedError, match="ResourceManagerGateway"):
        HttpRpcService(Configuration()).connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # a protocol names the endpoint
            "localhost",
            "resourcemanager",
        )


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://localhost:8081"),
        ({"rest.address": "::1", "rest.port": "80"}, "http://[::1]:80"),
        ({"rest.url-prefix": "/foo/"}, "http://localhost:8081/foo"),
        ({"rest.url-prefix": "/foo/", "rest.path": "/a/b"}, "http://localhost:8081/a/b"),
        ({"rest.path": "/", "security.ssl.rest.enabled": "true"}, "https://localhost:8081"),
    ],
)
def test_the_address_is_configured(settings: dict[str, str], url: str) -> None:
    assert RestAddress.of(Configuration.from_map(settings)).url == url


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"security.ssl.rest.truststore": "/nowhere"}, "security.ssl.rest.truststore"),
        ({"security.ssl.protocol": "SSLv3"}, "security.ssl.protocol"),
        ({"security.ssl.rest.authentication-enabled": "true"}, "security.ssl.rest.keystore"),
    ],
)
def test_wrong_files_of_tls_are_named(settings: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        client_tls(Configuration.from_map({"security.ssl.rest.enabled": "true", **settings}))
