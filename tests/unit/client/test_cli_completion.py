"""Completion in shells, as their scripts ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.client.cli.completion import COMPLETE_VARIABLE
from millstream.client.cli.main import main
from millstream.client.remote.connection import disconnect
from millstream.common.states import JobStatus
from millstream.testing.process_cluster import free_port

RUNNING, OTHER, ENDED = "a" * 32, "b" * 32, "ab" * 16


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_the_command_back(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in script
    assert "millstream" in script


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return what zsh is told for the last of the words: value and help."""
    monkeypatch.setenv(COMPLETE_VARIABLE, "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(("millstream", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [f"{value}|{text}" for value, text in zip(lines[1::3], lines[2::3], strict=True)]


def test_actions_and_options_are_completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(monkeypatch, capsys, "ca") == ["cancel|Cancel a running job."]
    options = completed(monkeypatch, capsys, "savepoint", "--d")
    assert {option.partition("|")[0] for option in options} == {"--dispose", "--detached"}


def test_jobs_that_have_not_ended_are_completed(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("millstream.client.remote.connection.connect", lambda configuration: cluster.client)
    for job_id, state in ((RUNNING, "RUNNING"), (OTHER, "RESTARTING"), (ENDED, "FINISHED")):
        cluster.on_loop(cluster.dispatcher.set_state, job_id, JobStatus(state))
    assert completed(monkeypatch, capsys, "cancel", "a") == [f"{RUNNING}|job (RUNNING)"]
    assert completed(monkeypatch, capsys, "savepoint", RUNNING, "a") == [], "the second argument is a directory"


def test_without_a_cluster_nothing_is_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(monkeypatch, capsys, "cancel", "-m", f"localhost:{free_port()}", "a") == []
    assert completed(monkeypatch, capsys, "cancel", "-m", "nonsense", "a") == []
    disconnect()
