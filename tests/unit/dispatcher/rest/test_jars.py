"""The endpoints of packages and of job graphs, as far as no program is run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import DuplicateJobError, InvalidProgramError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.packages.package_entries import PackageEntry
from millstream.dispatcher.packages.package_store import Package
from millstream.dispatcher.rest.errors import BadRequestError
from millstream.dispatcher.rest.messages.jars import JarRunRequest
from millstream.dispatcher.rest.payloads.jars import run_options
from tests.unit.dispatcher.rest.asking import ask, first_error
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster
from tests.unit.dispatcher.rest.shapes import differences, shape_of

JOB = "0123456789abcdef0123456789abcdef"


def tell(story: Callable[[FakeCluster], Awaitable[None]], settings: dict[str, str]) -> None:
    async def told() -> None:
        async with fake_cluster(Configuration.from_map(settings)) as cluster:
            await story(cluster)

    asyncio.run(told())


async def upload(cluster: FakeCluster, name: str, content: bytes, status: int = 200) -> Any:
    response = await cluster.http.post("/jars/upload", files={"jarfile": (name, content)})
    assert response.status_code == status, response.text
    assert differences(response.json(), shape_of("POST", "/jars/upload", status)) == []
    return response.json()


def test_packages_come_and_go(tmp_path: Path) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await ask(cluster, "/jars") == {"address": "http://localhost", "files": []}
        answer = await upload(cluster, "job.py", b'"""Counts."""')
        assert answer["status"] == "success"
        package = answer["filename"].rpartition("/")[2]
        assert (await ask(cluster, "/v1/jars"))["files"] == [
            {
                "id": package,
                "name": "job.py",
                "uploaded": 1_000_000,
                "entry": [{"name": "job", "description": "Counts."}],
            }
        ]
        assert await ask(cluster, f"/jars/{package}", method="DELETE") == {}
        assert "does not exist in" in await first_error(cluster, f"/jars/{package}", 400, "DELETE")
        assert (await ask(cluster, "/jars"))["files"] == []

    tell(story, {"web.upload.dir": str(tmp_path)})


def test_wrong_uploads_are_told(tmp_path: Path) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await first_error(cluster, "/jars/upload", 400, "POST") == "Exactly 1 file must be sent, received 0."
        two = [("jarfile", ("a.py", b"")), ("jarfile", ("b.py", b""))]
        response = await cluster.http.post("/jars/upload", files=two)
        assert (response.status_code, "received 2" in response.text) == (400, True)
        assert "no JVM here" in (await upload(cluster, "demo.jar", b"x", 400))["errors"][0]
        assert "without a directory" in (await upload(cluster, "../job.py", b"", 400))["errors"][0]
        response = await cluster.http.post(
            "/jars/upload", content=b"x", headers={"content-type": "multipart/form-data"}
        )
        assert response.status_code == 400
        response = await cluster.http.post("/jars/upload", files={"jarfile": ("job.py", b"#" * 2000)})
        assert response.status_code == 413

    tell(story, {"web.upload.dir": str(tmp_path), "rest.server.max-content-length": "1000"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("action", ["run", "plan", "run-application"])
def test_an_unknown_package_is_not_found(action: str, tmp_path: Path) -> None:
    async def story(cluster: FakeCluster) -> None:
        error = await first_error(cluster, f"/jars/nope.py/{action}", 404, "POST")
        assert error == "Jar file nope.py does not exist."

    tell(story, {"web.tmpdir": str(tmp_path)})


@pytest.mark.parametrize(
    "body", [{"parallelism": 0}, {"jobId": "xyz"}, {"claimMode": "MINE"}, {"programArgsList": [1]}]
)
def test_a_wrong_wish_is_told(body: dict[str, object], tmp_path: Path) -> None:
    async def story(cluster: FakeCluster) -> None:
        assert "did not match expected format" in await first_error(cluster, "/jars/nope.py/run", 400, "POST", body)

    tell(story, {"web.tmpdir": str(tmp_path)})


def test_packages_can_be_switched_off() -> None:
    async def story(cluster: FakeCluster) -> None:
        await cluster.get("/jars", 404)
        await cluster.call("POST", "/jars/upload", 404)
        assert (await cluster.get("/config"))["features"]["web-submit"] is False

    tell(story, {"web.submit.enable": "false"})


PACKAGE = Package("id", "jobs.zip", 0, (PackageEntry("__main__", "__main__", None),), Path("x"))
SCRIPT = Package("id", "job.py", 0, (PackageEntry("job", "", None),), Path("x"))
LIBRARY = Package("id", "jobs.zip", 0, (), Path("x"))


def test_a_wish_becomes_settings() -> None:
    request = JarRunRequest.model_validate(
        {
            "entryClass": "tool.jobs:main",
            "programArgs": "--words 'to be'",
            "parallelism": 3,
            "jobId": JOB.upper(),
            "allowNonRestoredState": True,
            "savepointPath": "file:///s",
            "restoreMode": "CLAIM",
            "flinkConfiguration": {"a.b": "c", "parallelism.default": "9"},
            "bogusField": 1,
        }
    )
    options = run_options(PACKAGE, request)
    assert (options.reference, options.arguments, options.job_id) == ("tool.jobs:main", ("--words", "to be"), JOB)
    assert options.settings == {
        "a.b": "c",
        "parallelism.default": "3",
        "execution.state-recovery.path": "file:///s",
        "execution.state-recovery.ignore-unclaimed-state": "true",
        "execution.state-recovery.claim-mode": "CLAIM",
    }
    assert run_options(PACKAGE, JarRunRequest()).reference == "__main__"
    assert run_options(SCRIPT, JarRunRequest(entry_class="job")).reference == ""


@pytest.mark.parametrize(
    ("package", "request_", "error"),
    [
        (LIBRARY, JarRunRequest(), "has no entry of its own"),
        (SCRIPT, JarRunRequest(entry_class="Demo"), "has no entry 'Demo'; it has: 'job'"),
        (PACKAGE, JarRunRequest(entry_class="a b"), "has no entry 'a b'"),
        (PACKAGE, JarRunRequest(program_args="'open"), "cannot be parted"),
        (PACKAGE, JarRunRequest(program_args="a", program_args_list=["b"]), "use only programArgsList"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told(package: Package, request_: JarRunRequest, error: str) -> None:
    with pytest.raises(BadRequestError, match=error):
        run_options(package, request_)


def submission(graph: bytes, name: str = "graph") -> dict[str, Any]:
    return {"request": (None, json.dumps({"jobGraphFileName": name})), "file_0": ("graph", graph)}


def test_a_job_graph_is_submitted() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["submit_job"] = pb.SubmitJobResponse(job_id=JOB)
        graph = JobGraph(job_id=JOB, name="mine")
        response = await cluster.http.post("/jobs", files=submission(graph.SerializeToString()))
        assert (response.status_code, response.json()) == (202, {"jobUrl": f"/jobs/{JOB}"})
        assert cluster.dispatcher.requests["submit_job"][0].job_graph == graph
        for error, status in ((InvalidProgramError("no"), 400), (DuplicateJobError("there"), 409)):
            cluster.dispatcher.answers["submit_job"] = error
            response = await cluster.http.post("/jobs", files=submission(graph.SerializeToString()))
            assert (response.status_code, response.json()["errors"]) == (status, [str(error)])

    tell(story, {})


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (submission(b"\xac\xed\x00\x05"), "serialized Java object"),
        (submission(b"\xff\xff"), "not a JobGraph message"),
        (submission(b"", "other"), "JobGraph file other does not exist"),
        ({"file_0": ("graph", b"")}, "no field `request`"),
        ({"request": (None, "[")}, "did not match expected format: request"),
        ({"request": (None, '{"jobGraphFileName": "g", "jobJarFileNames": ["a.jar"]}')}, "no JVM here"),
    ],
)
def test_what_is_no_job_graph_is_told(files: dict[str, Any], error: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        response = await cluster.http.post("/jobs", files=files)
        assert response.status_code == 400
        assert error in response.json()["errors"][0]

    tell(story, {})
