"""The life of a checkpoint: triggering, acknowledging, completing, giving up."""

from __future__ import annotations

import pytest

from millstream.common.failure import first_line
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import SubtaskCheckpointMetrics, TaskSnapshot
from millstream.jobmanager.checkpoint.actions import TimerKind
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    CheckpointRequested,
    SavepointRequested,
    TasksChanged,
    TimerFired,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings, Retention
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness
from tests.unit.jobmanager.job_graphs import job_graph, vertex

JOB = "a" * 32


def harness(**settings: object) -> CoordinatorHarness:
    values: dict[str, object] = {"interval_ms": 1000, "directory": BASE}
    result = CoordinatorHarness(settings=CheckpointSettings(**{**values, **settings}))  # type: ignore[arg-type]  # by name
    result.run()
    return result


# ------------------------------------------------------------------ triggering


def test_nothing_is_triggered_before_all_tasks_run() -> None:
    h = CoordinatorHarness()
    h.graph.transition(JobStatus.RUNNING, h.now)
    h.deploy(h.graph.vertices())
    *most, last = h.graph.vertices()
    h.to_running(most)
    assert h.timers == {}
    h.to_running([last])
    assert h.timers == {(TimerKind.TRIGGER, 0): h.now + 1000}


def test_without_an_interval_nothing_is_triggered() -> None:
    h = harness(interval_ms=None)
    assert h.timers == {}
    assert not h.coordinator.statistics().enabled


def test_a_checkpoint_begins_at_the_sources() -> None:
    h = harness()
    h.pass_time(1000)
    assert h.triggered == {}
    assert h.locations[1].base_directory == BASE
    number = h.prepare()
    assert set(h.triggered[number]) == {h.attempt("source", 0), h.attempt("source", 1)}
    options = h.options[number].options
    assert (options.kind, options.alignment, options.format, options.full) == ("CHECKPOINT", "ALIGNED", "NATIVE", False)
    assert options.directory == f"{BASE}/{JOB}/chk-1"
    assert options.shared_directory == ""
    assert options.trigger_timestamp_ms == h.now


@pytest.mark.parametrize(
    ("settings", "alignment", "timeout"),
    [
        (CheckpointSettings(1000, exactly_once=False), "AT_LEAST_ONCE", 0),
        (CheckpointSettings(1000, unaligned=True), "UNALIGNED", 0),
        (CheckpointSettings(1000, unaligned=True, aligned_timeout_ms=50), "ALIGNED", 50),
        (CheckpointSettings(1000, aligned_timeout_ms=50), "ALIGNED", 0),
    ],
)
def test_alignment(settings: CheckpointSettings, alignment: str, timeout: int) -> None:
    h = CoordinatorHarness(settings=settings)
    h.run()
    h.pass_time(1000)
    options = h.options[1].options
    assert (options.alignment, options.aligned_timeout_ms) == (alignment, timeout)


def test_an_incremental_checkpoint_gets_the_shared_directory() -> None:
    h = harness(incremental=True)
    h.pass_time(1000)
    number = h.prepare()
    assert h.options[number].options.shared_directory == f"{BASE}/{JOB}/shared"


def test_in_memory_no_directory_is_made_and_no_metadata_written() -> None:
    h = harness(directory="")
    h.pass_time(1000)
    h.acknowledge_all(1)
    assert h.locations == {}
    assert h.writes == {}
    latest = h.coordinator.latest_completed
    assert latest is not None
    assert latest.id == 1
    assert latest.directory == ""


def test_the_next_one_comes_an_interval_after_the_last_began() -> None:
    h = harness()
    began = h.now + 1000
    h.pass_time(1400)
    h.complete()
    assert h.timers == {(TimerKind.TRIGGER, 0): began + 1000}


def test_an_interval_that_passed_meanwhile_is_made_up_at_once() -> None:
    h = harness()
    h.pass_time(2500)
    h.complete()
    assert list(h.locations) == [2]


def test_the_minimum_pause_begins_at_the_end_of_a_checkpoint() -> None:
    h = harness(min_pause_ms=700)
    h.pass_time(1900)
    h.complete()
    assert h.timers == {(TimerKind.TRIGGER, 0): h.now + 700}
    h.pass_time(699)
    assert h.locations == {}
    h.pass_time(1)
    assert list(h.locations) == [2]


def test_the_minimum_pause_holds_after_a_failed_one_too() -> None:
    h = harness(min_pause_ms=700, tolerable_failures=5)
    h.pass_time(1900)
    h.location_fails(1)
    h.pass_time(699)
    assert h.locations == {}
    h.pass_time(1)
    assert list(h.locations) == [2]


def test_only_so_many_are_under_way() -> None:
    h = harness(max_concurrent=2)
    h.pass_time(10_000)
    assert h.coordinator.pending_ids == [1, 2]
    assert (TimerKind.TRIGGER, 0) not in h.timers


def test_they_are_triggered_in_order_whichever_directory_is_there_first() -> None:
    h = harness(max_concurrent=2)
    h.pass_time(2000)
    h.prepare(2)
    assert h.triggered == {}
    h.prepare(1)
    assert list(h.triggered) == [1, 2]


def test_one_whose_directory_is_not_to_be_had_holds_up_no_other() -> None:
    h = harness(max_concurrent=2, tolerable_failures=1)
    h.pass_time(2000)
    h.prepare(2)
    h.location_fails(1)
    assert list(h.triggered) == [2]


def test_a_timer_that_fires_early_triggers_nothing() -> None:
    h = harness()
    h.pass_time(400)
    h.send(TimerFired(TimerKind.TRIGGER))
    assert h.locations == {}
    assert h.timers == {(TimerKind.TRIGGER, 0): h.now + 600}


# ------------------------------------------------------------------ completing


def test_it_is_complete_when_its_metadata_is_written_and_not_before() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running():
        assert h.writes == {}
        h.acknowledge(attempt, number)
    assert h.coordinator.latest_completed is None
    assert h.notices == []
    h.write()
    assert h.coordinator.latest_completed is not None
    assert h.notices == [(attempt, number, True) for attempt in sorted(h.running(), key=lambda one: one.split("_")[1])]
    assert (TimerKind.TIMEOUT, number) not in h.timers


def test_metadata_names_operators_and_files() -> None:
    h = harness(incremental=True)
    h.pass_time(1000)
    number = h.prepare()
    shared = h.new_shared_file()
    h.acknowledge(h.attempt("source", 0), number, [shared])
    for attempt in h.running()[1:]:
        h.acknowledge(attempt, number)
    metadata = h.writes[number].metadata
    assert [one.name for one in metadata.operators] == ["source", "map", "sink"]
    source = metadata.operators[0]
    assert (source.operator_id, source.parallelism, source.max_parallelism) == ("source".ljust(32, "0"), 2, 128)
    assert sorted(source.subtasks) == [0, 1]
    assert source.subtasks[0].operator[0].bytes.path.startswith(f"{BASE}/{JOB}/chk-{number}/file-")
    assert source.subtasks[0].keyed[0].files[0].bytes.path == shared
    assert not source.finished
    assert (metadata.kind, metadata.job_id, metadata.lineage_id, metadata.job_name) == ("CHECKPOINT", JOB, JOB, "job")
    assert metadata.state_size == 5 * 10 + 100
    assert metadata.software_version == "0.0-test"


def test_older_ones_beyond_those_retained_are_deleted() -> None:
    h = harness(num_retained=2)
    for _ in range(4):
        h.checkpoint()
    kept = {path.split("/")[5] for path in h.files}
    assert kept == {"chk-3", "chk-4"}


def test_a_newer_one_that_is_complete_subsumes_older_pending_ones() -> None:
    h = harness(max_concurrent=3)
    h.pass_time(2000)
    h.prepare(1)
    h.prepare(2)
    h.acknowledge(h.attempt("source"), 1)
    h.acknowledge_all(2)
    h.write(2)
    assert h.coordinator.pending_ids == []
    assert h.failures == []
    assert not any("chk-1" in path for path in h.files)
    statistics = h.coordinator.statistics()
    assert [one.status for one in statistics.history] == ["COMPLETED", "FAILED"]
    assert "the newer checkpoint 2 is complete" in statistics.latest_failed.failure.message


# ------------------------------------------------------------------ giving up


def test_a_decline_gives_it_up_with_the_cause() -> None:
    h = harness(tolerable_failures=1)
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge(h.attempt("source"), number)
    h.decline(h.attempt("map", 1), number, "cannot pickle")
    assert h.coordinator.pending_ids == []
    assert h.files == set()
    assert set(h.notices) == {(attempt, number, False) for attempt in h.running()}
    assert "cannot pickle" in h.coordinator.statistics().latest_failed.failure.message


def test_a_timeout_names_who_is_missing() -> None:
    h = harness(timeout_ms=5000, tolerable_failures=1)
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running()[:-1]:
        h.acknowledge(attempt, number)
    h.pass_time(5000)
    assert number not in h.coordinator.pending_ids
    message = h.coordinator.statistics().latest_failed.failure.message
    assert "execution.checkpointing.timeout" in message
    assert "1 of 5" in message
    assert "sink (1/1)" in message


@pytest.mark.parametrize("phase", ["preparing", "writing"])
def test_a_timeout_of_the_storage_says_so_and_leaves_nothing(phase: str) -> None:
    h = harness(timeout_ms=500, tolerable_failures=9)
    h.pass_time(1000)
    if phase == "writing":
        h.prepare(1)
        h.acknowledge_all(1)
    h.pass_time(500)
    assert "directory" in h.coordinator.statistics().latest_failed.failure.message or phase == "writing"
    assert "metadata" in h.coordinator.statistics().latest_failed.failure.message or phase == "preparing"
    if phase == "writing":
        h.write(1)
    else:
        h.prepare(1)
    assert h.files == set()


def test_failures_in_a_row_fail_the_job_and_the_first_line_is_the_users() -> None:
    h = harness(tolerable_failures=1)
    for _ in range(2):
        h.pass_time(1000)
        h.decline(h.attempt("map"), h.prepare(), "cannot pickle")
    assert len(h.failures) == 1
    assert first_line(h.failures[0]) == "ValueError: cannot pickle"
    assert "tolerable-failed-checkpoints is 1" in h.failures[0].message


def test_a_success_in_between_begins_the_count_anew() -> None:
    h = harness(tolerable_failures=1)
    for _ in range(3):
        h.pass_time(1000)
        h.decline(h.attempt("map"), h.prepare())
        h.checkpoint()
    assert h.failures == []


def test_the_count_begins_anew_after_the_job_has_failed() -> None:
    h = harness(tolerable_failures=1)
    for _ in range(3):
        h.pass_time(1000)
        h.decline(h.attempt("map"), h.prepare())
    assert len(h.failures) == 1


def test_failed_metadata_fails_the_checkpoint() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge_all(number)
    h.write_fails(number)
    assert h.coordinator.latest_completed is None
    assert h.files == set()
    assert len(h.failures) == 1


def test_late_acknowledgements_and_declines_leave_nothing_behind() -> None:
    h = harness(incremental=True, tolerable_failures=9)
    h.pass_time(1000)
    number = h.prepare()
    h.decline(h.attempt("map"), number)
    h.acknowledge(h.attempt("source"), number, [h.new_shared_file()])
    h.decline(h.attempt("sink"), number)
    assert h.files == set()
    assert h.coordinator.statistics().failed == 1


def test_an_acknowledgement_that_comes_twice_is_nothing_new() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    event = h.acknowledge(h.attempt("source"), number)
    h.send(event)
    h.acknowledge_all(number)
    h.write(number)
    files = set(h.files)
    h.send(event)
    assert h.files == files
    assert h.coordinator.statistics().latest_completed.acknowledged == 5


def test_an_acknowledgement_of_an_old_attempt_is_refused() -> None:
    h = harness()
    old = h.attempt("source")
    h.fail(h.task("map"))
    h.restart()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge(old, number)
    assert h.files == set()
    h.acknowledge_all(number)
    h.write(number)
    assert len(h.files) == 6


def test_a_file_outside_of_the_checkpoint_is_refused() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    event = h.acknowledge(h.attempt("source"), 99)
    operator = "source".ljust(32, "0")
    event.snapshot.operators[operator].operator[0].bytes.path = "../../other/file"
    h.send(type(event)(event.attempt_id, number, event.snapshot, event.metrics))
    assert h.coordinator.pending_ids == []
    assert "../../other/file" in h.coordinator.statistics().latest_failed.failure.message


# ------------------------------------------------------------------ failover


def test_a_failed_task_gives_up_all_that_is_pending_and_counts_nothing() -> None:
    h = harness(max_concurrent=2)
    h.pass_time(2000)
    h.prepare(1)
    h.acknowledge_all(1)
    h.fail(h.task("map"))
    assert h.coordinator.pending_ids == []
    assert h.failures == []
    assert (TimerKind.TRIGGER, 0) not in h.timers
    h.write(1)
    h.prepare(2)
    assert h.coordinator.latest_completed is None
    assert h.files == set()


def test_after_a_restart_tasks_begin_from_the_latest_complete_one() -> None:
    h = harness()
    assert h.coordinator.restore_of(h.task("map").id) is None
    first = h.checkpoint()
    h.pass_time(1000)
    second = h.prepare()
    h.acknowledge_all(second)
    h.fail(h.task("map"))
    restore = h.coordinator.restore_of(h.task("map").id)
    assert restore is not None
    assert restore.checkpoint_id == first
    handle = restore.operators["map".ljust(32, "0")].operator[0]
    assert handle.bytes.path in h.files
    h.restart()
    assert h.coordinator.statistics().restored == 1
    assert h.coordinator.statistics().restored_checkpoint_id == first
    assert h.checkpoint() > second


def test_a_region_that_fails_gives_up_pending_ones_of_all_regions() -> None:
    h = CoordinatorHarness(job_graph([vertex("one"), vertex("two")]))
    h.run()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge_all(number)
    h.task("one").current.transition(ExecutionState.FAILED, h.now)
    h.send(TasksChanged())
    assert h.coordinator.pending_ids == []
    h.write(number)
    assert h.coordinator.latest_completed is None


# ------------------------------------------------------------------ requests


def test_a_requested_checkpoint_begins_at_once_and_is_answered() -> None:
    h = harness(interval_ms=None)
    h.send(CheckpointRequested("r", full=True))
    number = h.prepare()
    assert h.options[number].options.full
    h.acknowledge_all(number)
    assert h.answers == {}
    h.write()
    assert h.answers["r"].checkpoint_id == number
    assert h.answers["r"].location == f"{BASE}/{JOB}/chk-{number}"
    assert h.answers["r"].failure is None


def test_a_requested_checkpoint_waits_until_there_is_room() -> None:
    h = harness()
    h.pass_time(1000)
    h.send(CheckpointRequested("r"))
    assert h.coordinator.pending_ids == [1]
    h.complete()
    assert list(h.locations) == [2]
    h.complete()
    assert h.answers["r"].checkpoint_id == 2


def test_a_request_fails_when_tasks_fail_before_and_after_it_began() -> None:
    h = harness()
    h.pass_time(1000)
    h.send(CheckpointRequested("waiting"))
    h.fail(h.task("sink"))
    assert h.answers["waiting"].failure is not None
    h.send(CheckpointRequested("early"))
    assert "RESTARTING" in _message(h, "early")
    h.restart()
    h.send(CheckpointRequested("under way"))
    h.prepare()
    h.decline(h.attempt("map"), h.coordinator.pending_ids[0], "broken")
    assert _message(h, "under way") == "broken"


def _message(h: CoordinatorHarness, request_id: str) -> str:
    failure = h.answers[request_id].failure
    assert failure is not None
    return failure.message


def test_a_request_after_the_end_is_answered() -> None:
    h = harness()
    h.end(JobStatus.CANCELED)
    h.send(CheckpointRequested("r"))
    assert "has ended (CANCELED)" in _message(h, "r")


# ------------------------------------------------------------------ the end of the job


@pytest.mark.parametrize(
    ("retention", "status", "kept"),
    [
        (Retention.RETAIN_ON_CANCELLATION, JobStatus.CANCELED, True),
        (Retention.RETAIN_ON_CANCELLATION, JobStatus.FAILED, True),
        (Retention.RETAIN_ON_CANCELLATION, JobStatus.FINISHED, False),
        (Retention.RETAIN_ON_CANCELLATION, JobStatus.SUSPENDED, True),
        (Retention.DELETE_ON_CANCELLATION, JobStatus.CANCELED, False),
        (Retention.DELETE_ON_CANCELLATION, JobStatus.FAILED, True),
        (Retention.DELETE_ON_CANCELLATION, JobStatus.FINISHED, False),
        (Retention.DELETE_ON_CANCELLATION, JobStatus.SUSPENDED, True),
        (Retention.NO_EXTERNALIZED_CHECKPOINTS, JobStatus.CANCELED, False),
        (Retention.NO_EXTERNALIZED_CHECKPOINTS, JobStatus.FAILED, False),
        (Retention.NO_EXTERNALIZED_CHECKPOINTS, JobStatus.FINISHED, False),
        (Retention.NO_EXTERNALIZED_CHECKPOINTS, JobStatus.SUSPENDED, True),
    ],
)
def test_what_stays_when_the_job_ends(retention: Retention, status: JobStatus, kept: bool) -> None:
    h = harness(retention=retention, incremental=True)
    h.checkpoint()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge(h.attempt("source"), number, [h.new_shared_file()])
    h.files.add(f"{BASE}/{JOB}/chk-1/late")
    h.files.add(f"{BASE}/{JOB}/shared/of-a-leader-that-died")
    h.end(status)
    directories = {path.split("/")[5] for path in h.files}
    assert directories == ({"chk-1", "shared"} if kept else set())
    # What was given up may have left directories behind.
    assert h.emptied == ([f"{BASE}/{JOB}"] if kept and status is not JobStatus.SUSPENDED else [])
    assert h.timers == {}
    h.acknowledge(h.attempt("map"), number, [h.new_shared_file()])
    assert {path.split("/")[5] for path in h.files} == directories


def test_the_end_answers_what_is_open() -> None:
    h = harness()
    h.send(CheckpointRequested("first"))
    h.send(CheckpointRequested("second"))
    h.end(JobStatus.CANCELED)
    assert "CANCELED" in _message(h, "first")
    assert "CANCELED" in _message(h, "second")
    h.prepare(1)
    assert h.files == set()


# ------------------------------------------------------------------ tasks that finish


def test_consumers_of_finished_tasks_are_told_to_begin() -> None:
    h = harness()
    h.finish(h.task("source", 0))
    h.pass_time(1000)
    number = h.prepare()
    assert h.triggered[number] == [h.attempt("source", 1)]
    h.acknowledge_all(number)
    h.write(number)
    h.finish(h.task("source", 1))
    h.pass_time(1000)
    number = h.prepare()
    assert set(h.triggered[number]) == {h.attempt("map", 0), h.attempt("map", 1)}
    h.acknowledge_all(number)
    metadata = h.writes[number].metadata
    assert [one.finished for one in metadata.operators] == [True, False, False]
    assert sorted(metadata.operators[0].subtasks) == []


def test_pointwise_consumers_are_told_one_by_one() -> None:
    graph = job_graph([vertex("source", 2), vertex("map", 2)], [("source", "map", "FORWARD")])
    h = CoordinatorHarness(graph)
    h.run()
    h.finish(h.task("source", 1))
    h.pass_time(1000)
    assert set(h.triggered[h.prepare()]) == {h.attempt("source", 0), h.attempt("map", 1)}


def test_subtasks_that_have_finished_are_noted() -> None:
    h = harness()
    h.finish(h.task("source", 1))
    number = h.checkpoint()
    metadata = h.completed[number]
    assert (metadata.operators[0].finished, list(metadata.operators[0].finished_subtasks)) == (False, [1])
    h.fail(h.task("map"))
    restores = [h.coordinator.restore_of(one.id) for one in h.graph.vertices()]
    assert [one is not None and one.finished for one in restores] == [False, True, False, False, False]


def ended_source(h: CoordinatorHarness, *subtasks: int) -> None:
    """Take a checkpoint before which the input of these source subtasks has ended."""
    ended = [h.attempt("source", subtask) for subtask in subtasks]
    h.end_of_data(*ended)
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running():
        h.acknowledge(attempt, number, finished=attempt in ended)
    h.write(number)


def test_a_task_that_finishes_while_one_is_pending_takes_part_as_finished() -> None:
    h = harness()
    ended_source(h, 0)
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running():
        if attempt != h.attempt("source", 0):
            h.acknowledge(attempt, number)
    assert h.writes == {}
    h.finish(h.task("source", 0))
    assert list(h.writes[number].metadata.operators[0].finished_subtasks) == [0]


def test_an_acknowledgement_may_come_after_its_task_has_finished() -> None:
    h = harness()
    ended_source(h, 0)
    h.pass_time(1000)
    number = h.prepare()
    h.finish(h.task("source", 0))
    h.acknowledge(h.attempt("source", 0), number, finished=True)
    h.acknowledge_all(number)
    operator = h.writes[number].metadata.operators[0]
    assert (sorted(operator.subtasks), list(operator.finished_subtasks)) == ([0, 1], [0])
    h.write(number)
    assert len(h.files) == 6


def test_consumers_are_told_when_their_producers_finish_before_the_barrier() -> None:
    h = harness()
    ended_source(h, 0, 1)
    h.pass_time(1000)
    number = h.prepare()
    h.finish(h.task("source", 0))
    assert h.attempt("map") not in h.triggered[number]
    h.finish(h.task("source", 1))
    assert {h.attempt("map", 0), h.attempt("map", 1)} <= set(h.triggered[number])


def test_a_task_that_nobody_let_go_must_acknowledge_before_it_finishes() -> None:
    h = harness(interval_ms=None, savepoint_directory="file:///savepoints")
    h.send(SavepointRequested("r"))
    h.prepare()
    h.finish(h.task("source", 0))
    assert h.coordinator.pending_ids == []
    assert "task source (1/2) finished while checkpoint 1 was under way" in _message(h, "r")
    h.send(SavepointRequested("again"))
    h.prepare()
    h.acknowledge(h.attempt("source", 1), 2)
    h.finish(h.task("source", 1))
    assert h.coordinator.pending_ids == [2]


def test_without_checkpoints_after_finish_a_finished_task_ends_them() -> None:
    h = harness(after_tasks_finish=False)
    h.pass_time(1000)
    h.prepare()
    h.finish(h.task("source", 0))
    assert h.coordinator.pending_ids == []
    assert h.timers == {}
    assert h.failures == []
    assert "task source (1/2) finished" in h.coordinator.statistics().latest_failed.failure.message


@pytest.mark.parametrize("late", [False, True])
def test_union_state_of_an_operator_that_has_partly_finished_is_refused(late: bool) -> None:
    h = harness()
    if not late:
        h.finish(h.task("source", 1))
    h.pass_time(1000)
    number = h.prepare()
    if late:
        empty = TaskSnapshot(finished=True)
        h.send(Acknowledged(h.attempt("source", 1), number, empty, SubtaskCheckpointMetrics()))
    for attempt in h.running():
        if attempt == h.attempt("source", 1):
            continue
        snapshot = h.snapshot(attempt, number)
        for state in snapshot.operators.values():
            state.operator[0].mode = "UNION"
        h.send(Acknowledged(attempt, number, snapshot, SubtaskCheckpointMetrics()))
    message = h.coordinator.statistics().latest_failed.failure.message
    assert "union list state 'list'" in message
    assert "source (2/2)" in message
    assert h.files == set()


@pytest.mark.parametrize("name", [" watermark", " window-layout"])
def test_union_state_that_only_its_own_key_groups_need_may_partly_be_missing(name: str) -> None:
    h = harness()
    h.finish(h.task("source", 1))
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running():
        snapshot = h.snapshot(attempt, number)
        for state in snapshot.operators.values():
            state.operator[0].mode = "UNION"
            state.operator[0].name = name
        h.send(Acknowledged(attempt, number, snapshot, SubtaskCheckpointMetrics()))
    h.write(number)
    assert h.coordinator.statistics().completed == 1


# ------------------------------------------------------------------ the end of the input


def test_when_all_input_has_ended_a_checkpoint_is_taken_at_once() -> None:
    h = harness(interval_ms=3_600_000, min_pause_ms=60_000)
    *most, last = h.running()
    h.end_of_data(*most)
    assert h.locations == {}
    h.end_of_data(last)
    number = h.complete(finished=True)
    assert all(one.finished for one in h.completed[number].operators)
    h.pass_time(10_000_000)
    assert h.coordinator.pending_ids == []
    h.finish(*h.graph.vertices())
    assert h.timers == {}


def test_a_final_checkpoint_that_fails_is_taken_again_soon() -> None:
    h = harness(interval_ms=3_600_000, min_pause_ms=60_000, tolerable_failures=9)
    h.end_of_data(*h.running())
    h.decline(h.attempt("map"), h.prepare())
    assert h.locations == {}
    h.pass_time(1000)
    assert list(h.locations) == [2]


def test_a_checkpoint_that_was_under_way_is_followed_by_the_final_one() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge(h.attempt("source"), number)
    h.end_of_data(*h.running())
    h.acknowledge_all(number, finished=True)
    h.write(number)
    assert list(h.locations) == [2], "one source was not done yet when it acknowledged the first"
    h.complete(finished=True)
    assert h.locations == {}


def test_no_other_one_follows_a_final_one_that_is_pending() -> None:
    h = harness(max_concurrent=3)
    h.end_of_data(*h.running())
    h.pass_time(10_000)
    assert h.coordinator.pending_ids == [1]


def test_a_task_that_was_let_go_and_hears_of_the_next_one_too_late_does_not_fail_it() -> None:
    h = harness()
    source = h.attempt("source", 0)
    h.end_of_data(source)
    h.pass_time(1000)
    number = h.prepare()
    for attempt in h.running():
        h.acknowledge(attempt, number, finished=attempt == source)
    h.write(number)
    h.pass_time(1000)
    number = h.prepare()
    h.decline(source, number, "unknown task")
    for attempt in h.running():
        if attempt != source:
            h.acknowledge(attempt, number)
    assert list(h.writes[number].metadata.operators[0].finished_subtasks) == [0]
    assert h.failures == []


def test_after_a_restart_the_end_of_the_input_is_reported_anew() -> None:
    h = harness()
    h.end_of_data(*h.running())
    h.fail(h.task("map"))
    h.restart()
    assert h.coordinator.pending_ids == []
    assert h.timers == {(TimerKind.TRIGGER, 0): h.now + 1000}
    h.end_of_data(*h.running())
    assert len(h.coordinator.pending_ids) == 1
