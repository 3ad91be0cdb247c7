"""Savepoints: those that the job outlives, and those that it is cancelled, stopped or drained with."""

from __future__ import annotations

import pytest

from millstream.common.states import JobStatus
from millstream.jobmanager.checkpoint.actions import TimerKind
from millstream.jobmanager.checkpoint.events import CheckpointRequested, SavepointMode, SavepointRequested
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness

SAVEPOINTS = "file:///savepoints"


def harness(**settings: object) -> CoordinatorHarness:
    values: dict[str, object] = {"interval_ms": 1000, "directory": BASE, "savepoint_directory": SAVEPOINTS}
    result = CoordinatorHarness(settings=CheckpointSettings(**{**values, **settings}))  # type: ignore[arg-type]  # by name
    result.run()
    return result


def message(h: CoordinatorHarness, request_id: str = "r") -> str:
    failure = h.answers[request_id].failure
    assert failure is not None
    return failure.message


def test_a_savepoint_belongs_to_its_user() -> None:
    h = harness(incremental=True)
    first = h.checkpoint()
    h.send(SavepointRequested("r"))
    number = h.prepare()
    options = h.options[number].options
    assert (options.kind, options.format, options.full, options.alignment) == (
        "SAVEPOINT",
        "CANONICAL",
        True,
        "ALIGNED",
    )
    assert (options.directory, options.shared_directory) == (f"{SAVEPOINTS}/savepoint-{number}", "")
    notices = len(h.notices)
    h.acknowledge_all(number)
    h.write()
    assert h.answers["r"].location == f"{SAVEPOINTS}/savepoint-{number}"
    assert len(h.notices) == notices, "what sinks hold back is not committed by it"
    assert h.coordinator.latest_completed is not None
    assert h.coordinator.latest_completed.id == first
    assert h.coordinator.statistics().latest_savepoint.external_path == h.answers["r"].location
    h.checkpoint()
    h.end(JobStatus.FINISHED)
    assert all("/savepoint-" in path for path in h.files)
    assert len(h.files) == 6


def test_a_savepoint_begins_at_once_and_periodic_ones_wait_for_it() -> None:
    h = harness()
    h.pass_time(1000)
    h.prepare(1)
    h.send(SavepointRequested("r", "file:///elsewhere"))
    assert h.locations[2].base_directory == "file:///elsewhere"
    h.prepare(2)
    h.acknowledge_all(1)
    h.write(1)
    h.pass_time(5000)
    assert h.coordinator.pending_ids == [2], "a newer checkpoint does not give up a savepoint"
    h.acknowledge_all(2)
    h.write(2)
    assert h.answers["r"].failure is None
    assert h.coordinator.pending_ids == [3]


def test_no_checkpoint_overtakes_a_savepoint() -> None:
    h = harness(max_concurrent=3)
    h.send(SavepointRequested("r"))
    h.send(CheckpointRequested("c"))
    h.pass_time(5000)
    assert h.coordinator.pending_ids == [1]
    h.complete()
    assert h.coordinator.pending_ids == [2]


def test_a_savepoint_may_be_native() -> None:
    h = harness()
    h.send(SavepointRequested("r", format="NATIVE"))
    assert h.options[h.prepare()].options.format == "NATIVE"


def test_failed_savepoints_do_not_count() -> None:
    h = harness()
    for index in range(3):
        h.send(SavepointRequested(f"r{index}"))
        h.decline(h.attempt("map"), h.prepare(), "broken")
        assert message(h, f"r{index}") == "broken"
    assert h.failures == []
    assert h.files == set()


def test_without_a_directory_there_is_no_savepoint() -> None:
    h = harness(savepoint_directory="")
    h.send(SavepointRequested("r"))
    assert "execution.checkpointing.savepoint-dir" in message(h)


def test_while_tasks_do_not_run_there_is_no_savepoint() -> None:
    h = CoordinatorHarness(settings=CheckpointSettings(savepoint_directory=SAVEPOINTS))
    h.graph.transition(JobStatus.RUNNING, h.now)
    h.send(SavepointRequested("r"))
    assert "source (1/2) is CREATED" in message(h)


def test_without_periodic_checkpoints_there_are_savepoints() -> None:
    h = harness(interval_ms=None, directory="")
    h.send(SavepointRequested("r"))
    h.complete()
    assert h.answers["r"].failure is None


# ------------------------------------------------------------------ with the end of the job


def test_cancel_with_savepoint() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.CANCEL))
    number = h.prepare()
    assert h.options[number].options.kind == "SAVEPOINT"
    h.pass_time(5000)
    assert h.coordinator.pending_ids == [number]
    h.acknowledge_all(number)
    assert not h.cancelled
    h.write()
    assert h.cancelled
    assert h.answers["r"].location
    h.pass_time(5000)
    assert h.coordinator.pending_ids == []
    h.end(JobStatus.CANCELED)
    assert len(h.files) == 6


def test_cancel_with_savepoint_that_fails_leaves_the_job_running() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.CANCEL))
    h.decline(h.attempt("map"), h.prepare())
    assert not h.cancelled
    assert h.failures == []
    assert h.checkpoint()


@pytest.mark.parametrize("mode", [SavepointMode.STOP, SavepointMode.DRAIN])
def test_stop_with_savepoint_is_answered_when_the_job_has_ended(mode: SavepointMode) -> None:
    h = harness()
    first = h.checkpoint()
    h.send(SavepointRequested("r", mode=mode))
    number = h.prepare()
    assert h.options[number].options.kind == mode.value
    assert (TimerKind.TRIGGER, 0) not in h.timers
    h.end_of_data(*h.running())
    assert h.coordinator.pending_ids == [number], "a drained job needs no other final checkpoint"
    h.acknowledge_all(number, finished=mode is SavepointMode.DRAIN)
    h.write()
    assert (h.attempt("sink"), number, True) in h.notices
    assert h.answers == {}
    h.finish(*h.graph.vertices())
    assert h.answers == {}
    h.graph.transition(JobStatus.FINISHED, h.now)
    h.end_status(JobStatus.FINISHED)
    assert h.answers["r"].location == f"{SAVEPOINTS}/savepoint-{number}"
    assert {path.split("/")[4] for path in h.files} == {f"savepoint-{number}"}
    assert first != number


def test_a_stop_that_fails_lets_the_job_run_on() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    number = h.prepare()
    h.decline(h.attempt("map"), number, "broken")
    assert message(h) == "broken"
    assert (h.attempt("source"), number, False) in h.notices
    assert h.failures == []
    assert h.checkpoint() > number


def test_a_drain_that_fails_restarts_the_job() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.DRAIN))
    h.decline(h.attempt("map"), h.prepare(), "broken")
    assert message(h) == "broken"
    assert len(h.failures) == 1
    assert h.failures[0].message.startswith("broken\n")


def test_a_drain_that_never_began_does_no_harm() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.DRAIN))
    h.location_fails(1)
    assert message(h) == "no room"
    assert h.failures == []
    assert h.checkpoint()


def test_while_the_job_stops_nothing_else_is_taken() -> None:
    h = harness()
    h.pass_time(1000)
    h.send(CheckpointRequested("before"))
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    for request in (
        SavepointRequested("s"),
        CheckpointRequested("c"),
        SavepointRequested("t", mode=SavepointMode.STOP),
    ):
        h.send(request)
        assert "being stopped" in message(h, request.request_id)
    stop = max(h.coordinator.pending_ids)
    h.prepare(1)
    h.prepare(stop)
    h.acknowledge_all(stop)
    h.write(stop)
    assert h.coordinator.pending_ids == []
    h.end(JobStatus.FINISHED)
    assert "before" in h.answers
    assert h.answers["r"].failure is None


def test_another_savepoint_is_given_up_when_the_job_stops() -> None:
    h = harness()
    h.send(SavepointRequested("s"))
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    h.prepare(1)
    h.prepare(2)
    h.acknowledge_all(2)
    h.write(2)
    assert "stops with savepoint 2" in message(h, "s")


def test_a_task_that_fails_while_the_job_stops_restarts_all_from_the_savepoint() -> None:
    h = harness()
    h.checkpoint()
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    number = h.complete()
    h.finish(h.task("source", 0))
    h.fail(h.task("sink"))
    assert f"savepoint {number} is complete ({SAVEPOINTS}/savepoint-{number})" in message(h)
    assert len(h.failures) == 1
    restore = h.coordinator.restore_of(h.task("source").id)
    assert restore is not None
    assert (restore.checkpoint_id, restore.finished) == (number, False)
    h.restart()
    h.pass_time(1000)
    later = h.prepare()
    assert h.options[later].options.full, "nothing refers to the files of the user's savepoint"
    h.acknowledge_all(later)
    h.write(later)
    h.end(JobStatus.CANCELED)
    assert {path.split("/")[4] for path in h.files} == {f"savepoint-{number}"}


def test_a_job_that_is_cancelled_while_it_stops_says_where_the_savepoint_is() -> None:
    h = harness()
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    number = h.complete()
    h.end(JobStatus.CANCELED)
    assert f"savepoint-{number}" in message(h)


def test_a_savepoint_takes_no_checkpoints_place() -> None:
    h = harness()
    first = h.checkpoint()
    h.send(SavepointRequested("r", mode=SavepointMode.STOP))
    h.complete()
    assert f"{BASE}/{'a' * 32}/chk-{first}/_metadata" in h.files
