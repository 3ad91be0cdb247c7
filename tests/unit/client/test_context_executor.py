"""What a submission by ``millstream run`` adds to a job, and what it waits for."""

from __future__ import annotations

import threading
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from millstream.client.cli.main import main
from millstream.client.remote.heartbeats import HeartbeatSender
from millstream.common.errors import JobNotFoundError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.client.test_cli import SUBMITTING_PROGRAM, program

SUBMITTED = "0" * 31 + "f"


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def connected(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("millstream.client.remote.connection.connect", lambda configuration: cluster.client)
    return cluster


def test_a_client_lives_until_it_is_closed() -> None:
    heard: list[int] = []
    twice = threading.Event()

    def report(expires_at_ms: int) -> None:
        heard.append(expires_at_ms)
        if len(heard) > 1:
            twice.set()
        raise JobNotFoundError("one that is not taken changes nothing")

    sender = HeartbeatSender(report, timedelta(milliseconds=1), timedelta(minutes=3))
    assert twice.wait(10)
    sender.close()
    number = len(heard)
    sender.close()
    assert len(heard) == number
    assert heard == sorted(heard)


@pytest.mark.parametrize(
    ("options", "timeout_ms"),
    [
        (["-sae", "-Dclient.heartbeat.timeout=90 s"], 90_000),
        (["-Dexecution.shutdown-on-attached-exit=true"], 180_000),
        (["-d", "-sae"], 0),
        ([], 0),
    ],
)
def test_a_job_ends_with_its_client_if_that_is_asked_for(
    connected: Any, tmp_path: Path, options: list[str], timeout_ms: int
) -> None:
    connected.dispatcher.ends_at_once = (JobStatus.FINISHED, None)
    assert main(["run", *options, program(tmp_path, SUBMITTING_PROGRAM)]) == 0
    (graph,) = connected.dispatcher.graphs
    assert graph.client_heartbeat_timeout_ms == timeout_ms


def test_files_and_paths_go_with_the_job(connected: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("prices.csv", "1\n")
    options = ["-pyarch", "data.zip,data.zip#other", "-C", "file:///opt/here", "-C", "/opt/there", "-q"]
    assert main(["run", "-d", *options, program(tmp_path, SUBMITTING_PROGRAM)]) == 0
    (graph,) = connected.dispatcher.graphs
    assert [(artifact.kind, artifact.target_dir) for artifact in graph.artifacts] == [
        ("archive", "data.zip"),
        ("archive", "other"),
    ]
    assert list(graph.python_path)[:2] == ["/opt/here", "/opt/there"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-pyreq", "requirements.txt"], "Workers install nothing (-pyreq, --pyRequirements)"),
        (["-pyarch", "nope.zip"], "The archive 'nope.zip' given with -pyarch (--pyArchives) does not exist."),
        (["-pyexec", "python3"], "The workers' interpreter (-pyexec, --pyExecutable) is the TaskManagers' choice"),
        (["-C", "http://there/lib"], "The address 'http://there/lib' given with -C (--classpath) is no local path"),
        (["-pyclientexec", "no-such-python"], "there is no interpreter 'no-such-python'"),
    ],
)
def test_what_cannot_be_had_is_refused(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *options, program(tmp_path, SUBMITTING_PROGRAM)]) == 1
    assert message in capsys.readouterr().out


def running(connected: Any, state: str) -> None:
    """Let the job that is submitted have one task, in this state."""
    vertex = pb.VertexDetails(subtasks=[pb.SubtaskDetails(state=state)])
    set_state = type(connected.dispatcher).set_state

    def submitted(job_id: str, job_state: JobStatus) -> None:
        connected.dispatcher.jobs[job_id] = pb.JobDetails(vertices=[vertex])
        set_state(connected.dispatcher, job_id, job_state)

    connected.dispatcher.set_state = submitted


def test_a_detached_job_is_seen_to_begin_from_its_savepoint(
    connected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restoring = ["run", "-d", "-s", "/savepoint", program(tmp_path, SUBMITTING_PROGRAM)]
    connected.dispatcher.ends_at_once = (JobStatus.FAILED, engine_failure(ENGINE, "there is no savepoint"))
    assert main(restoring) == 1
    assert "there is no savepoint" in capsys.readouterr().err
    connected.on_loop(connected.dispatcher.jobs.clear)
    connected.dispatcher.ends_at_once = None
    running(connected, "RUNNING")
    assert main(restoring) == 0
    assert capsys.readouterr().err == ""
    connected.on_loop(connected.dispatcher.jobs.clear)
    running(connected, "INITIALIZING")
    monkeypatch.setattr("millstream.client.cli.context_executor._RESTORE_PATIENCE", 0.1)
    assert main(restoring) == 0
    assert "It has not begun yet to run from its savepoint" in capsys.readouterr().err
