"""A browser, and a cluster that the scripts start.

A module has its own: the browser's event loop runs in the thread of the tests, where others run theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from millstream.testing.process_cluster import eventually
from tests.e2e.conftest import Deployment, deploy
from tests.e2e.web.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser: {CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        yield browser
        browser.close()


OpenSite = Callable[..., Site]
"""Opens the web interface at a URL in a tab of its own; takes the options of Playwright's `new_context`."""


@pytest.fixture(scope="module")
def open_site(browser: Browser) -> OpenSite:
    def open_site(url: str, **options: object) -> Site:
        context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})  # type: ignore[arg-type]  # they are of many types
        return Site(context.new_page(), url)

    return open_site


@pytest.fixture(autouse=True)
def no_problems() -> Iterator[None]:
    """Nothing may go wrong in any tab while a test runs."""
    Site.problems.clear()
    yield
    assert Site.problems == []


class WebCluster:
    """A cluster whose web interface is looked at.

    :ivar url: of the REST interface.
    """

    def __init__(self, deployment: Deployment, url: str) -> None:
        self.deployment = deployment
        self.url = url

    def run(self, program: str) -> str:
        """Submit a program with the command line and return its job's id."""
        ran = self.deployment.millstream("run", "-d", str(PROGRAMS / program))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.split("JobID ")[1].split()[0]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebCluster]:
    """One TaskManager with six slots; metrics are fresh each half second, and flame graphs are on."""
    directory = tmp_path_factory.mktemp("web")
    made = deploy(directory)
    with (directory / "conf" / "config.yaml").open("a") as configuration:
        configuration.write(
            "web.refresh-interval: 500 ms\n"
            "metrics.fetcher.update-interval: 500 ms\n"
            "rest.flamegraph.enabled: true\n"
            "rest.flamegraph.num-samples: 20\n"
            "rest.flamegraph.delay-between-samples: 10 ms\n"
            f"execution.checkpointing.dir: {directory}/checkpoints\n"
            f"execution.checkpointing.savepoint-dir: {directory}/savepoints\n"
        )
    text = (directory / "conf" / "config.yaml").read_text().replace("numberOfTaskSlots: 2", "numberOfTaskSlots: 6")
    (directory / "conf" / "config.yaml").write_text(text)
    started = made.script("start-cluster.sh")
    assert started.returncode == 0, started.stdout + started.stderr
    url = f"http://localhost:{made.rest_port}"
    eventually(lambda: _serves(url), "the web interface is served")
    yield WebCluster(made, url)
    made.script("stop-cluster.sh")
    made.end()


def _serves(url: str) -> bool:
    import httpx

    try:
        return bool(httpx.get(f"{url}/overview").json()["slots-available"] == 6)
    except (httpx.TransportError, KeyError):
        return False
