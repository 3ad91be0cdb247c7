"""What is done with jobs in the web interface: submitted, cancelled, stopped, saved, rescaled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from millstream.testing.process_cluster import eventually
from tests.e2e.web.conftest import PROGRAMS, OpenSite, WebCluster
from tests.e2e.web.site import Site


@pytest.fixture(scope="module")
def site(cluster: WebCluster, open_site: OpenSite) -> Site:
    return open_site(cluster.url)


def started(cluster: WebCluster) -> Iterator[str]:
    """The id of a job whose tasks run; it is cancelled in the end, if it still does."""
    job_id = cluster.run("readings.py")
    eventually(lambda: state_of(cluster, job_id) == "RUNNING", "the job runs")
    yield job_id
    if state_of(cluster, job_id) == "RUNNING":
        httpx.patch(f"{cluster.url}/jobs/{job_id}", params={"mode": "cancel"})
    eventually(lambda: state_of(cluster, job_id) in ("CANCELED", "FINISHED"), "the job has ended")


running = pytest.fixture(scope="module")(started)
"""A job that goes on when a test is over."""
ending = pytest.fixture(started)
"""A job that a test may end."""


def state_of(cluster: WebCluster, job_id: str) -> str:
    return str(httpx.get(f"{cluster.url}/jobs/{job_id}").json().get("state"))


def test_a_job_is_cancelled_after_a_question(site: Site, cluster: WebCluster, ending: str) -> None:
    site.open("job", "running", ending, "overview")
    page = site.page
    site.press("Cancel job")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    for _ in range(5):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Cancel job"
    assert state_of(cluster, ending) == "RUNNING"
    site.press("Cancel job")
    dialog.get_by_role("button", name="Cancel the job").click()
    page.locator(".title-row .badge").get_by_text("CANCELED").wait_for()
    page.locator(".title-row__actions").wait_for(state="detached")
    assert state_of(cluster, ending) == "CANCELED"


def test_a_savepoint_is_taken_and_its_path_is_shown(
    site: Site, cluster: WebCluster, running: str, tmp_path: Path
) -> None:
    site.open("job", "running", running, "overview")
    site.press("Savepoint")
    dialog = site.page.get_by_role("dialog")
    dialog.get_by_label("Directory").fill(str(tmp_path))
    dialog.get_by_role("button", name="Take it").click()
    dialog.get_by_text("The savepoint is complete").wait_for()
    location = dialog.locator("pre").inner_text()
    assert str(tmp_path) in location
    assert len(list(tmp_path.iterdir())) == 1
    dialog.get_by_role("button", name="Close").click()
    site.open("job", "running", running, "checkpoints", "overview")
    site.see(location)
    assert state_of(cluster, running) == "RUNNING"


def test_a_savepoint_that_cannot_be_taken_says_why(site: Site, running: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    site.open("job", "running", running, "overview")
    site.press("Savepoint")
    dialog = site.page.get_by_role("dialog")
    dialog.get_by_label("Directory").fill(str(tmp_path / "file" / "below"))
    dialog.get_by_role("button", name="Take it").click()
    dialog.get_by_role("alert").get_by_text("There is no savepoint").wait_for()
    assert str(tmp_path / "file") in dialog.locator("pre").inner_text()
    site.page.keyboard.press("Escape")
    Site.problems[:] = [problem for problem in Site.problems if "500" not in problem]


def test_a_job_is_stopped_with_a_savepoint(site: Site, cluster: WebCluster, ending: str) -> None:
    site.open("job", "running", ending, "overview")
    site.press("Stop with savepoint")
    dialog = site.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Stop the job").click()
    dialog.get_by_text("The job is stopped").wait_for()
    assert "savepoint" in dialog.locator("pre").inner_text()
    site.page.keyboard.press("Escape")
    site.page.locator(".title-row .badge").get_by_text("FINISHED").wait_for()


def test_the_parallelism_of_a_vertex_is_changed(site: Site, cluster: WebCluster, running: str) -> None:
    vertices = httpx.get(f"{cluster.url}/jobs/{running}").json()["vertices"]
    means = next(vertex["id"] for vertex in vertices if vertex["name"] == "means")
    site.open("job", "running", running, "overview", means, "detail")
    page = site.page
    page.get_by_label("Change the parallelism").fill("1")
    page.get_by_role("button", name="Apply").click()
    page.locator(".node").filter(has_text="means").get_by_text("\u00d71").wait_for()


def test_a_program_is_uploaded_previewed_run_and_deleted(site: Site, cluster: WebCluster) -> None:
    site.open("submit")
    page = site.page
    page.locator("input[type=file]").set_input_files(PROGRAMS / "readings.py")
    page.get_by_text("readings.py is uploaded.").wait_for()
    page.get_by_label("Parallelism").fill("1")
    site.press("Show the plan")
    page.locator(".node").nth(3).wait_for()
    site.press("Run")
    page.wait_for_url(re.compile("#/job/running/[0-9a-f]{32}/overview"))
    site.heading("Readings").wait_for()
    job_id = page.url.split("/job/running/")[1][:32]
    eventually(lambda: state_of(cluster, job_id) == "RUNNING", "the job runs")
    httpx.patch(f"{cluster.url}/jobs/{job_id}", params={"mode": "cancel"})
    site.open("submit")
    site.press("Delete readings.py")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    site.see("No package is uploaded.")
    assert httpx.get(f"{cluster.url}/jars").json()["files"] == []


def test_a_program_that_fails_while_it_is_built_says_why(site: Site, tmp_path: Path) -> None:
    program = tmp_path / "broken.py"
    program.write_text("raise ValueError('no such thing')\n")
    site.open("submit")
    page = site.page
    page.locator("input[type=file]").set_input_files(program)
    page.get_by_text("broken.py is uploaded.").wait_for()
    site.press("Run")
    page.locator(".notice--error").get_by_text("no such thing").wait_for()
    page.locator(".notice--error").get_by_role("button", name="Dismiss").click()
    site.press("Delete broken.py")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    site.see("No package is uploaded.")
    Site.problems[:] = [problem for problem in Site.problems if "Failed to load resource" not in problem]
