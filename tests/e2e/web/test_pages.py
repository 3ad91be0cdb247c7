"""Every page of the web interface, on a cluster with a job that runs, and one that has failed."""

from __future__ import annotations

import httpx
import pytest

from millstream.testing.process_cluster import eventually
from tests.e2e.web.conftest import OpenSite, WebCluster
from tests.e2e.web.site import Site

JOB_PAGES = [
    ("overview", ["Graph", "Vertices"]),
    ("timeline", ["Timeline"]),
    ("exceptions", ["Exceptions", "This job has not failed."]),
    ("checkpoints", ["Latest completed checkpoint", "Triggered"]),
    ("checkpoints/history", ["History", "COMPLETED"]),
    ("checkpoints/summary", ["Summary", "End-to-end duration", "99.9 %"]),
    ("checkpoints/configuration", ["Exactly once", "1.0 s"]),
    ("dataskew", ["Data skew"]),
    ("configuration", ["Execution", "Restart strategy", "Accumulators"]),
]
VERTEX_PAGES = [
    ("detail", ["Parallelism", "Operators", "Inputs"]),
    ("subtasks", ["All subtasks", "RUNNING"]),
    ("taskmanagers", ["TaskManager", "Tasks"]),
    ("watermarks", ["Low watermark"]),
    ("accumulators", ["This vertex has no accumulators."]),
    ("backpressure", ["Back pressure", "OK"]),
    ("metrics", ["Pick metrics"]),
    ("flamegraph", ["Sampled until"]),
]
TASK_MANAGER_PAGES = [
    ("metrics", ["Memory", "Memory configuration", "Allocated slots", "Status.JVM.CPU.Load"]),
    ("logs", ["millstream.taskmanager"]),
    ("log-list", ["Log files", ".log"]),
    ("stdout", [".out"]),
    ("thread-dump", ["MainThread"]),
]
JOB_MANAGER_PAGES = [
    ("metrics", ["All metrics", "Status.JVM.CPU.Load"]),
    ("config", ["taskmanager.numberOfTaskSlots"]),
    ("environment", ["Interpreter", "CPython"]),
    ("logs", ["jobmanager.log"]),
    ("log", ["Log files"]),
    ("stdout", ["jobmanager.out"]),
    ("thread-dump", ["MainThread"]),
]


@pytest.fixture(scope="module")
def running(cluster: WebCluster) -> str:
    """The id of a job whose tasks run, that has a checkpoint."""
    job_id = cluster.run("readings.py")

    def has_checkpoint() -> bool:
        answer = httpx.get(f"{cluster.url}/jobs/{job_id}/checkpoints").json()
        return bool(answer["counts"]["completed"])

    eventually(has_checkpoint, "a checkpoint is complete")
    return job_id


@pytest.fixture(scope="module")
def failed(cluster: WebCluster) -> str:
    job_id = cluster.run("failing.py")
    eventually(
        lambda: httpx.get(f"{cluster.url}/jobs/{job_id}/status").json()["status"] == "FAILED", "the job has failed"
    )
    return job_id


@pytest.fixture(scope="module")
def site(cluster: WebCluster, open_site: OpenSite) -> Site:
    return open_site(cluster.url)


def vertex_of(cluster: WebCluster, job_id: str, name: str) -> str:
    vertices = httpx.get(f"{cluster.url}/jobs/{job_id}").json()["vertices"]
    return str(next(vertex["id"] for vertex in vertices if name in vertex["name"]))


def test_the_overview_shows_the_cluster_and_its_jobs(site: Site, running: str, failed: str) -> None:
    site.open("overview")
    site.heading("Overview").wait_for()
    site.see("4 free")
    page = site.page
    assert page.get_by_role("link", name="Readings").get_attribute("href") == f"#/job/running/{running}/overview"
    assert page.get_by_role("link", name="Failing").get_attribute("href") == f"#/job/completed/{failed}/overview"
    assert page.title() == "Overview · Millstream"
    assert all(scope in ("col", "row") for scope in page.locator("th").evaluate_all("all => all.map(e => e.scope)"))


def test_jobs_are_listed_by_whether_they_run(site: Site, running: str, failed: str) -> None:
    site.open("job", "running")
    site.see("Readings")
    assert site.page.get_by_role("link", name="Failing").count() == 0
    site.open("job", "completed")
    site.see("Failing")
    assert site.page.get_by_role("link", name="Readings").count() == 0


@pytest.mark.parametrize(("tab", "texts"), JOB_PAGES)
def test_a_job(site: Site, running: str, tab: str, texts: list[str]) -> None:
    site.open("job", "running", running, *tab.split("/"))
    site.heading("Readings").wait_for()
    for text in texts:
        site.see(text)


@pytest.mark.parametrize(("tab", "texts"), VERTEX_PAGES)
def test_a_vertex(site: Site, cluster: WebCluster, running: str, tab: str, texts: list[str]) -> None:
    site.open("job", "running", running, "overview", vertex_of(cluster, running, "means"), tab)
    for text in texts:
        site.page.locator(".drawer").get_by_text(text).first.wait_for()


@pytest.mark.parametrize(("tab", "texts"), TASK_MANAGER_PAGES)
def test_a_task_manager(site: Site, cluster: WebCluster, running: str, tab: str, texts: list[str]) -> None:
    site.open("task-manager")
    site.heading("1 TaskManager").wait_for()
    (task_manager,) = httpx.get(f"{cluster.url}/taskmanagers").json()["taskmanagers"]
    site.page.get_by_role("link", name=task_manager["id"]).wait_for()
    site.open("task-manager", task_manager["id"], tab)
    for text in texts:
        site.see(text)


@pytest.mark.parametrize(("tab", "texts"), JOB_MANAGER_PAGES)
def test_the_job_manager(site: Site, cluster: WebCluster, tab: str, texts: list[str]) -> None:
    site.open("job-manager", tab)
    for text in texts:
        site.see(text)


def test_the_graph_shows_operators_edges_and_figures(site: Site, running: str) -> None:
    site.open("job", "running", running, "overview")
    page = site.page
    page.locator(".node").nth(3).wait_for()
    assert page.locator(".node").count() == 4
    assert sorted(page.locator(".edge__label").all_text_contents()) == ["HASH", "REBALANCE", "REBALANCE"]
    means = page.locator(".node").filter(has_text="means")
    means.get_by_text("idle").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.node')].some(n => /means.*[1-9][0-9,]* records in/.test(n.ariaLabel))"
    )
    means.click()
    page.locator(".drawer").get_by_text("HASH from warm").wait_for()
    assert page.url.endswith("/detail")
    page.keyboard.press("Escape")
    page.locator(".drawer").wait_for(state="detached")
    assert page.evaluate("document.activeElement.classList.contains('node')")


def test_metrics_are_picked_and_plotted(site: Site, cluster: WebCluster, running: str) -> None:
    site.open("job", "running", running, "overview", vertex_of(cluster, running, "warm"), "metrics")
    page = site.page
    page.get_by_role("searchbox", name="Search for metrics").fill("0.numRecordsIn")
    page.get_by_label("0.numRecordsIn", exact=True).check()
    plot = page.locator("figure.plot")
    plot.get_by_text("0.numRecordsIn", exact=True).wait_for()
    page.wait_for_function("() => document.querySelector('.plot__line')?.getAttribute('points').split(' ').length > 2")
    page.reload()
    plot.get_by_text("0.numRecordsIn", exact=True).wait_for()
    page.get_by_role("button", name="Remove 0.numRecordsIn").click()
    plot.wait_for(state="detached")


def test_a_checkpoint_is_opened_down_to_its_subtasks(site: Site, running: str) -> None:
    site.open("job", "running", running, "checkpoints", "history")
    page = site.page
    page.locator("tbody .text-button").first.click()
    page.get_by_role("button", name="Subtasks of means").click()
    page.get_by_role("region", name="Subtasks", exact=True).get_by_text("COMPLETED").first.wait_for()
    page.get_by_role("region", name="Summary of the subtasks").get_by_text("Async").wait_for()


def test_subtasks_open_in_the_timeline(site: Site, running: str) -> None:
    site.open("job", "running", running, "timeline")
    site.page.get_by_role("button", name="means").click()
    site.see("Subtask 1")
    assert site.page.locator(".timeline__row--subtask .timeline__bar--running").count() == 2


def test_a_failure_begins_with_what_the_user_has_to_mend(site: Site, failed: str) -> None:
    site.open("job", "completed", failed, "overview")
    banner = site.page.get_by_role("region", name="Why the job has failed")
    banner.get_by_text("ZeroDivisionError: division by zero").wait_for()
    banner.get_by_role("link", name="Details").click()
    root = site.page.locator(".failure")
    root.wait_for()
    assert root.locator(".failure__what").inner_text() == "ZeroDivisionError: division by zero"
    operator, record, place = root.locator(".failure__where li").all_inner_texts()
    assert "reciprocal" in operator
    assert record == "record 0"
    assert place.endswith("failing.py:9")
    marked = root.locator(".frame--users").all_inner_texts()
    assert "failing.py" in marked[0]
    assert marked[1].strip() == "return 1 / value"
    assert not any("taskmanager/" in line for line in marked)
    site.page.locator(".failure-entry summary").first.click()
    site.page.locator(".failure-entry__body .frame--users").first.wait_for()


def test_what_is_unknown_is_said(site: Site, running: str) -> None:
    site.open("nowhere")
    site.see("There is no such page")
    unknown = "0" * 32
    site.open("job", "running", unknown, "overview")
    site.page.get_by_role("alert").get_by_text(unknown).wait_for()
    site.page.get_by_role("button", name="Try again").wait_for()
    site.open("overview")
    site.see("Readings")
    Site.problems[:] = [problem for problem in Site.problems if "404" not in problem]


def test_light_and_dark(cluster: WebCluster, open_site: OpenSite, running: str) -> None:
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = open_site(cluster.url, color_scheme="dark")
    dark.open("overview")
    light = open_site(cluster.url, color_scheme="light")
    light.open("overview")
    light.heading("Overview").wait_for()
    assert dark.page.evaluate(background) != light.page.evaluate(background)
    switch = light.page.locator(".theme-switch")
    for name in ("light", "dark"):
        switch.click()
        switch.get_by_text(f"Colours: {name}").wait_for()
    assert light.page.evaluate(background) == dark.page.evaluate(background)
    light.page.reload()
    switch.get_by_text("Colours: dark").wait_for()
    assert light.page.evaluate(background) == dark.page.evaluate(background)
    dark.close()
    light.close()


def test_a_phone_shows_everything_without_scrolling_sideways(
    cluster: WebCluster, open_site: OpenSite, running: str, failed: str
) -> None:
    site = open_site(cluster.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    vertex = vertex_of(cluster, running, "means")
    (task_manager,) = httpx.get(f"{cluster.url}/taskmanagers").json()["taskmanagers"]
    routes = [
        ["overview"],
        ["job", "running"],
        ["task-manager"],
        ["submit"],
        ["job", "completed", failed, "exceptions"],
        *(["job", "running", running, *tab.split("/")] for tab, _ in JOB_PAGES),
        *(["job", "running", running, "overview", vertex, tab] for tab, _ in VERTEX_PAGES),
        *(["task-manager", task_manager["id"], tab] for tab, _ in TASK_MANAGER_PAGES),
        *(["job-manager", tab] for tab, _ in JOB_MANAGER_PAGES),
    ]
    too_wide = {}
    for route in routes:
        site.open(*route)
        site.page.locator("main h1").wait_for()
        if "flamegraph" not in route:  # which may wait for its first samples
            site.page.locator("main .spinner").first.wait_for(state="detached")
        if site.width_too_much() > 0:
            too_wide["/".join(route)] = site.width_too_much()
    assert too_wide == {}
    site.page.get_by_role("button", name="Open the menu").click()
    site.page.get_by_role("link", name="Overview").click()
    site.heading("Overview").wait_for()
    site.close()


def test_the_keyboard_reaches_everything(site: Site, running: str) -> None:
    site.open("job", "running", running, "overview")
    page = site.page
    page.reload()  # the focus is nowhere
    page.locator(".node").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    # A vertex has a thick frame instead: an outline of SVG is drawn badly.
    outlined = """() => document.activeElement.classList.contains('node')
        || getComputedStyle(document.activeElement).outlineStyle !== 'none'"""
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
        assert page.evaluate(outlined), reached[-1]
    for wanted in ("Savepoint", "Cancel job", "Timeline", "Show all"):
        assert wanted in reached, reached
    node = next(number for number, text in enumerate(reached) if text.startswith("Source: readings;"))
    for _ in range(len(reached) - 1 - node):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator(".drawer").get_by_text("Slot sharing group").wait_for()


def test_a_hidden_tab_asks_nothing_and_rounds_never_overlap(site: Site, running: str) -> None:
    asked: list[str] = []
    site.page.on("request", lambda request: asked.append(request.url))
    site.open("overview")
    site.see("Readings")
    hide = (
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    site.page.evaluate(hide, True)
    asked.clear()
    site.page.wait_for_timeout(1200)
    assert asked == []
    with site.page.expect_request("**/jobs/overview"):
        site.page.evaluate(hide, False)


@pytest.mark.parametrize("tab", [tab for tab, _ in JOB_PAGES if "checkpoints" not in tab])
def test_a_job_that_has_ended(site: Site, failed: str, tab: str) -> None:
    site.open("job", "completed", failed, tab)
    site.heading("Failing").wait_for()
    site.page.locator("main .panel").first.wait_for()
    site.page.locator("main .spinner").first.wait_for(state="detached")


@pytest.mark.parametrize("tab", [tab for tab, _ in VERTEX_PAGES])
def test_a_vertex_that_has_ended(site: Site, cluster: WebCluster, failed: str, tab: str) -> None:
    site.open("job", "completed", failed, "overview", vertex_of(cluster, failed, "reciprocal"), tab)
    site.page.locator(f".drawer a[href$='/{tab}'][aria-current]").wait_for()
    site.page.locator(".drawer .spinner").first.wait_for(state="detached")
