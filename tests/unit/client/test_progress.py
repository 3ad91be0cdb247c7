"""What the tasks of a job do, in words."""

from __future__ import annotations

from millstream.client.cli.progress import describe_tasks, waits_for_slots


def test_tasks_are_counted_by_state() -> None:
    assert describe_tasks({"FINISHED": 1, "RUNNING": 2, "FAILED": 0}) == "2 running, 1 finished"
    assert describe_tasks({}) == "none yet"


def test_a_job_waits_for_slots_while_none_of_its_tasks_has_one() -> None:
    assert waits_for_slots({"SCHEDULED": 4, "RUNNING": 0})
    assert not waits_for_slots({"SCHEDULED": 3, "FINISHED": 1})
    assert not waits_for_slots({})
