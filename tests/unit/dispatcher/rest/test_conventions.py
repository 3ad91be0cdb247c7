"""What holds for every endpoint: prefixes, errors, bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

JSON = "application/json; charset=UTF-8"


def tell(story: Callable[[FakeCluster], Awaitable[None]], settings: dict[str, str] | None = None) -> None:
    async def told() -> None:
        async with fake_cluster(Configuration.from_map(settings or {})) as cluster:
            await story(cluster)

    asyncio.run(told())


def test_every_endpoint_is_there_with_and_without_the_version() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["get_cluster_overview"] = pb.ClusterOverview(slots_total=4, jobs_running=1)
        for path in ("/overview", "/v1/overview"):
            response = await cluster.http.get(path)
            assert response.headers["content-type"] == JSON
            assert "access-control-allow-origin" not in response.headers
            overview = response.json()
            assert (overview["slots-total"], overview["jobs-running"], overview["jobs-failed"]) == (4, 1, 0)
        assert (await cluster.get("/config"))["features"]["web-history"] is False

    tell(story)


def test_an_url_prefix_is_taken_off() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.get("/mill/stream/v1/config")
        await cluster.get("/config")
        job = "0" * 32
        url = await cluster.get(f"/mill/stream/jobs/{job}/jobmanager/log-url")
        assert url == {"url": "http://localhost/mill/stream/#/job-manager/logs"}

    tell(story, {"rest.url-prefix": "/mill/stream/"})


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/nope", "Unable to load requested file /nope."),
        ("GET", "/nope.html", "Unable to load requested file /nope.html."),
        ("GET", "/", "Unable to load requested file /."),
        ("GET", "/overview/", "Unable to load requested file /overview/."),
        ("GET", "/cluster", "Unable to load requested file /cluster."),
        ("GET", "/v1/../etc/passwd", "Unable to load requested file /etc/passwd."),
        ("POST", "/overview", "Not found: /overview"),
        ("PUT", "/v1/overview", "Not found: /v1/overview"),
        ("POST", "/nope", "Not found: /nope"),
        ("OPTIONS", "/overview", "Not found: /overview"),
    ],
)
def test_what_is_no_endpoint_is_not_found(method: str, path: str, error: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await cluster.call(method, path, 404) == {"errors": [error]}

    tell(story)


def test_head_and_trace_are_not_offered() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert (await cluster.http.head("/overview")).status_code == 404
        response = await cluster.http.request("TRACE", "/overview")
        assert (response.status_code, response.headers["allow"]) == (405, "GET")

    tell(story)


@pytest.mark.parametrize("value", ["xyz", "0" * 31, "g" * 32, "0" * 33])
def test_a_parameter_that_is_none_is_told_as_flink_tells_it(value: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await cluster.get(f"/jobs/{value}/jobmanager/config", 400) == {
            "errors": [
                f'Bad request, could not parse parameters: Cannot resolve path parameter (jobid) from value "{value}".'
            ]
        }

    tell(story)


LEVELS = "/v1/millstream/jobmanager/log-levels"


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_is_json_whatever_a_client_calls_it(content_type: str | None) -> None:
    async def story(cluster: FakeCluster) -> None:
        headers = {"content-type": content_type} if content_type else {}
        response = await cluster.http.put(
            LEVELS, content=b'{"logger": "millstream.none", "level": "INFO"}', headers=headers
        )
        assert (response.status_code, response.json()) == (200, {})

    tell(story)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "Bad request received. The body is not JSON: "),
        (b"[]", "Request did not match expected format: the body: "),
        (b'{"level": 7}', "Request did not match expected format: level: "),
        (b"{}", "Request did not match expected format: level: Field required"),
        (b'{"level": "LOUD"}', "Request did not match expected format: level: Input should be 'DEBUG', "),
        (b'{"level": "INFO", "logger": "a..b"}', "Request did not match expected format: logger: "),
    ],
)
def test_a_body_that_is_wrong_is_told(body: bytes, error: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.put(LEVELS, content=body)
        assert response.status_code == 400
        assert response.json()["errors"][0].startswith(error)

    tell(story)


def test_a_body_that_is_too_long_is_not_read() -> None:
    async def story(cluster: FakeCluster) -> None:
        async def chunks() -> object:
            for _ in range(100):
                yield b"[" * 10

        whole = await cluster.http.put(LEVELS, content=b"[" * 101)
        chunked = await cluster.http.put(LEVELS, content=chunks())  # type: ignore[arg-type]  # as httpx documents it
        for response in (whole, chunked):
            assert response.status_code == 413
            assert response.headers["connection"] == "close"
            assert response.json() == {
                "errors": ["The body of the request is longer than 100 bytes (rest.server.max-content-length)."]
            }

    tell(story, {"rest.server.max-content-length": "100"})


def test_without_a_leader_the_service_is_unavailable() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.stop_leading()
        assert await cluster.get("/overview", 503) == {
            "errors": ["Service temporarily unavailable due to an ongoing leader election. Please refresh."]
        }
        cluster.lead_again()
        cluster.dispatcher.answers["get_cluster_overview"] = pb.ClusterOverview()
        await cluster.get("/overview")

    tell(story)


def test_the_next_leader_is_found() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["get_cluster_overview"] = pb.ClusterOverview()
        await cluster.get("/overview")
        cluster.stop_leading()
        cluster.lead_again("another term")
        await cluster.get("/overview")

    tell(story)


@pytest.mark.parametrize(
    ("error", "status"),
    [(JobNotFoundError("Job x is not known."), 404), (MillstreamError("That cannot be."), 500)],
)
def test_errors_of_the_cluster_are_answers(error: MillstreamError, status: int) -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["get_cluster_overview"] = error
        errors = (await cluster.get("/overview", status))["errors"]
        if status == 500:
            assert errors[0] == "Internal server error."
            assert errors[1].startswith("<Exception on server side:\n")
            assert errors[1].endswith("\nEnd of exception on server side>")
        assert str(error) in errors[-1]

    tell(story)


def test_a_defect_is_an_internal_server_error_with_its_traceback() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["get_cluster_overview"] = lambda _: pb.ClusterOverview(taskmanagers=1 // 0)
        errors = (await cluster.get("/overview", 500))["errors"]
        assert errors[0] == "Internal server error."
        assert "ZeroDivisionError" in errors[1]

    tell(story)


def test_the_cluster_is_shut_down() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["shut_down_cluster"] = pb.Empty()
        assert await cluster.call("DELETE", "/v1/cluster") == {}
        assert len(cluster.dispatcher.requests["shut_down_cluster"]) == 1

    tell(story)
