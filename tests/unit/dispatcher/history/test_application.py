"""What the history server answers: the paths of the REST interface, to those who may ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration, HistoryServerOptions, RestOptions, WebOptions
from millstream.dispatcher.history.answer_store import AnswerStore
from millstream.dispatcher.history.application import make_application
from millstream.dispatcher.history.archive_fetcher import ArchiveFetcher
from millstream.dispatcher.rest.static_files import StaticFile
from tests.unit.dispatcher.history.archives import job_id, put_archive
from tests.unit.dispatcher.rest.job_reports import MAP, NOW, SOURCE
from tests.unit.dispatcher.rest.shapes import differences, shape_of

JOB = f"/jobs/{job_id(1)}"
VERTEX = f"{JOB}/vertices/{MAP}"


def asked(
    directory: Path, ask: Callable[[httpx.AsyncClient], Awaitable[None]], configuration: Configuration | None = None
) -> None:
    """Ask a history server that has read the archives of a directory."""
    configuration = configuration if configuration is not None else Configuration()
    store = AnswerStore(str(directory))

    async def find(path: str) -> bytes | None:
        return store.get(path)

    async def test() -> None:
        fetcher = ArchiveFetcher([str(directory)], configuration, store)
        fetcher.refresh()
        files = {"/": StaticFile(b"<html>", "text/html", 0, '"1"')}
        application = make_application(configuration, ManualClock(NOW), lambda: fetcher.catalogue, find, files)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as http:
            await ask(http)

    try:
        asyncio.run(test())
    finally:
        store.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    put_archive(tmp_path, 1, name="orders")
    put_archive(tmp_path, 2, "FAILED", name="payments")
    return tmp_path


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize(
    "path",
    [
        "/config",
        "/overview",
        "/jobs",
        "/jobs/overview",
        JOB,
        f"{JOB}/status",
        f"{JOB}/plan",
        f"{JOB}/config",
        f"{JOB}/exceptions?maxExceptions=10",
        f"{JOB}/accumulators",
        f"{JOB}/execution-result",
        f"{JOB}/checkpoints",
        f"{JOB}/checkpoints/config",
        f"{JOB}/checkpoints/details/2",
        f"{JOB}/checkpoints/details/2/subtasks/{SOURCE}",
        f"{JOB}/metrics",
        VERTEX,
        f"{VERTEX}/subtasktimes",
        f"{VERTEX}/taskmanagers",
        f"{VERTEX}/accumulators",
        f"{VERTEX}/flamegraph?type=full",
        f"{VERTEX}/watermarks",
        f"{VERTEX}/metrics?get=0.numRecordsIn",
        f"{VERTEX}/subtasks/accumulators",
        f"{VERTEX}/subtasks/metrics",
        f"{VERTEX}/subtasks/0",
        f"{VERTEX}/subtasks/0/metrics",
        f"{VERTEX}/subtasks/0/attempts/1",
        f"{VERTEX}/subtasks/0/attempts/1/accumulators",
    ],
)
def test_the_answers_have_flinks_shapes(directory: Path, prefix: str, path: str) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        answer = await http.get(prefix + path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"
        assert differences(answer.json(), shape_of("GET", path)) == []

    asked(directory, ask)


def test_interfaces_hear_that_this_is_history(directory: Path) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        told = (await http.get("/config")).json()
        assert told["features"] == {
            "web-submit": False,
            "web-cancel": False,
            "web-rescale": False,
            "web-history": True,
        }
        assert told["refresh-interval"] == 7000

    asked(directory, ask, Configuration().set_string(WebOptions.REFRESH_INTERVAL.key, "7 s"))


def test_jobs_are_counted(directory: Path) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        overview = (await http.get("/overview")).json()
        assert (overview["jobs-finished"], overview["jobs-failed"], overview["jobs-running"]) == (1, 1, 0)
        assert (overview["taskmanagers"], overview["slots-total"]) == (0, 0)
        names = [job["name"] for job in (await http.get("/jobs/overview")).json()["jobs"]]
        assert names == ["orders", "payments"]

    asked(directory, ask)


def test_ids_may_be_in_upper_case(directory: Path) -> None:
    put_archive(directory, 0xABC)

    async def ask(http: httpx.AsyncClient) -> None:
        path = f"/jobs/{job_id(0xABC).upper()}"
        assert (await http.get(path)).json()["jid"] == job_id(0xABC)
        assert (await http.get(f"{path}/vertices/{MAP.upper()}")).json()["id"] == MAP

    asked(directory, ask)


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", f"/jobs/{job_id(9)}", 404, f"Job {job_id(9)} not found"),
        ("GET", f"/jobs/{job_id(9)}/metrics", 404, f"Job {job_id(9)} not found"),
        ("GET", f"/jobs/{job_id(9)}/jobmanager/log-url", 404, f"Job {job_id(9)} not found"),
        ("GET", "/jobs/nonsense", 400, "Cannot resolve path parameter (jobid)"),
        ("GET", f"{JOB}/nothing", 404, "has no nothing"),
        ("GET", f"{JOB}/vertices/{job_id(5)}", 404, f"has no vertices/{job_id(5)}"),
        ("GET", f"{JOB}/../../../../etc/passwd", 404, "Unable to load requested file"),
        ("GET", f"{JOB}/..%2f..%2f..%2fetc%2fpasswd", 404, "etc/passwd"),
        ("GET", f"{JOB}/jobmanager/log-url", 404, "historyserver.log.jobmanager.url-pattern is not set"),
        ("GET", "/taskmanagers", 404, "Unable to load requested file /taskmanagers."),
        ("PATCH", JOB, 404, f"Not found: {JOB}"),
        ("POST", "/jars/upload", 404, "Not found: /jars/upload"),
        ("DELETE", "/cluster", 404, "Not found: /cluster"),
    ],
)
def test_what_is_not_there_is_told(directory: Path, method: str, path: str, status: int, message: str) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        answer = await http.request(method, path)
        assert answer.status_code == status
        assert message in answer.json()["errors"][0]

    asked(directory, ask)


def test_a_job_without_checkpoints_is_told_as_by_a_cluster(directory: Path) -> None:
    path = put_archive(directory, 3)
    written = json.loads(path.read_bytes())
    written["archive"] = [item for item in written["archive"] if "checkpoints" not in item["path"]]
    path.write_text(json.dumps(written))

    async def ask(http: httpx.AsyncClient) -> None:
        for part in ("checkpoints", "checkpoints/config"):
            answer = await http.get(f"/jobs/{job_id(3)}/{part}")
            assert answer.status_code == 404
            assert answer.json()["errors"] == [f"Checkpointing was not enabled for job {job_id(3)}."]

    asked(directory, ask)


def test_logs_are_where_the_patterns_say(directory: Path) -> None:
    configuration = (
        Configuration()
        .set(HistoryServerOptions.LOG_JOB_MANAGER_URL_PATTERN, "https://logs/<jobid>/master")
        .set(HistoryServerOptions.LOG_TASK_MANAGER_URL_PATTERN, "https://logs/<jobid>/of/<tmid>")
    )

    async def ask(http: httpx.AsyncClient) -> None:
        of_master = await http.get(f"{JOB}/jobmanager/log-url")
        assert of_master.json() == {"url": f"https://logs/{job_id(1)}/master"}
        of_worker = await http.get(f"/v1{JOB}/taskmanagers/host:40001-ab<c/log-url")
        assert of_worker.json() == {"url": f"https://logs/{job_id(1)}/of/host:40001-ab%3Cc"}

    asked(directory, ask, configuration)


def test_the_token_is_asked_for_but_not_for_the_page_itself(directory: Path) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        assert (await http.get("/jobs/overview")).status_code == 401
        assert (await http.get("/")).text == "<html>"
        shown = await http.get("/jobs/overview", headers={"authorization": "Bearer hush"})
        assert shown.status_code == 200

    asked(directory, ask, Configuration().set(RestOptions.AUTHENTICATION_TOKEN, "hush"))


def test_a_page_cannot_give_this_server_a_name_of_its_own(directory: Path) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        assert (await http.get("/jobs", headers={"host": "evil.example"})).status_code == 403

    asked(directory, ask)
