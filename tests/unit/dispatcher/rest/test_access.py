"""Who may call: the token, other origins, other names of the host."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.config import Configuration
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.static_files import StaticFile
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

TOKEN = {"rest.authentication.token": "open sésame"}
PAGE = {"/": StaticFile(b"<html>", "text/html", 1_000_000, '"1"')}


def tell(story: Callable[[FakeCluster], Awaitable[None]], settings: dict[str, str] | None = None) -> None:
    async def told() -> None:
        async with fake_cluster(Configuration.from_map(settings or {}), files=PAGE) as cluster:
            cluster.dispatcher.answers["shut_down_cluster"] = pb.Empty()
            await story(cluster)

    asyncio.run(told())


def basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (None, 401),
        (b"Bearer open s\xc3\xa9sam", 401),
        (b"Bearer", 401),
        (b"open s\xc3\xa9same", 401),
        (b"Basic !!!", 401),
        (basic("open sésame", ""), 401),
        (basic("anybody", "open sésame"), 200),
        (basic("", "open sésame"), 200),
    ],
)
def test_the_token_must_be_shown(shown: bytes | None, status: int) -> None:
    async def story(cluster: FakeCluster) -> None:
        headers = {b"authorization": shown} if shown is not None else {}
        response = await cluster.http.get("/v1/config", headers=headers)
        assert response.status_code == status
        if status == 401:
            assert response.json()["errors"] == ["Show the token of this cluster (rest.authentication.token)."]
            assert response.headers.get_list("www-authenticate") == [
                'Bearer realm="Millstream"',
                'Basic realm="Millstream", charset="UTF-8"',
            ]

    tell(story, TOKEN)


def test_a_bearer_shows_the_token() -> None:
    async def story(cluster: FakeCluster) -> None:
        for scheme in ("Bearer", "bearer"):
            response = await cluster.http.get("/config", headers={"authorization": f"{scheme} secret"})
            assert response.status_code == 200

    tell(story, {"rest.authentication.token": "secret"})


def test_a_page_that_asks_for_the_token_itself_is_not_interrupted_by_the_browser() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert (await cluster.http.get("/")).status_code == 200
        response = await cluster.http.get("/config", headers={"sec-fetch-mode": "cors"})
        assert response.headers.get_list("www-authenticate") == ['Bearer realm="Millstream"']

    tell(story, TOKEN)


def test_the_token_is_not_shown_in_the_configuration() -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.get("/jobmanager/config", headers={"authorization": "Bearer secret"})
        assert response.json() == [{"key": "rest.authentication.token", "value": "******"}]

    tell(story, {"rest.authentication.token": "secret"})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost"}, 200),
        ({"origin": "https://proxy.example", "x-forwarded-host": "proxy.example"}, 200),
        ({"origin": "https://proxy.example", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:8082"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_pages_of_other_origins_change_nothing(headers: dict[str, str], status: int) -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.delete("/cluster", headers=headers)
        assert response.status_code == status
        assert ("shut_down_cluster" in cluster.dispatcher.requests) == (status == 200)
        assert (await cluster.http.get("/config", headers=headers)).status_code == 200

    tell(story)


def test_a_page_of_another_origin_cancels_nothing_by_an_image() -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.get(f"/jobs/{'0' * 32}/yarn-cancel", headers={"sec-fetch-site": "cross-site"})
        assert response.status_code == 403

    tell(story)


def test_origins_are_allowed_by_name() -> None:
    async def story(cluster: FakeCluster) -> None:
        mine = {"origin": "https://My.example", "access-control-request-method": "DELETE"}
        response = await cluster.http.delete("/cluster", headers=mine)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://My.example"
        assert response.headers["vary"] == "Origin"
        asked = await cluster.http.options("/cluster", headers=mine)
        assert asked.status_code == 204
        assert "DELETE" in asked.headers["access-control-allow-methods"]
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        other = await cluster.http.get("/config", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
        assert (await cluster.http.delete("/cluster", headers={"origin": "https://o.example"})).status_code == 403
        assert (await cluster.http.options("/cluster")).status_code == 404

    tell(story, {"web.access-control-allow-origin": "https://my.example/, https://yours.example"})


def test_all_origins_may_be_allowed() -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.delete("/cluster", headers={"origin": "https://any.example"})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "*")

    tell(story, {"web.access-control-allow-origin": "*"})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8081", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:8081", 200),
        ("[::1]:8081", 200),
        ("flink.internal:1", 200),
        ("evil.example", 403),
        ("localhost.evil.example:8081", 403),
        ("[", 403),
    ],
)
def test_a_server_of_this_machine_answers_to_its_own_names(host: str, status: int) -> None:
    async def story(cluster: FakeCluster) -> None:
        for path in ("/config", "/"):
            response = await cluster.http.get(path, headers={"host": host})
            assert response.status_code == status
            if status == 403:
                assert "rest.address" in response.json()["errors"][0]

    tell(story, {"rest.address": "flink.internal"})


def test_a_server_that_others_reach_answers_to_any_name() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert (await cluster.http.get("/config", headers={"host": "master.example"})).status_code == 200

    tell(story, {"rest.bind-address": "0.0.0.0"})
