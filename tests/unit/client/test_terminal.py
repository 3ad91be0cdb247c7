"""What people see on a terminal, 80 columns wide."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from millstream.client.cli.terminal import job_table
from millstream.client.cli.terminal.figures import amount, clock, size
from millstream.client.cli.terminal.live_job import LiveJob
from millstream.client.cli.terminal.live_operation import LiveOperation
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints


def console(width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=width, height=20, force_terminal=True, color_system=None, highlight=False), stream


def details(records: int, vertices: int = 1) -> pb.JobDetails:
    source = pb.VertexDetails(
        vertex_id="s",
        name="Source: numbers",
        parallelism=1,
        subtasks=[pb.SubtaskDetails(state="RUNNING", metrics=pb.TaskMetrics(records_out=records))],
    )
    sinks = [
        pb.VertexDetails(
            vertex_id=f"v{number}",
            name="a sink with a name that is longer than a line of a terminal has room for, by far",
            parallelism=2,
            subtasks=[pb.SubtaskDetails(state="RUNNING", metrics=pb.TaskMetrics(records_in=records))],
        )
        for number in range(vertices)
    ]
    return pb.JobDetails(
        summary=pb.JobSummary(name="sums", state="RUNNING"),
        vertices=[source, *sinks],
        task_counts={"RUNNING": 2, "SCHEDULED": 1},
        restarts=1,
    )


def test_a_job_is_shown_with_operators_and_checkpoints() -> None:
    to, stream = console()
    view = LiveJob(to)
    last = CheckpointStatistics(checkpoint_id=7, state_size=2048, duration_ms=12)
    view.show(details(1234), JobCheckpoints(enabled=True, completed=3, failed=1, latest_completed=last))
    view.clear()
    text = stream.getvalue()
    assert "RUNNING  00:00  sums" in text
    assert "tasks: 1 scheduled, 2 running; 1 restart" in text
    assert "checkpoints: 3 completed, 1 failed, last: 7, 2.0 KiB, 12 ms" in text
    assert "Source: numbers" in text
    assert "1,234" in text
    assert "…" in text, "long names are cut"
    assert text.endswith("\x1b[2K"), "the view takes itself away"


def test_a_view_stays_within_the_terminal() -> None:
    to, stream = console()
    view = LiveJob(to)
    view.show(details(1, vertices=40), JobCheckpoints())
    view.clear()
    first = stream.getvalue().split("\x1b")
    assert "... and 29 more" in stream.getvalue()
    assert max(part.count("\n") for part in first) < 20


def test_names_stay_readable_on_a_narrow_terminal() -> None:
    to, stream = console(40)
    view = LiveJob(to)
    view.show(details(1234567), JobCheckpoints())
    view.clear()
    assert "Source: num" in stream.getvalue()
    assert "1.2M" in stream.getvalue()


def test_the_report_at_the_end_has_all_operators() -> None:
    to, stream = console()
    LiveJob(to).report(details(5, vertices=40))
    assert stream.getvalue().count("a sink") == 40
    assert "In/s" not in stream.getvalue()


def test_job_ids_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    to, stream = console()
    monkeypatch.setattr(job_table, "Console", lambda **_: to)
    job = pb.JobSummary(job_id="ab" * 16, name="a name " * 10, state="RUNNING", start_time_ms=1_000_000_000_000)
    job_table.print_jobs("Running/Restarting Jobs", [job])
    lines = stream.getvalue().splitlines()
    assert any("ab" * 16 in line and "RUNNING" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_savepoint_shows_who_has_acknowledged() -> None:
    to, stream = console()
    with LiveOperation("Savepoint", to) as line:
        under_way = CheckpointStatistics(status="IN_PROGRESS", subtasks=4, acknowledged=1, state_size=10)
        line.show(JobCheckpoints(history=[under_way]))
    assert "Savepoint 00:00  1 of 4 tasks have acknowledged, 10 B" in stream.getvalue()


def test_figures() -> None:
    assert [amount(number) for number in (0, 999_999, 1_500_000, 2_000_000_000, 3e12)] == [
        *("0", "999,999", "1.5M", "2.0G", "3.0T"),
    ]
    assert [clock(seconds) for seconds in (5, 3723.9)] == ["00:05", "1:02:03"]
    assert [size(number) for number in (10, 1536, 5 * 1024**4)] == ["10 B", "1.5 KiB", "5.0 TiB"]
