"""Each check fires on a run that breaks its promise, and is silent on one that keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from millstream.testing.simulation.invariants import CHECKS, check_all
from millstream.testing.simulation.ledger import WriterId
from millstream.testing.simulation.observations import Complaint, Restore
from millstream.testing.simulation.run_record import JobStatusSeen, RunRecord, ZooKeeperWrite

JOB = "a" * 32
FIRST = ("/leader/latch/a-0000000000", 1)
SECOND = ("/leader/latch/b-0000000001", 2)


def good_run() -> RunRecord:
    """A run with a checkpoint, a restart and a finish."""
    return RunRecord(
        expected={"files": ["late left 3 0", "window 1", "window 2"]},
        committed={"files": ["late left 3 0", "window 1", "window 2"]},
        stage="windows",
        restores=[Restore(1.0, "check", 0, 0, None), Restore(4.0, "check", 0, 1, 1)],
        writes=[
            write(2.0, "/jobs", b""),
            write(2.0, f"/jobs/{JOB}/checkpoint_id_counter", b"2"),
            write(3.0, f"/jobs/{JOB}/checkpoints/{1:019d}", b"{}"),
        ],
        statuses=[JobStatusSeen(5.0, JOB, "RUNNING"), JobStatusSeen(6.0, JOB, "FINISHED")],
        job_ended=6.0,
        last_fault_ended=3.5,
        running_again=5.0,
        failures=["builtins.RuntimeError: it broke"],
        must_tell=["it broke"],
    )


def write(at: float, path: str, data: bytes) -> ZooKeeperWrite:
    return ZooKeeperWrite(at, 1, "create", path, data, (FIRST, SECOND), (FIRST[0],) if data else ())


def broken(run: RunRecord) -> set[str]:
    return {violation.invariant for violation in check_all(run)}


def test_a_good_run_breaks_nothing() -> None:
    assert check_all(good_run()) == []


def test_a_missing_line_is_a_loss() -> None:
    run = good_run()
    run.committed["files"].remove("window 1")
    assert broken(run) == {"I1"}
    assert "1 of 3 lines are missing: 'window 1'" in check_all(run)[0].text


def test_a_line_twice_is_a_duplicate() -> None:
    run = good_run()
    run.committed["files"].append("window 1")
    assert broken(run) == {"I2"}


@pytest.mark.parametrize(("stage", "invariant"), [("windows", "I6"), ("state", "I5")])
def test_a_line_that_no_run_gives_is_a_wrong_result(stage: str, invariant: str) -> None:
    run = good_run()
    run.stage = "windows" if stage == "windows" else "state"
    run.committed["files"].append("window 7")
    assert broken(run) == {invariant}


def test_another_late_event_is_event_time_going_wrong() -> None:
    run = good_run()
    run.committed["files"] = ["late left 4 0", "window 1", "window 2"]
    assert "I7" in broken(run)


@pytest.mark.parametrize("invariant", ["I1", "I2", "I3", "I4", "I7"])
def test_what_functions_complain_of_is_told(invariant: str) -> None:
    run = good_run()
    run.complaints.append(Complaint(2.5, invariant, "this is wrong"))
    (violation,) = check_all(run)
    assert str(violation) == f"{invariant} at 2.500 s: this is wrong"


def test_a_restore_from_what_was_not_complete() -> None:
    run = good_run()
    run.restores[1] = replace(run.restores[1], checkpoint_id=2)
    assert broken(run) == {"I8"}


def test_a_restore_from_a_savepoint() -> None:
    run = good_run()
    run.restores.append(Restore(6.0, "check", 0, 0, 9))
    assert broken(run) == {"I8"}
    run.savepoints.append((5.5, 9))
    assert broken(run) == set()


def test_a_restore_from_an_older_checkpoint_than_the_newest() -> None:
    run = good_run()
    run.restores[1] = replace(run.restores[1], checkpoint_id=None)
    assert broken(run) == {"I8"}


def test_a_first_attempt_that_a_deposed_master_let_begin_may_be_behind() -> None:
    run = good_run()
    run.restores.append(Restore(5.0, "check", 0, 0, None, worker_since=2.5))
    assert broken(run) == set()
    run.restores.append(Restore(5.0, "check", 0, 0, None, worker_since=4.5))
    assert broken(run) == {"I8"}


def test_restores_that_go_back_are_seen_without_zookeeper() -> None:
    run = good_run()
    run.writes.clear()
    run.restores.append(Restore(5.0, "check", 0, 2, None))
    assert broken(run) == {"I8"}


def test_an_id_that_is_given_twice() -> None:
    run = good_run()
    run.writes.append(replace(run.writes[2], at=5.0))
    assert broken(run) == {"I8"}


def test_a_counter_that_stands_still_over_a_takeover() -> None:
    run = good_run()
    again = replace(run.writes[1], at=5.0, kind="set")
    run.writes.append(again)
    assert broken(run) == set()
    run.writes[-1] = replace(again, session=2, latch=(SECOND,), conditions=(SECOND[0],))
    assert broken(run) == {"I8"}


def test_an_older_checkpoint_of_another_leader() -> None:
    run = good_run()
    run.writes.append(write(4.5, f"/jobs/{JOB}/checkpoints/{3:019d}", b"{}"))
    run.writes.append(write(4.6, f"/jobs/{JOB}/checkpoints/{2:019d}", b"{}"))
    assert broken(run) == set()
    run.writes[-1] = replace(run.writes[-1], session=2, latch=(SECOND,), conditions=(SECOND[0],))
    assert broken(run) == {"I8"}


def test_a_counter_that_goes_back() -> None:
    run = good_run()
    run.writes.append(replace(run.writes[1], at=5.0, kind="set", data=b"1"))
    assert broken(run) == {"I8"}


def test_a_write_by_somebody_who_does_not_lead() -> None:
    run = good_run()
    run.writes.append(replace(run.writes[1], data=b"3", session=2, conditions=(SECOND[0],)))
    assert broken(run) == {"I9"}


def test_a_write_without_the_fence() -> None:
    run = good_run()
    run.writes.append(replace(run.writes[1], conditions=()))
    assert broken(run) == {"I9"}


def test_a_write_when_nobody_leads() -> None:
    run = good_run()
    run.writes.append(replace(run.writes[1], latch=()))
    assert broken(run) == {"I9"}


OLD, NEW = WriterId("two-phase", 0, 0), WriterId("two-phase", 0, 1)


def test_a_commit_by_a_later_attempt_is_fine() -> None:
    run = good_run()
    number = run.ledger.begin(OLD)
    run.ledger.write(number, "line", OLD)
    run.ledger.pre_commit(number, OLD)
    run.ledger.commit(number, NEW)
    run.ledger.commit(number, OLD)
    assert check_all(run) == []
    assert run.ledger.committed("two-phase") == ["line"]


def test_a_commit_of_what_was_aborted() -> None:
    run = good_run()
    number = run.ledger.begin(OLD)
    run.ledger.pre_commit(number, OLD)
    run.ledger.abort(number, NEW)
    run.ledger.commit(number, OLD)
    assert broken(run) == {"I10"}
    assert run.ledger.committed("two-phase") == []


def test_a_commit_without_pre_commit() -> None:
    run = good_run()
    run.ledger.commit(run.ledger.begin(OLD), OLD)
    assert broken(run) == {"I10"}


def test_a_line_after_pre_commit() -> None:
    run = good_run()
    number = run.ledger.begin(OLD)
    run.ledger.pre_commit(number, OLD)
    run.ledger.write(number, "late", OLD)
    assert broken(run) == {"I10"}


def test_an_abort_of_what_was_committed() -> None:
    run = good_run()
    number = run.ledger.begin(OLD)
    run.ledger.pre_commit(number, OLD)
    run.ledger.commit(number, OLD)
    run.ledger.abort(number, NEW)
    assert broken(run) == {"I10"}


def test_two_attempts_that_commit_the_same_checkpoint() -> None:
    run = good_run()
    for writer in (OLD, NEW):
        number = run.ledger.begin(writer)
        run.ledger.pre_commit(number, writer)
        run.ledger.commit(number, writer, checkpoint_id=4)
    assert broken(run) == {"I10"}


def test_a_commit_before_its_checkpoint_is_complete() -> None:
    run = good_run()
    number = run.ledger.begin(OLD)  # all of it at 0 s; the pointer of checkpoint 1 is made at 3 s
    run.ledger.pre_commit(number, OLD)
    run.ledger.belongs_to(number, 1)
    run.ledger.commit(number, OLD)
    assert broken(run) == {"I2"}


def test_attempts_of_two_masters_are_two_though_they_have_the_same_number() -> None:
    run = good_run()
    for _ in range(2):
        writer = run.ledger.writer("two-phase", 0, 0)
        number = run.ledger.begin(writer)
        run.ledger.pre_commit(number, writer)
        run.ledger.commit(number, writer, checkpoint_id=4)
    assert broken(run) == {"I10"}


def test_a_job_that_does_not_run_again() -> None:
    run = good_run()
    run.running_again = run.job_ended = None
    run.statuses = [JobStatusSeen(5.0, JOB, "RESTARTING")]
    assert broken(run) == {"I11"}


def test_a_job_that_runs_again_late() -> None:
    run = good_run()
    run.running_again = 500.0
    assert broken(run) == {"I11"}


def test_a_job_that_comes_back() -> None:
    run = good_run()
    run.statuses.append(JobStatusSeen(7.0, JOB, "RUNNING"))
    assert broken(run) == {"I12"}


def test_an_attempt_after_the_end() -> None:
    run = good_run()
    run.restores.append(Restore(9.0, "check", 0, 2, 1))
    assert broken(run) == {"I12"}


def test_a_job_that_does_not_end() -> None:
    run = good_run()
    run.job_ended = None
    run.statuses.pop()
    assert broken(run) == {"I13"}


def test_what_is_left_over() -> None:
    run = good_run()
    run.left_over.append("worker-3 on host-1")
    run.unhandled.append("master-1: Task exception was never retrieved")
    assert [violation.invariant for violation in check_all(run)] == ["I14", "I14"]


def test_a_savepoint_that_gives_something_else_elsewhere() -> None:
    run = good_run()
    run.other_parallelism.append("from savepoint-1 at parallelism 3: 2 lines are missing")
    assert broken(run) == {"I15"}


def test_a_failure_that_nobody_is_told_of() -> None:
    run = good_run()
    run.must_tell.append("InjectedError")
    assert broken(run) == {"I16"}


def test_buffers_that_are_not_accounted_for() -> None:
    run = good_run()
    run.accounts["worker-1: 3 buffers are free and 8 in use, of 4 + 8"] = 2.0
    (violation,) = check_all(run)
    assert str(violation).startswith("I13 at 2.000 s: worker-1: 3 buffers")


@pytest.mark.parametrize(
    "text",
    [
        "TaskManagerLostError: gone | InjectedError: it broke | operator 'check' (map), subtask 1/2 | record 7",
        "InjectedError: it broke | record 7",
        "InjectedError: it broke | operator 'check' (map), subtask 1/2",
    ],
)
def test_a_users_exception_of_which_half_is_told(text: str) -> None:
    run = good_run()
    run.failures.append("InjectedError: it broke | operator 'check' (map), subtask 1/2 | record 7")
    assert check_all(run) == []
    run.failures.append(text)
    assert broken(run) == {"I16"}


def test_a_failure_without_a_text() -> None:
    run = good_run()
    run.failures.append(": ")
    assert broken(run) == {"I16"}


def test_all_promises_are_checked() -> None:
    modules = [check.__module__.rpartition(".")[2] for check in CHECKS]
    assert len(set(modules)) == len(modules) == 16
