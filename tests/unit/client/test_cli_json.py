"""What scripts are told: one JSON document on standard output, everything else on standard error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from millstream.client.cli.main import main
from millstream.common.failure import USER_CODE, FailureInfo
from millstream.common.states import JobStatus
from tests.unit.client.test_cli import SUBMITTING_PROGRAM, program

JOB = "0" * 31 + "a"
ENDED = "0" * 31 + "c"
SUBMITTED = "0" * 31 + "f"


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def connected(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake cluster is where every connection leads; it has a job that runs and one that has ended."""
    monkeypatch.setattr("millstream.client.remote.connection.connect", lambda configuration: cluster.client)
    for job_id, state in ((JOB, JobStatus.RUNNING), (ENDED, JobStatus.FINISHED)):
        cluster.on_loop(cluster.dispatcher.set_state, job_id, state)
    return cluster


def asked(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[Any, str]:
    """Return the document, and what people are told."""
    assert main([*arguments[:1], "--json", *arguments[1:]]) == status
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_jobs_are_listed_as_the_rest_interface_does(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    document, told = asked(capsys, "list")
    assert told.startswith("Waiting for response...\n")
    (job,) = document["jobs"]
    assert (job["jid"], job["name"], job["state"]) == (JOB, "job", "RUNNING")
    assert (job["start-time"], job["end-time"]) == (1000, -1)
    assert job["tasks"]["total"] == 0
    document, _ = asked(capsys, "list", "-a")
    assert {job["jid"]: job["duration"] for job in document["jobs"]}[ENDED] == 250


@pytest.mark.parametrize(
    ("arguments", "document"),
    [
        (["cancel", JOB], {"jid": JOB}),
        (["cancel", "-s", "", JOB], {"jid": JOB, "location": "file:/savepoints/savepoint-1"}),
        (["savepoint", JOB], {"jid": JOB, "request-id": str, "location": "file:/savepoints/savepoint-1"}),
        (["savepoint", "-detached", JOB], {"jid": JOB, "request-id": str}),
        (["savepoint", "-d", "/s"], {"savepoint-path": "/s"}),
        (["stop", JOB], {"jid": JOB, "request-id": str, "location": "file:/savepoints/savepoint-1"}),
        (["stop", "-detached", JOB], {"jid": JOB, "request-id": str}),
        (["checkpoint", JOB], {"jid": JOB, "request-id": str, "checkpointId": 0}),
        (["modify", "-p", "3", JOB], {"jid": JOB, "request-id": str, "parallelism": 3}),
    ],
)
def test_what_was_done(
    connected: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], document: dict[str, object]
) -> None:
    answer, told = asked(capsys, *arguments)
    assert told
    assert set(answer) == set(document)
    assert all(answer[key] == value for key, value in document.items() if value is not str)


def test_a_run_tells_its_jobs_and_the_program_does_not_disturb(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, told = asked(capsys, "run", "-d", program(tmp_path, SUBMITTING_PROGRAM))
    assert document == {"jobs": [{"jid": SUBMITTED, "name": "mine"}]}
    assert "arguments []" in told
    connected.on_loop(connected.dispatcher.jobs.clear)
    connected.dispatcher.ends_at_once = (JobStatus.FINISHED, None)
    document, _ = asked(capsys, "run", program(tmp_path, SUBMITTING_PROGRAM))
    assert document["jobs"] == [
        {"jid": SUBMITTED, "name": "mine", "state": "FINISHED", "duration": 250, "accumulators": {}}
    ]


def test_a_plan_is_a_document_itself(connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, _ = asked(capsys, "info", program(tmp_path, SUBMITTING_PROGRAM))
    assert document == {"nodes": []}


def test_what_is_wrong_comes_as_the_rest_interface_tells_it(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = "0" * 32
    document, told = asked(capsys, "cancel", unknown, status=1)
    assert document == {"errors": [f"Could not cancel job {unknown}.", f"No job {unknown}"]}
    assert f"Could not cancel job {unknown}." in told
    document, told = asked(capsys, "cancel", status=1)
    assert document == {"errors": ["Missing JobID. Specify a JobID to cancel a job."]}
    document, _ = asked(capsys, "run", program(tmp_path, "x = 1\n"), status=1)
    assert "didn't contain a Millstream job" in document["errors"][0]
    failure = FailureInfo(kind=USER_CODE, exception_type="ValueError", message="bad price", operator_name="parse")
    connected.dispatcher.ends_at_once = (JobStatus.FAILED, failure)
    document, _ = asked(capsys, "run", program(tmp_path, SUBMITTING_PROGRAM), status=1)
    assert document["errors"][0].startswith("ValueError: bad price")


def test_the_programs_own_option_is_none_of_the_commands(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-d", program(tmp_path, SUBMITTING_PROGRAM), "--json"]) == 0
    assert "arguments ['--json']" in capsys.readouterr().out
    assert main(["run", "nope.py", "--json"]) == 1
    assert capsys.readouterr().out.startswith("Could not run the Python program")
