"""A checkpoint is complete when its pointer is kept; until somebody can tell nothing is done about it."""

from __future__ import annotations

from millstream.common.states import JobStatus
from millstream.jobmanager.checkpoint.actions import DeleteDirectory, KeepPointer, RemovePointer
from millstream.jobmanager.checkpoint.events import SavepointMode, SavepointRequested
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness

DIRECTORY = f"{BASE}/{'a' * 32}"


def _keeping() -> CoordinatorHarness:
    """Return a job whose first checkpoint is complete but for its pointer, which is being kept."""
    h = CoordinatorHarness()
    h.patient = True
    h.run()
    h.checkpoint()
    assert h.keeping == {1: KeepPointer(1, f"{DIRECTORY}/chk-1", owned=True)}
    return h


def test_nobody_is_told_before_the_pointer_is_kept() -> None:
    h = _keeping()
    assert (h.notices, h.coordinator.latest_completed, h.coordinator.in_doubt) == ([], None, True)
    h.keep()
    assert {(number, completed) for _, number, completed in h.notices} == {(1, True)}
    assert not h.coordinator.in_doubt


def test_a_task_that_fails_meanwhile_changes_nothing() -> None:
    h = _keeping()
    h.fail(h.task("map"))
    assert (h.coordinator.pending_ids, list(h.cleanup)) == ([1], [])
    h.keep()
    h.restart()
    restore = h.coordinator.restore_of(h.task("map").id)
    assert restore is not None
    assert restore.checkpoint_id == 1


def test_a_pointer_of_which_nobody_can_tell_is_removed_before_the_checkpoint_is_given_up() -> None:
    h = _keeping()
    h.pass_time(h.settings.timeout_ms)
    assert (h.coordinator.pending_ids, list(h.cleanup), h.failures) == ([1], [RemovePointer(1)], [])
    assert not h.clean()  # what is keeping it has not come to its end
    h.keep()
    assert (h.notices, h.coordinator.latest_completed) == ([], None)
    h.clean()
    assert list(h.cleanup) == [DeleteDirectory(f"{DIRECTORY}/chk-1")]
    assert not h.coordinator.in_doubt
    assert "nobody could tell whether its pointer was kept" in h.failures[0].message


def test_a_pointer_that_was_not_kept_need_not_be_removed() -> None:
    h = _keeping()
    h.keep_fails()
    assert list(h.cleanup) == [DeleteDirectory(f"{DIRECTORY}/chk-1")]


def test_a_suspended_job_leaves_what_it_cannot_tell_to_its_next_leader() -> None:
    h = _keeping()
    h.end(JobStatus.SUSPENDED)
    assert (list(h.cleanup), h.timers) == ([], {})
    h.keep()
    h.take_over(2)
    latest = h.coordinator.latest_completed
    assert latest is not None
    assert latest.id == 1


def test_the_pointer_goes_before_the_files_and_not_before_the_result_is_kept() -> None:
    h = _keeping()
    h.keep()
    h.end(JobStatus.FINISHED)
    assert list(h.cleanup) == []
    h.patient = False
    h.end_status(JobStatus.FINISHED)
    assert (h.pointers, h.files) == ({}, set())


def test_a_savepoint_that_the_job_outlives_has_no_pointer() -> None:
    h = CoordinatorHarness()
    h.patient = True
    h.run()
    for number, mode in enumerate([SavepointMode.SAVEPOINT, SavepointMode.CANCEL], start=1):
        h.send(SavepointRequested(f"r{number}", directory="file:///savepoints", mode=mode))
        h.prepare()
        h.acknowledge_all(number)
        h.write()
        assert h.keeping == {}
    assert h.cancelled


def test_the_savepoint_that_a_job_stops_with_is_found_by_later_leaders() -> None:
    h = CoordinatorHarness()
    h.patient = True
    h.run()
    h.send(SavepointRequested("r1", directory="file:///savepoints", mode=SavepointMode.STOP))
    h.prepare()
    h.acknowledge_all(1)
    h.write()
    assert h.keeping == {1: KeepPointer(1, "file:///savepoints/savepoint-1", owned=False)}
    # A task fails before anybody knows: the savepoint is complete, but what sinks hold back may not be committed.
    h.fail(h.task("map"))
    h.keep()
    assert "is complete" in str(h.answers["r1"].failure)
    h.take_over(2)
    latest = h.coordinator.latest_completed
    assert latest is not None
    assert (latest.id, latest.owned) == (1, False)


def test_a_new_leader_gives_no_id_again() -> None:
    h = _keeping()
    h.take_over(7)
    h.run()
    assert h.checkpoint() == 7
