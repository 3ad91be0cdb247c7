"""What the web interface makes of answers that a small cluster never gives: many jobs, large graphs, hostile names,
errors; and of a cluster that wants a token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration, RestOptions
from tests.e2e.web.conftest import OpenSite
from tests.e2e.web.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Route

TOKEN = "a token of some length"
JOB = "a" * 32
HOSTILE = "<img src=x onerror=window.broken=1><script>window.broken=1</script>"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of the REST interface of a cluster that wants a token."""
    configuration = Configuration().set(RestOptions.BIND_PORT, "0").set(RestOptions.AUTHENTICATION_TOKEN, TOKEN)
    with MiniCluster(isolation="thread", configuration=configuration) as cluster:
        assert cluster.rest_url is not None
        yield cluster.rest_url


@pytest.fixture
def site(url: str, open_site: OpenSite) -> Iterator[Site]:
    """A tab that knows the token."""
    site = open_site(url)
    site.page.add_init_script(f"sessionStorage.setItem('millstream.token', {TOKEN!r})")
    yield site
    site.close()


def answer(site: Site, path: str, body: object, status: int = 200) -> None:
    """Let requests for a path be answered so instead of by the server."""

    def fulfil(route: Route) -> None:
        route.fulfill(json=body, status=status)

    site.page.route(f"{site.url}/{path}", fulfil)


def job_summary(number: int, name: str) -> dict[str, Any]:
    return {
        "jid": f"{number:032x}",
        "name": name,
        "state": "RUNNING" if number % 2 else "FINISHED",
        "start-time": 1_700_000_000_000 + number,
        "end-time": -1 if number % 2 else 1_700_000_900_000,
        "duration": 1000 * number,
        "last-modification": 1_700_000_000_000,
        "tasks": {"running": 4, "total": 4},
    }


def job_detail(vertices: int, name: str) -> dict[str, Any]:
    """A job whose vertices each read the one before, and each third one more."""
    metrics = {
        f"{way}-{what}{complete}": value
        for way in ("read", "write")
        for what in ("records", "bytes")
        for complete, value in (("", 1_234_567), ("-complete", True))
    }

    def inputs(number: int) -> list[dict[str, Any]]:
        before = {number - 1, number - 7} if number % 3 == 0 else {number - 1}
        return [
            {"num": at, "id": f"{source:032x}", "ship_strategy": "HASH", "exchange": "pipelined_bounded"}
            for at, source in enumerate(sorted(each for each in before if each >= 0))
        ]

    return {
        "jid": JOB,
        "name": name,
        "isStoppable": True,
        "state": "RUNNING",
        "job-type": "STREAMING",
        "start-time": 1_700_000_000_000,
        "end-time": -1,
        "duration": 60_000,
        "maxParallelism": 128,
        "now": 1_700_000_060_000,
        "timestamps": {},
        "status-counts": {"RUNNING": vertices},
        "vertices": [
            {
                "id": f"{number:032x}",
                "name": f"{name} {number} -> map",
                "parallelism": 4,
                "maxParallelism": 128,
                "status": "RUNNING",
                "start-time": 1_700_000_000_000,
                "end-time": -1,
                "duration": 60_000,
                "tasks": {"RUNNING": 4},
                "metrics": metrics,
            }
            for number in range(vertices)
        ],
        "plan": {
            "jid": JOB,
            "name": name,
            "type": "STREAMING",
            "nodes": [
                {"id": f"{number:032x}", "parallelism": 4, "description": name, "inputs": inputs(number)}
                for number in range(vertices)
            ],
        },
    }


def test_a_token_is_asked_for_and_kept_in_this_tab_only(url: str, open_site: OpenSite) -> None:
    site = open_site(url)
    site.open("overview")
    field = site.page.get_by_label("Token")
    field.fill("a wrong one")
    site.press("Continue")
    site.page.get_by_role("alert").get_by_text("has not taken this token").wait_for()
    field.fill(TOKEN)
    with site.page.expect_request("**/overview") as asked:
        site.press("Continue")
    assert asked.value.headers["authorization"] == f"Bearer {TOKEN}"
    site.see("No job is running.")
    site.page.reload()
    site.see("No job is running.")
    assert TOKEN not in site.page.evaluate("JSON.stringify({...localStorage}) + document.cookie + location.href")
    site.close()
    other = open_site(url)
    other.open("job-manager", "config")
    other.page.get_by_label("Token").wait_for()
    other.close()
    Site.problems[:] = [problem for problem in Site.problems if "401" not in problem]


def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(site: Site) -> None:
    response = site.page.goto(f"{site.url}/")
    assert response is not None
    policy = response.headers["content-security-policy"].split("; ")
    assert "default-src 'self'" in policy
    assert not any("unsafe" in rule for rule in policy)


def test_names_from_the_cluster_are_never_markup(site: Site) -> None:
    failure = {"exceptionName": HOSTILE, "stacktrace": f"{HOSTILE} | {HOSTILE}\n{HOSTILE}", "taskName": HOSTILE}
    history = {"entries": [failure | {"timestamp": 1, "failureLabels": {HOSTILE: HOSTILE}}], "truncated": False}
    answer(site, "jobs/overview", {"jobs": [job_summary(1, HOSTILE)]})
    answer(site, f"jobs/{JOB}", job_detail(3, HOSTILE))
    answer(site, f"jobs/{JOB}/vertices/**", [])
    answer(site, f"jobs/{JOB}/resource-requirements", {})
    answer(site, f"jobs/{JOB}/exceptions?*", {"root-exception": HOSTILE, "timestamp": 1, "exceptionHistory": history})
    site.open("overview")
    site.see(HOSTILE)
    site.open("job", "running", JOB, "overview")
    site.page.locator(".node").nth(2).wait_for()
    site.open("job", "running", JOB, "overview", f"{1:032x}", "detail")
    site.page.locator("ol.operators").get_by_text(HOSTILE).wait_for()
    site.open("job", "running", JOB, "timeline")
    site.page.locator(".timeline__row").nth(2).wait_for()
    site.open("job", "running", JOB, "exceptions")
    site.page.locator(".failure-entry summary").click()
    site.page.locator(".labels").get_by_text(HOSTILE).wait_for()
    assert site.page.locator("img, main script").count() == 0
    assert site.page.evaluate("window.broken") is None


def test_a_thousand_jobs_are_searched_and_sorted_at_once(site: Site) -> None:
    answer(site, "jobs/overview", {"jobs": [job_summary(number, f"job {number}") for number in range(2000)]})
    site.open("job", "running")
    site.see("1000 jobs")
    page = site.page
    assert page.locator("tbody tr").count() == 100
    began = time.monotonic()
    page.get_by_role("button", name="Sort by Duration").click()
    page.locator("tbody tr").first.get_by_text("job 1", exact=True).wait_for()
    page.get_by_role("button", name="Duration, sorted ascending").click()
    page.locator("tbody tr").first.get_by_text("job 1999", exact=True).wait_for()
    page.get_by_role("searchbox").fill("job 777")
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")
    assert time.monotonic() - began < 10
    page.get_by_role("searchbox").fill("")
    site.press("Show more")
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 200")
    # Drawing all of it again must leave the page free for its reader.
    longest = page.evaluate("""async () => {
        const jobs = await (await fetch('jobs/overview')).json();
        const { JobTable } = await import('./js/job_table.js');
        const { render } = await import('./js/dom.js');
        const { h } = await import('./js/dom.js');
        const table = new JobTable({ update() {} }, 'jobs', 'none');
        const place = document.createElement('div');
        let longest = 0;
        for (let round = 0; round < 5; round += 1) {
            const began = performance.now();
            render(place, h('div', null, table.view(jobs.jobs)));
            longest = Math.max(longest, performance.now() - began);
        }
        return longest;
    }""")
    assert longest < 1000


def test_a_graph_of_fifty_vertices_is_laid_out_and_redrawn(site: Site) -> None:
    answer(site, f"jobs/{JOB}", job_detail(50, "operator"))
    answer(site, f"jobs/{JOB}/resource-requirements", {})
    load = [{"id": f"{kind}TimeMsPerSecond", "avg": 300.0, "max": 900.0} for kind in ("busy", "idle")]
    answer(site, f"jobs/{JOB}/vertices/**", load)
    site.open("job", "running", JOB, "overview")
    page = site.page
    page.locator(".node").nth(49).wait_for()
    page.locator(".node--hot").nth(49).wait_for()
    boxes = page.locator(".node").evaluate_all("""all => all.map(e => e.querySelector('rect').getBoundingClientRect())
        .map(({ left, right, top, bottom }) => ({ left, right, top, bottom }))""")
    overlapping = [
        (one, other)
        for at, one in enumerate(boxes)
        for other in boxes[at + 1 :]
        if one["left"] < other["right"] - 0.5
        and other["left"] < one["right"] - 0.5
        and one["top"] < other["bottom"] - 0.5
        and other["top"] < one["bottom"] - 0.5
    ]
    assert overlapping == []
    assert page.locator(".edge").count() == sum(len(node["inputs"]) for node in job_detail(50, "")["plan"]["nodes"])
    site.press("Larger")
    page.locator(".node").nth(7).press("Enter")
    page.locator(".drawer").get_by_role("heading", name="operator 7").wait_for()


@pytest.mark.parametrize("down", [True, False])
def test_edges_of_any_graph_lead_forwards(site: Site, down: bool) -> None:
    site.open("overview")
    backwards = site.page.evaluate(
        """async down => {
            const { layOut } = await import('./js/charts/graph_layout.js');
            let seed = 1;
            const chance = below => (seed = (seed * 48271) % 2147483647) % below;
            const length = 30;
            const found = [];
            for (let round = 0; round < 200; round += 1) {
                const count = 1 + chance(length);
                const nodes = Array.from({ length: count }, (_, id) => {
                    return { id: `${id}`, width: 50 + chance(99), height: 20 + chance(99) };
                });
                const edges = Array.from({ length: chance(60) }, () => [chance(count), chance(count)])
                    .filter(([from, to]) => from < to)
                    .map(([from, to]) => ({ from: `${from}`, to: `${to}` }));
                const layout = layOut(nodes, edges, { down, layerGap: 40, gap: 10 });
                const box = id => {
                    const { x, y } = layout.places.get(id);
                    const { width, height } = nodes[Number(id)];
                    return { x, y, right: x + width, bottom: y + height };
                };
                if (layout.routes.length !== edges.length) found.push([round, 'edges are missing']);
                for (const { edge } of layout.routes) {
                    const [from, to] = [box(edge.from), box(edge.to)];
                    if (down ? from.bottom >= to.y : from.right >= to.x) found.push([round, edge]);
                }
                for (const { id } of nodes) {
                    const { x, y, right, bottom } = box(id);
                    const outside = Math.max(-x, -y, right - layout.width, bottom - layout.height);
                    if (outside > 0.5) found.push([round, id, outside]);
                }
            }
            return found;
        }""",
        down,
    )
    assert backwards == []


def test_errors_are_shown_with_a_way_to_try_again(site: Site) -> None:
    answer(site, "jobs/overview", {"errors": ["The cluster has hiccups.", "more about it"]}, status=500)
    site.open("job", "running")
    site.page.get_by_role("alert").get_by_text("The cluster has hiccups.").wait_for()
    site.page.unroute_all()
    site.press("Try again")
    site.see("No job is running.")
    # An answer that fails later leaves what was known, and says so.
    answer(site, "jobs/overview", {"errors": ["It is busy."]}, status=503)
    site.page.get_by_role("alert").get_by_text("It is busy.").wait_for()
    site.see("No job is running.")
    Site.problems[:] = [problem for problem in Site.problems if " 50" not in problem]


def test_what_the_cluster_does_not_offer_is_not_shown(site: Site) -> None:
    features = {"web-submit": False, "web-cancel": False, "web-rescale": False, "web-history": False}
    answer(site, "config", {"refresh-interval": 3000, "flink-version": "1.20.1", "features": features})
    answer(site, f"jobs/{JOB}", job_detail(2, "operator"))
    answer(site, f"jobs/{JOB}/vertices/**", [])
    site.open("job", "running", JOB, "overview")
    site.page.get_by_role("button", name="Savepoint", exact=True).wait_for()
    assert site.page.get_by_role("button", name="Cancel job").count() == 0
    assert site.page.get_by_role("link", name="Submit a job").count() == 0


def test_a_history_server_shows_jobs_and_no_cluster(site: Site) -> None:
    features = {"web-submit": False, "web-cancel": False, "web-rescale": False, "web-history": True}
    answer(site, "config", {"refresh-interval": 3000, "flink-version": "1.20.1", "features": features})
    answer(site, "jobs/overview", {"jobs": [job_summary(2, "old")]})
    site.open()
    site.heading("Completed jobs").wait_for()
    site.see("old")
    assert site.page.locator(".navigation__link").all_inner_texts() == ["Completed jobs"]


def test_it_works_behind_a_prefix(site: Site) -> None:
    def forward(route: Route) -> None:
        route.continue_(url=route.request.url.replace("/some/prefix/", "/"))

    site.page.route(f"{site.url}/some/prefix/**", forward)
    site.page.goto(f"{site.url}/some/prefix/#/overview")
    site.see("No job is running.")


def test_a_package_is_run_with_what_was_entered(site: Site) -> None:
    package = "0-0_job.py"
    file = {"id": package, "name": "job.py", "uploaded": 1, "entry": [{"name": "job:main", "description": None}]}
    answer(site, "jars", {"address": site.url, "files": [file]})
    answer(site, f"jars/{package}/run", {"jobid": JOB})
    answer(site, f"jobs/{JOB}", job_detail(2, "operator"))
    answer(site, f"jobs/{JOB}/vertices/**", [])
    site.open("submit")
    page = site.page
    page.get_by_role("button", name="job.py", exact=True).click()
    assert page.get_by_label("Entry point").input_value() == "job:main"
    page.get_by_label("Parallelism").fill("3")
    page.get_by_label("Arguments").fill("--input 'a b'")
    page.get_by_label("Savepoint path").fill("file:///savepoint")
    page.get_by_label("Allow state").check()
    with page.expect_request("**/run") as asked:
        site.press("Run")
    assert asked.value.method == "POST"
    assert asked.value.post_data_json == {
        "entryClass": "job:main",
        "parallelism": 3,
        "programArgs": "--input 'a b'",
        "savepointPath": "file:///savepoint",
        "allowNonRestoredState": True,
    }
    site.heading("operator").wait_for()


def test_of_a_large_log_the_end_is_shown_and_all_of_it_is_saved(site: Site, tmp_path: Path) -> None:
    lines = [f"{number:07d} {'x' * 92}" for number in range(60_000)]
    log = "\n".join(lines)
    site.page.route(f"{site.url}/jobmanager/log", lambda route: route.fulfill(body=log, content_type="text/plain"))
    site.open("job-manager", "logs")
    site.see("This is the end of the file")
    shown = site.page.locator("pre").inner_text().splitlines()
    assert shown == lines[-5000:]
    assert site.page.locator("pre").evaluate("pre => pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 1")
    site.page.get_by_role("searchbox").fill("59999")
    site.page.wait_for_function("document.querySelector('pre').textContent.split('\\n').length === 1")
    with site.page.expect_download() as download:
        site.press("Save")
    saved = tmp_path / "saved.log"
    download.value.save_as(saved)
    assert download.value.suggested_filename == "jobmanager.log"
    assert saved.read_text() == log
