"""``/jobmanager/...``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.config import Configuration
from tests.unit.dispatcher.rest.asking import ask, first_error
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

JOB = "b" * 32


def tell(story: Callable[[FakeCluster], Awaitable[None]], settings: dict[str, str] | None = None) -> None:
    async def told() -> None:
        async with fake_cluster(Configuration.from_map(settings or {})) as cluster:
            await story(cluster)

    asyncio.run(told())


@pytest.mark.parametrize("prefix", ["", f"/jobs/{JOB}"])
def test_the_configuration_has_no_secrets(prefix: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await ask(cluster, f"{prefix}/jobmanager/config") == [
            {"key": "parallelism.default", "value": "2"},
            {"key": "security.ssl.rest.key-password", "value": "******"},
        ]

    tell(story, {"security.ssl.rest.key-password": "hush", "parallelism.default": "2"})


@pytest.mark.parametrize("prefix", ["", f"/jobs/{JOB}"])
def test_the_environment_has_no_secrets(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["python", "-m", "main", "-Drest.authentication.token=hush", "-Drest.port=1"]
    monkeypatch.setattr("sys.orig_argv", command)

    async def story(cluster: FakeCluster) -> None:
        environment = await cluster.get(f"{prefix}/jobmanager/environment")
        assert environment["jvm"]["version"].startswith("CPython 3.")
        assert environment["jvm"]["options"] == ["-m", "main", "-Drest.authentication.token=******", "-Drest.port=1"]
        assert environment["classpath"]

    tell(story)


def test_its_threads_and_the_tasks_of_its_loop() -> None:
    async def story(cluster: FakeCluster) -> None:
        waiting = asyncio.create_task(asyncio.Event().wait(), name="somebody waits")
        await asyncio.sleep(0)
        dumped = (await cluster.get("/jobmanager/thread-dump"))["threadInfos"]
        waiting.cancel()
        await asyncio.wait({waiting})
        names = [thread["threadName"] for thread in dumped]
        assert "jobmanager MainThread" in names
        assert "jobmanager asyncio somebody waits" in names

    tell(story)


def test_its_log_files(tmp_path: Path) -> None:
    log = tmp_path / "master.log"
    log.write_bytes(b"it has begun\n" * 200_000)
    (tmp_path / "master.out").write_text("printed")
    (tmp_path / "master.log.1").write_text("older")
    (tmp_path / "other.log").write_text("of somebody else")

    async def story(cluster: FakeCluster) -> None:
        logs = (await ask(cluster, "/jobmanager/logs"))["logs"]
        assert [(file["name"], file["size"]) for file in logs] == [
            ("master.log", 2_600_000),
            ("master.log.1", 5),
            ("master.out", 7),
        ]
        assert (await cluster.http.get("/jobmanager/log")).content == log.read_bytes()
        assert (await cluster.http.get("/jobmanager/stdout")).text == "printed"
        assert (await cluster.http.get("/jobmanager/logs/master.log.1")).text == "older"
        for name in ("other.log", "none.log", "..%2Fmaster.log"):
            assert (await cluster.http.get(f"/jobmanager/logs/{name}")).status_code == 404

    tell(story, {"web.log.path": str(log)})


def test_a_process_that_logs_to_the_console_has_no_files() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await ask(cluster, "/jobmanager/logs") == {"logs": []}
        assert await first_error(cluster, "/jobmanager/log", 404) == "The file LOG is not available on the JobManager."

    tell(story)


def test_the_level_of_a_logger_is_changed() -> None:
    logger = logging.getLogger("millstream.test.levels")

    async def story(cluster: FakeCluster) -> None:
        path = "/v1/millstream/jobmanager/log-levels"
        await cluster.call("PUT", path, body={"logger": logger.name, "level": "ERROR"})
        assert logger.level == logging.ERROR
        assert {"logger": logger.name, "level": "ERROR"} in (await cluster.get(path))["levels"]
        await cluster.call("PUT", path, body={"logger": logger.name, "level": ""})
        assert logger.level == logging.NOTSET
        await cluster.call("PUT", path, 409, {"logger": "", "level": ""})

    tell(story)
