"""The web interface of a history server: the pages of jobs that have ended, and nothing of a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from millstream.testing.process_cluster import eventually, free_port
from tests.e2e.web.conftest import OpenSite
from tests.e2e.web.site import Site
from tests.unit.dispatcher.history.archives import job_id, put_archive
from tests.unit.dispatcher.rest.job_reports import MAP

JOB_PAGES = [
    ("overview", "Vertices"),
    ("timeline", "Timeline"),
    ("exceptions", "This job has not failed."),
    ("checkpoints", "Latest completed checkpoint"),
    ("checkpoints/history", "COMPLETED"),
    ("checkpoints/summary", "End-to-end duration"),
    ("checkpoints/configuration", "Exactly once"),
    ("dataskew", "Data skew"),
    ("configuration", "Restart strategy"),
]
VERTEX_PAGES = ["detail", "subtasks", "taskmanagers", "watermarks", "accumulators", "backpressure", "metrics"]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a history server with two jobs."""
    directory = tmp_path_factory.mktemp("history")
    put_archive(directory, 1, name="orders")
    put_archive(directory, 2, "CANCELED", name="payments")
    port = free_port()
    (directory / "config.yaml").write_text(
        f"historyserver:\n  archive.fs.dir: {directory}\n  web.port: {port}\n  web.refresh-interval: 500 ms\n"
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "millstream.dispatcher.history.main"],
            env={**os.environ, "MILLSTREAM_CONF_DIR": str(directory)},
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://localhost:{port}"
        eventually(lambda: knows_both(url), f"both jobs are shown:\n{Path(directory / 'log').read_text()}")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def knows_both(url: str) -> bool:
    try:
        return len(httpx.get(f"{url}/jobs").json()["jobs"]) == 2
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def site(history: str, open_site: OpenSite) -> Iterator[Site]:
    site = open_site(history)
    yield site
    site.close()


def test_there_are_completed_jobs_and_nothing_else(site: Site) -> None:
    site.open()
    for name in ("orders", "payments"):
        site.see(name)
    pages = site.page.get_by_role("navigation").get_by_role("link")
    assert [text.strip() for text in pages.all_inner_texts()] == ["Completed jobs"]
    site.open("overview")
    site.see("orders")
    site.open("task-manager")
    site.heading("There is no such page").wait_for()


@pytest.mark.parametrize(("page", "text"), JOB_PAGES)
def test_every_part_of_a_job_is_shown(site: Site, page: str, text: str) -> None:
    site.open("job", "completed", job_id(1), *page.split("/"))
    site.heading("orders").wait_for()
    site.see(text)
    assert site.page.get_by_role("button", name="Cancel job").count() == 0


@pytest.mark.parametrize("page", VERTEX_PAGES)
def test_every_part_of_a_vertex_is_shown(site: Site, page: str) -> None:
    site.open("job", "completed", job_id(1), "overview", MAP, page)
    site.heading("map").wait_for()
    site.page.wait_for_load_state("networkidle")
