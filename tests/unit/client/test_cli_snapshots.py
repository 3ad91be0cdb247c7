"""Savepoints, checkpoints and parallelism on the command line, against a fake cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from millstream.client.cli.main import main
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb

JOB = "0" * 31 + "a"

RESTORING_PROGRAM = """
from millstream.common.config import Configuration
from millstream.common.execution import context_configuration
for key, value in sorted(context_configuration().to_map().items()):
    if key.startswith("execution.state-recovery"):
        print(key, "=", value)
"""


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def connected(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake cluster is where every connection leads; a job runs there."""
    monkeypatch.setattr("millstream.client.remote.connection.connect", lambda configuration: cluster.client)
    cluster.on_loop(cluster.dispatcher.set_state, JOB, JobStatus.RUNNING)
    return cluster


def _fail(cluster: Any, message: str) -> None:
    failure = engine_failure(ENGINE, message, exception_type="CheckpointError")
    cluster.dispatcher.operation_result = pb.OperationStatus(completed=True, failure=failure)


def test_a_savepoint_is_waited_for(connected: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["savepoint", JOB, "target", "-type", "native"]) == 0
    assert capsys.readouterr().out == (
        f"Triggering savepoint for job {JOB}.\n"
        "Waiting for response...\n"
        "Savepoint completed. Path: file:/savepoints/savepoint-1\n"
        "You can resume your program from this savepoint with the run command.\n"
    )
    (request,) = connected.dispatcher.savepoint_requests
    assert (request.mode, request.format) == ("SAVEPOINT", "NATIVE")
    assert request.target_directory == str(tmp_path / "target")
    assert len(request.request_id) == 32


def test_a_detached_savepoint_is_not_waited_for(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["savepoint", JOB, "-detached"]) == 0
    (request,) = connected.dispatcher.savepoint_requests
    assert request.target_directory == ""
    assert capsys.readouterr().out == (
        f"Triggering savepoint in detached mode for job {JOB}.\n"
        f"Successfully trigger manual savepoint, triggerId: {request.request_id}\n"
    )


def test_a_savepoint_that_fails_is_told_with_its_reason(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _fail(connected, "execution.checkpointing.savepoint-dir is not set")
    assert main(["savepoint", JOB]) == 1
    errors = capsys.readouterr().err
    assert f"Triggering a savepoint for the job {JOB} failed.\nCaused by: " in errors
    assert "execution.checkpointing.savepoint-dir is not set" in errors


def test_a_savepoint_of_an_unknown_job_fails(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = "f" * 32
    assert main(["savepoint", unknown]) == 1
    assert f"Caused by: No job {unknown}" in capsys.readouterr().err


def test_a_savepoint_is_disposed_of(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["savepoint", "-d", "file:/savepoints/savepoint-1"]) == 0
    assert capsys.readouterr().out == (
        "Disposing savepoint 'file:/savepoints/savepoint-1'.\n"
        "Waiting for response...\n"
        "Savepoint 'file:/savepoints/savepoint-1' disposed.\n"
    )
    assert connected.dispatcher.disposed == ["file:/savepoints/savepoint-1"]


def test_a_checkpoint_is_waited_for(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    connected.dispatcher.operation_result = pb.OperationStatus(completed=True, checkpoint_id=17)
    assert main(["checkpoint", "-full", JOB]) == 0
    assert capsys.readouterr().out == (
        f"Triggering checkpoint for job {JOB}.\n"
        "Waiting for response...\n"
        f"Checkpoint 17 for job {JOB} completed.\n"
        "You can resume your program from this checkpoint with the run command.\n"
    )
    assert connected.dispatcher.checkpoint_requests[0].full


@pytest.mark.parametrize(
    ("options", "mode", "begin"),
    [([], "STOP", "Suspending"), (["--drain"], "DRAIN", "Draining"), (["-d"], "DRAIN", "Draining")],
)
def test_stop(options: list[str], mode: str, begin: str, connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "-p", "s3://bucket/savepoints", *options, JOB]) == 0
    assert capsys.readouterr().out == (
        f'{begin} job "{JOB}" with a CANONICAL savepoint.\n'
        f"Triggering stop-with-savepoint for job {JOB}.\n"
        "Waiting for response...\n"
        "Savepoint completed. Path: file:/savepoints/savepoint-1\n"
    )
    (request,) = connected.dispatcher.savepoint_requests
    assert request.mode == mode
    assert request.target_directory == "s3://bucket/savepoints"


def test_a_detached_stop(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "-detached", JOB]) == 0
    request_id = connected.dispatcher.savepoint_requests[0].request_id
    assert capsys.readouterr().out.endswith(
        f"Successfully trigger stop-with-savepoint in detached mode, triggerId: {request_id}\n"
    )


def test_a_stop_that_fails(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _fail(connected, "no room")
    assert main(["stop", JOB]) == 1
    assert f'Could not stop with a savepoint job "{JOB}".' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "directory", "where"),
    [
        (["cancel", "-s", "/savepoints", JOB], "/savepoints", "to /savepoints"),
        (["cancel", "-s", JOB], "", "to default savepoint directory"),
        (["cancel", JOB, "-s"], "", "to default savepoint directory"),
    ],
)
def test_cancelling_with_a_savepoint(
    arguments: list[str], directory: str, where: str, connected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == (
        'DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.\n'
        f"Cancelling job {JOB} with CANONICAL savepoint {where}.\n"
        f"Cancelled job {JOB}. Savepoint stored in file:/savepoints/savepoint-1.\n"
    )
    (request,) = connected.dispatcher.savepoint_requests
    assert (request.mode, request.target_directory) == ("CANCEL", directory)


def test_modify(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modify", "-p", "3", JOB]) == 0
    assert capsys.readouterr().out == f"Modify job {JOB}.\nRescaled job {JOB}. Its new parallelism is 3.\n"
    assert connected.dispatcher.rescale_requests[0].parallelism == 3


def test_a_job_that_cannot_be_rescaled(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _fail(connected, "the max parallelism of 'map' is 2")
    assert main(["modify", "-p", "3", JOB]) == 1
    errors = capsys.readouterr().err
    assert f"Could not rescale job {JOB}." in errors
    assert "the max parallelism of 'map' is 2" in errors


def test_a_program_begins_from_a_savepoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.py").write_text(RESTORING_PROGRAM)
    main(["run", "-s", "savepoints/savepoint-1", "-n", "-cm", "claim", "job.py"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "execution.state-recovery.claim-mode = CLAIM",
        "execution.state-recovery.ignore-unclaimed-state = true",
        f"execution.state-recovery.path = {tmp_path}/savepoints/savepoint-1",
    ]


def test_an_empty_path_of_a_savepoint_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.py").write_text("")
    assert main(["run", "-s", "", "job.py"]) == 1
    assert capsys.readouterr().out.startswith("The savepoint given with -s (--fromSavepoint): a path is empty")
