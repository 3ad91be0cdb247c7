"""Uploaded packages on a real cluster: their programs run in processes of their own, of which nothing is left."""

from __future__ import annotations

import contextlib
import io
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration, RestOptions
from millstream.testing.process_cluster import ProcessCluster, eventually

RUNNER = "millstream.client.package_runner"
TIMEOUT_SECONDS = 8

MAIN = '''"""Doubles numbers.

A package with a helper.
"""
import os
import subprocess
import sys

from helper import twice
from millstream.datastream import StreamExecutionEnvironment

out = sys.argv[1]
assert not [name for name in os.environ if "TOKEN" in name], "the program sees a token"
subprocess.Popen(["sleep", "600"])


def write(number):
    with open(out, "a") as file:
        file.write(f"{twice(number)}\\n")
    return number


env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 2, 3]).map(write).print()
print(env.execute("doubled").get_net_runtime())
'''

FAILING = """from millstream.datastream import StreamExecutionEnvironment

def build(text):
    return int(text)

build("many")
"""

HANGING = """import pathlib, sys, threading
pathlib.Path(sys.argv[1]).write_text("here")
threading.Event().wait()
"""


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


DOUBLING = zipped(__main__=MAIN, helper="def twice(number):\n    return number * 2\n")


class Client:
    """Asks for packages as a user does."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=120)

    def upload(self, name: str, content: bytes | str) -> str:
        data = content.encode() if isinstance(content, str) else content
        answer = self.http.post("/jars/upload", files={"jarfile": (name, data, "application/x-java-archive")})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["filename"].rpartition("/")[2])

    def run(self, package: str, *arguments: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/jars/{package}/run", json={"programArgsList": list(arguments), **body})

    def wait_for(self, job_id: str, state: str = "FINISHED") -> None:
        def ended() -> bool:
            found = self.http.get(f"/jobs/{job_id}/status").json().get("status")
            assert found not in {"FINISHED", "FAILED"} - {state}, self.http.get(f"/jobs/{job_id}/exceptions").text
            return bool(found == state)

        eventually(ended, f"job {job_id} is {state}")


def running_programs() -> list[psutil.Process]:
    """The processes of packages, and what they have started, of this test's clusters."""
    mine = psutil.Process().children(recursive=True)
    return [process for process in mine if _is_program(process)]


def _is_program(process: psutil.Process) -> bool:
    try:
        return RUNNER in process.cmdline() or process.cmdline() == ["sleep", "600"]
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    directory = tmp_path_factory.mktemp("cluster")
    settings = {
        "web.submit.timeout": f"{TIMEOUT_SECONDS} s",
        "web.tmpdir": str(directory / "web"),
        "web.upload.dir": str(directory / "uploads"),
    }
    with ProcessCluster(directory, task_managers=1, slots=4, settings=settings, rest=True) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: ProcessCluster) -> Iterator[Client]:
    client = Client(cluster.rest_url())
    eventually(lambda: _answers(client), "the REST interface answers")
    with contextlib.closing(client.http):
        yield client
    eventually(lambda: not running_programs(), "no program is left")


def _answers(client: Client) -> bool:
    try:
        return client.http.get("/overview").is_success
    except httpx.TransportError:
        return False


def test_a_package_with_a_helper_is_run_planned_and_deleted(client: Client, tmp_path: Path) -> None:
    package = client.upload("doubling.zip", DOUBLING)
    (listed,) = [each for each in client.http.get("/jars").json()["files"] if each["id"] == package]
    assert listed["entry"] == [{"name": "__main__", "description": "Doubles numbers."}]
    for method in ("GET", "POST"):
        query = {"parallelism": "2", "programArg": "unused"}
        plan = client.http.request(method, f"/jars/{package}/plan", params=query).json()["plan"]
        assert (plan["name"], plan["type"]) == ("doubled", "STREAMING")
        assert [node["parallelism"] for node in plan["nodes"]] == [1, 2]
    job_id = "deadbeef" * 4
    answer = client.run(package, str(tmp_path / "out"), parallelism=2, jobId=job_id)
    assert (answer.status_code, answer.json()) == (200, {"jobid": job_id})
    assert client.http.delete(f"/jars/{package}").json() == {}
    client.wait_for(job_id)
    assert sorted((tmp_path / "out").read_text().split()) == ["2", "4", "6"]
    vertices = client.http.get(f"/jobs/{job_id}").json()["vertices"]
    assert [vertex["parallelism"] for vertex in vertices] == [1, 2]


def test_a_job_id_is_taken_once(client: Client, tmp_path: Path) -> None:
    package = client.upload("doubling.zip", DOUBLING)
    assert client.run(package, str(tmp_path / "out"), jobId="ab" * 16).status_code == 200
    answer = client.run(package, str(tmp_path / "out"), jobId="ab" * 16)
    assert answer.status_code == 409, answer.text


def test_two_run_at_once(client: Client, tmp_path: Path) -> None:
    package = client.upload("doubling.zip", DOUBLING)
    outs = [tmp_path / "first", tmp_path / "second"]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda out: client.run(package, str(out)), outs))
    ids = [answer.json()["jobid"] for answer in answers]
    assert len(set(ids)) == 2
    for job_id, out in zip(ids, outs, strict=True):
        client.wait_for(job_id)
        assert sorted(out.read_text().split()) == ["2", "4", "6"]


def test_a_program_that_fails_is_told_with_the_users_line_first(client: Client) -> None:
    for action in ("run", "plan"):
        answer = client.http.post(f"/jars/{client.upload('failing.py', FAILING)}/{action}")
        assert answer.status_code == 400
        first, *others = answer.json()["errors"][0].splitlines()
        assert first == "ValueError: invalid literal for int() with base 10: 'many' (failing.py:4)"
        assert any("return int(text)" in line for line in others)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("print('nothing to do')", "The program didn't contain a Millstream job. Perhaps you forgot to call execute()"),
        ("import sys; sys.exit(3)", "The program ended itself with exit code 3"),
        ("import os; os._exit(4)", "The process that ran package 'job.py' is gone: it ended with exit code 4."),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' (job.py:1)"),
    ],
)
def test_a_program_without_a_job_is_told(client: Client, program: str, error: str) -> None:
    answer = client.run(client.upload("job.py", program))
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith(error)


def test_a_program_that_hangs_is_ended_and_the_server_answers_meanwhile(client: Client, tmp_path: Path) -> None:
    package = client.upload("hanging.py", HANGING)
    answers: list[httpx.Response] = []
    marker = tmp_path / "marker"
    thread = threading.Thread(target=lambda: answers.append(client.run(package, str(marker))))
    thread.start()
    eventually(marker.exists, "the program runs")
    assert client.http.delete(f"/jars/{package}").is_success
    assert client.http.get("/overview").is_success
    thread.join()
    assert answers[0].status_code == 400
    assert f"was ended after {TIMEOUT_SECONDS} s (web.submit.timeout)" in answers[0].json()["errors"][0]


def test_a_mini_cluster_that_closes_ends_its_programs(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    configuration = Configuration().set(RestOptions.BIND_PORT, "0")
    with MiniCluster(1, 1, configuration=configuration) as cluster:
        assert cluster.rest_url is not None
        client = Client(cluster.rest_url)
        with contextlib.closing(client.http):
            package = client.upload("hanging.py", HANGING)

            def run() -> None:
                try:
                    client.run(package, str(marker))
                except httpx.TransportError:
                    pass  # the server is gone

            thread = threading.Thread(target=run)
            thread.start()
            eventually(marker.exists, "the program runs")
            assert running_programs()
            cluster.close()
            thread.join()
    eventually(lambda: not running_programs(), "no program is left")


def test_a_master_that_is_killed_takes_its_programs_with_it(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with ProcessCluster(tmp_path / "cluster", task_managers=1, slots=1, rest=True) as cluster:
        client = Client(cluster.rest_url())
        eventually(lambda: _answers(client), "the REST interface answers")
        with contextlib.closing(client.http), ThreadPoolExecutor(1) as threads:
            package = client.upload("hanging.py", HANGING)
            answer = threads.submit(client.run, package, str(marker))
            eventually(marker.exists, "the program runs")
            programs = running_programs()
            assert programs
            cluster.kill_master()
            assert isinstance(answer.exception(), httpx.TransportError)
        psutil.wait_procs(programs, timeout=10)
        assert not any(program.is_running() and program.status() != "zombie" for program in programs)
