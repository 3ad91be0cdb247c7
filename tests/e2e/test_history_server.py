"""Jobs of a cluster that is gone: archived by its master, and shown by the history server."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from millstream.testing.process_cluster import eventually, free_port
from tests.e2e.conftest import Deployment, deploy
from tests.unit.dispatcher.rest.shapes import differences, shape_of

HOST = os.environ.get("HOSTNAME") or socket.gethostname()
JOB_ID = r"[0-9a-f]{32}"

FINISHING = """
from millstream.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 2, 3]).rebalance().map(lambda number: number + 1).print()
env.execute("finishing")
"""

FAILING = """
from millstream.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(["1", "two"]).map(int).print()
env.execute("failing")
"""

ENDLESS = """
import time
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceFunction

class Ticking(SourceFunction):
    def run(self, ctx):
        self.running = True
        while self.running:
            ctx.collect(1)
            time.sleep(0.001)
    def cancel(self):
        self.running = False

env = StreamExecutionEnvironment.get_execution_environment()
env.enable_checkpointing(100)
env.add_source(Ticking()).rebalance().map(lambda number: number).print()
env.execute("endless")
"""


class History:
    """A history server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"

    def get(self, path: str, status: int = 200) -> Any:
        """Return an answer, which has the shape of Flink's."""
        answer = httpx.get(self.url + path, timeout=20)
        assert answer.status_code == status, answer.text
        assert differences(answer.json(), shape_of("GET", path, status)) == [], path
        return answer.json()

    def jobs(self) -> dict[str, dict[str, Any]]:
        return {job["name"]: job for job in self.get("/jobs/overview")["jobs"]}


def write_program(directory: Path, name: str, text: str) -> str:
    path = directory / f"{name}.py"
    path.write_text(text)
    return str(path)


def submitted(ran: subprocess.CompletedProcess[str]) -> str:
    found = re.search(JOB_ID, ran.stdout)
    assert found is not None, ran.stdout + ran.stderr
    return found[0]


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Path, int]]:
    """A cluster that has run a job of each kind and was stopped; with its archives, and a port for a history server."""
    made = deploy(tmp_path_factory.mktemp("deployment"))
    archives, port = made.directory / "archives", free_port()
    with (made.directory / "conf" / "config.yaml").open("a") as file:
        file.write(f"jobmanager.archive.fs.dir: {archives.as_uri()}\n")
        file.write(f"historyserver:\n  archive.fs:\n    dir: {archives.as_uri()}\n    refresh-interval: 200 ms\n")
        file.write(f"  web.port: {port}\n")
    started = made.script("start-cluster.sh")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        finishing = made.millstream("run", write_program(made.directory, "finishing", FINISHING))
        assert finishing.returncode == 0, finishing.stderr
        assert made.millstream("run", write_program(made.directory, "failing", FAILING)).returncode != 0
        endless = submitted(made.millstream("run", "-d", write_program(made.directory, "endless", ENDLESS)))
        eventually(lambda: completed_checkpoints(made, endless) > 0, "a checkpoint is completed")
        assert made.millstream("cancel", endless).returncode == 0
    finally:
        made.script("stop-cluster.sh")
    yield made, archives, port
    made.end()


def completed_checkpoints(cluster: Deployment, job_id: str) -> int:
    answer = httpx.get(f"http://localhost:{cluster.rest_port}/jobs/{job_id}/checkpoints")
    return int(answer.json()["counts"]["completed"])


@pytest.fixture
def history(gone: tuple[Deployment, Path, int]) -> Iterator[History]:
    """A history server, by the script."""
    deployment, _, port = gone
    started = deployment.script("historyserver.sh", "start")
    assert started.stdout == f"Starting historyserver daemon on host {HOST}.\n", started.stderr
    assert started.returncode == 0
    (pid,) = deployment.pids("historyserver")
    server = History(port)
    eventually(lambda: len(server.jobs()) == 3, "all archives are read")
    yield server
    stopped = deployment.script("historyserver.sh", "stop")
    assert stopped.stdout == f"Stopping historyserver daemon (pid: {pid}) on host {HOST}.\n"
    assert stopped.returncode == 0
    assert deployment.pids("historyserver") == []
    log = deployment.log("*historyserver*.log")
    assert "The history server has ended" in log
    assert "ERROR" not in log


def test_every_job_is_one_file_in_flinks_form(gone: tuple[Deployment, Path, int]) -> None:
    _, archives, _ = gone
    files = list(archives.iterdir())
    assert len(files) == 3
    for file in files:
        assert re.fullmatch(JOB_ID, file.name)
        entries = json.loads(file.read_bytes())["archive"]
        assert {f"/jobs/{file.name}", "/jobs/overview"} <= {entry["path"] for entry in entries}


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_every_page_of_every_job_has_its_answers(history: History, prefix: str) -> None:
    assert history.get(f"{prefix}/config")["features"]["web-history"] is True
    overview = history.get(f"{prefix}/overview")
    assert [overview[f"jobs-{state}"] for state in ("finished", "failed", "cancelled", "running")] == [1, 1, 1, 0]
    states = {name: job["state"] for name, job in history.jobs().items()}
    assert states == {"finishing": "FINISHED", "failing": "FAILED", "endless": "CANCELED"}
    assert len(history.get(f"{prefix}/jobs")["jobs"]) == 3
    for name, line in history.jobs().items():
        path = f"{prefix}/jobs/{line['jid']}"
        job = history.get(path)
        assert (job["name"], job["state"], job["plan"]["jid"]) == (name, states[name], line["jid"])
        for part in ("plan", "config", "exceptions", "accumulators", "execution-result", "checkpoints", "status"):
            history.get(f"{path}/{part}")
        history.get(f"{path}/checkpoints/config")
        history.get(f"{path}/metrics")
        assert job["vertices"]
        for vertex in job["vertices"]:
            check_vertex(history, f"{path}/vertices/{vertex['id']}")


def check_vertex(history: History, path: str) -> None:
    """Ask what the pages of a vertex ask."""
    for part in ("subtasktimes", "taskmanagers", "accumulators", "watermarks", "metrics"):
        history.get(f"{path}/{part}")
    history.get(f"{path}/subtasks/accumulators")
    history.get(f"{path}/subtasks/metrics")
    for subtask in history.get(path)["subtasks"]:
        of_subtask = f"{path}/subtasks/{subtask['subtask']}"
        history.get(of_subtask)
        history.get(f"{of_subtask}/attempts/{subtask['attempt']}")
        history.get(f"{of_subtask}/attempts/{subtask['attempt']}/accumulators")


def test_what_the_jobs_did_is_known(history: History) -> None:
    jobs = history.jobs()
    failure = history.get(f"/jobs/{jobs['failing']['jid']}/exceptions?maxExceptions=10")
    assert "invalid literal for int()" in failure["root-exception"]
    assert history.get(f"/jobs/{jobs['failing']['jid']}/execution-result")["job-execution-result"][
        "application-status"
    ] == ("FAILED")
    endless = f"/jobs/{jobs['endless']['jid']}"
    latest = history.get(f"{endless}/checkpoints")["latest"]["completed"]
    details = history.get(f"{endless}/checkpoints/details/{latest['id']}")
    for vertex in details["tasks"]:
        history.get(f"{endless}/checkpoints/details/{latest['id']}/subtasks/{vertex}")
    finished = history.get(f"/jobs/{jobs['finishing']['jid']}")
    assert sum(vertex["metrics"]["read-records"] for vertex in finished["vertices"]) >= 3


def test_the_web_interface_is_served(history: History) -> None:
    page = httpx.get(history.url)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "Millstream" in page.text


def test_new_archives_come_and_broken_ones_are_passed_over(
    history: History, gone: tuple[Deployment, Path, int]
) -> None:
    deployment, archives, _ = gone
    known = history.jobs()["finishing"]["jid"]
    broken, copied = archives / ("0" * 32), archives / ("1" * 32)
    try:
        broken.write_text("{")
        copied.write_text((archives / known).read_text().replace(known, copied.name).replace("finishing", "copied"))
        eventually(lambda: "copied" in history.jobs(), "the new archive is shown")
        assert set(history.jobs()) == {"finishing", "failing", "endless", "copied"}
        eventually(lambda: str(broken) in deployment.log("*historyserver*.log"), "the broken archive is told of")
    finally:
        broken.unlink()
        copied.unlink()


def test_without_a_directory_it_says_what_to_set(deployment: Deployment) -> None:
    started = deployment.script("historyserver.sh", "start")
    assert started.returncode == 1
    assert "historyserver.archive.fs.dir" in started.stderr
    assert deployment.pids("historyserver") == []
    assert deployment.script("historyserver.sh", "bogus").stdout.startswith("Usage: historyserver.sh ((start|")
