"""What leaders that died have left of checkpoints that nobody can go on from: the next one deletes it."""

from __future__ import annotations

from millstream.common.checkpoint.state_paths import stored_bytes
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.jobmanager.checkpoint.actions import (
    CheckpointAction,
    DeleteEmptyDirectories,
    DeleteJobDirectory,
    DeleteLeftCheckpoints,
)
from millstream.jobmanager.checkpoint.coordinator import CheckpointCoordinator
from millstream.jobmanager.checkpoint.events import (
    CheckpointRestored,
    CheckpointsRecovered,
    ClaimMode,
    RecoveredCheckpoint,
    ResultKept,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness, pipeline
from tests.unit.jobmanager.job_graphs import execution_graph

JOB = "a" * 32
OWN = f"{BASE}/{JOB}"


def _recovered(settings: CheckpointSettings, event: CheckpointsRecovered) -> list[CheckpointAction]:
    return CheckpointCoordinator(execution_graph(pipeline()), settings, "0.0-test").handle(event, 0)


def _settings(**changes: object) -> CheckpointSettings:
    return CheckpointSettings(interval_ms=1000, directory=BASE, **changes)  # type: ignore[arg-type]  # of its fields


def test_a_checkpoint_that_was_under_way_is_deleted_and_what_the_job_goes_on_from_is_not() -> None:
    h = CoordinatorHarness()
    h.run()
    assert h.checkpoint() == 1
    h.pass_time(1000)
    h.acknowledge(h.attempt("source"), h.prepare())
    assert any(path.startswith(f"{OWN}/chk-2/") for path in h.files)
    h.take_over(3)
    assert {path.split("/")[5] for path in h.files} == {"chk-1"}
    h.run()
    assert h.checkpoint() == 3


def test_nothing_is_looked_for_where_no_leader_has_been() -> None:
    assert _recovered(_settings(), CheckpointsRecovered((), 1)) == []
    assert _recovered(CheckpointSettings(interval_ms=1000), CheckpointsRecovered((), 7)) == []


def test_directories_stay_in_which_a_retained_checkpoint_has_files_however_paths_are_written() -> None:
    h = CoordinatorHarness()
    h.run()
    h.checkpoint()
    metadata = CheckpointMetadata()
    metadata.CopyFrom(h.metadata[1])
    metadata.checkpoint_id = 5
    first = next(one for one in stored_bytes(metadata) if one.path)
    first.path = f"/checkpoints/{JOB}/chk-3/file"
    retained = RecoveredCheckpoint(metadata, f"/checkpoints/{JOB}/chk-5", owned=True)
    assert _recovered(_settings(), CheckpointsRecovered((retained,), 9, (2,))) == [
        # Most of its files are where the first one wrote them.
        DeleteLeftCheckpoints(OWN, 9, (1, 2, 3, 5))
    ]


def test_a_job_that_began_from_a_checkpoint_of_its_own_id_deletes_only_what_it_knows() -> None:
    settings = _settings(recovery_path=f"{OWN}/chk-4/_metadata")
    assert _recovered(settings, CheckpointsRecovered((), 9)) == []
    h = CoordinatorHarness(settings=settings)
    h.patient = True
    h.run()
    h.end(JobStatus.CANCELED)
    h.send(ResultKept())
    assert list(h.cleanup) == [DeleteEmptyDirectories(OWN)]


def test_the_snapshot_that_a_job_began_from_goes_with_it_only_if_it_is_the_jobs() -> None:
    elsewhere = f"{BASE}/{'b' * 32}/chk-40"
    for mode in ClaimMode:
        h = CoordinatorHarness()
        h.files = {f"{elsewhere}/_metadata"}
        h.send(CheckpointRestored(CheckpointMetadata(checkpoint_id=40, job_id="b" * 32), elsewhere, mode))
        h.run()
        h.end(JobStatus.CANCELED)
        assert h.files == (set() if mode is ClaimMode.CLAIM else {f"{elsewhere}/_metadata"})


def test_at_the_end_of_a_job_of_which_nothing_is_kept_all_goes_that_its_leaders_have_begun() -> None:
    h = CoordinatorHarness()
    h.patient = True
    h.send(CheckpointsRecovered((), 6))
    h.cleanup.clear()
    h.run()
    h.end(JobStatus.CANCELED)
    h.send(ResultKept())
    assert list(h.cleanup) == [DeleteJobDirectory(OWN, 6)]
