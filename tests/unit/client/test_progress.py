from __future__ import annotations

import io
import re

import pytest

from millstream.client.cli.progress import ProgressLine, describe_progress, source_records
from millstream.common.wire import cluster_pb2 as pb


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def details(records: int) -> pb.JobDetails:
    source = pb.SubtaskDetails(
        metrics=pb.TaskMetrics(records_out=records, operator_records_out={"Source": 2 * records})
    )
    sink = pb.SubtaskDetails(metrics=pb.TaskMetrics(records_in=records, operator_records_out={"Sink": 9 * records}))
    return pb.JobDetails(
        summary=pb.JobSummary(state="RUNNING"),
        vertices=[pb.VertexDetails(subtasks=[source]), pb.VertexDetails(subtasks=[sink])],
        task_counts={"RUNNING": 2},
    )


def test_the_line_says_state_time_tasks_and_rate() -> None:
    line = describe_progress("RUNNING", {"FINISHED": 1, "RUNNING": 2, "FAILED": 0}, 3723.9, 1204311.4)
    assert line == "RUNNING 1:02:03 | tasks: 2 running, 1 finished | 1,204,311 records/s"
    assert describe_progress("CREATED", {}, 2, None) == "CREATED 00:02 | tasks: none yet"


def test_records_are_counted_where_they_come_from() -> None:
    assert source_records(details(100)) == 200


def test_the_line_is_rewritten_in_place_and_cleared() -> None:
    terminal = Terminal()
    line = ProgressLine(terminal)
    line.show(details(100))
    line.show(details(200))
    line.clear()
    line.clear()
    assert terminal.getvalue().count("\n") == 0
    assert terminal.getvalue().count("RUNNING 00:00 | tasks: 2 running") == 2
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    plain = io.StringIO()
    line = ProgressLine(plain)
    line.show(details(100))
    line.clear()
    assert plain.getvalue() == ""


def test_a_job_whose_tasks_are_all_scheduled_is_said_to_wait_for_slots() -> None:
    waiting = describe_progress("RUNNING", {"SCHEDULED": 4, "RUNNING": 0}, 3, 0.0)
    assert waiting == "RUNNING 00:03 | tasks: 4 scheduled | waiting for slots (slot.request.timeout)"
    assert "waiting" not in describe_progress("RUNNING", {"SCHEDULED": 3, "FINISHED": 1}, 3, 0.0)


def test_the_rate_stands_while_workers_have_not_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("millstream.client.cli.progress.time.monotonic", lambda: now[0])
    terminal = Terminal()
    line = ProgressLine(terminal)
    for now[0], records in ((0.0, 0), (0.5, 0), (1.0, 500), (1.5, 500), (2.0, 1000), (2.5, 1000)):
        line.show(details(records))
    rates = re.findall(r"([\d,]+) records/s", terminal.getvalue())
    assert rates == ["1,000", "1,000", "1,000", "1,000"]  # two source tasks
    for now[0] in (6.0, 9.5):
        line.show(details(1000))
    assert terminal.getvalue().endswith("| 0 records/s")
