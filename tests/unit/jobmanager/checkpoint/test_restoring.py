"""Jobs that begin from a snapshot: who owns its files, and what comes after it."""

from __future__ import annotations

import pytest

from millstream.common.checkpoint.errors import BrokenSnapshotError
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, NamedFile, StateBytes
from millstream.jobmanager.checkpoint.events import CheckpointRestored, ClaimMode, TasksChanged
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.checkpoint.snapshot_matching import StateRecoveryError
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness
from tests.unit.jobmanager.checkpoint.snapshots import keyed, list_state, metadata_of, operator, subtask
from tests.unit.jobmanager.job_graphs import job_graph, vertex

OLD = "file:///old/job"
OTHER_JOB = "b" * 32


def snapshot() -> CheckpointMetadata:
    """Return a checkpoint of another job, with files of its own and shared ones."""
    handle = keyed(128, 1, 0, "keyed")
    handle.files.add().CopyFrom(NamedFile(name="f", bytes=StateBytes(path="../shared/f", size=5), shared=True))
    state = operator("map", 1, {0: subtask([handle], [list_state("list", 2)])}, uid="the-map")
    return metadata_of(state, job_id=OTHER_JOB, checkpoint_id=12)


def harness(claim: ClaimMode, **settings: object) -> CoordinatorHarness:
    values: dict[str, object] = {"interval_ms": 1000, "directory": BASE, "incremental": True}
    h = CoordinatorHarness(
        job_graph([vertex("map", 2)]),
        CheckpointSettings(**{**values, **settings}),  # type: ignore[arg-type]  # by name
    )
    h.files = {f"{OLD}/chk-12/_metadata", f"{OLD}/chk-12/keyed", f"{OLD}/chk-12/list", f"{OLD}/shared/f"}
    h.send(CheckpointRestored(snapshot(), f"{OLD}/chk-12", claim))
    h.run()
    return h


def old_files(h: CoordinatorHarness) -> set[str]:
    return {path for path in h.files if path.startswith(OLD)}


@pytest.mark.parametrize("claim", list(ClaimMode))
def test_tasks_begin_from_it(claim: ClaimMode) -> None:
    h = harness(claim)
    for index in range(2):
        restore = h.coordinator.restore_of(h.task("map", index).id)
        assert restore is not None
        assert (restore.checkpoint_id, restore.lineage_id) == (12, OTHER_JOB)
        (handle,) = restore.operators["map".ljust(32, "0")].keyed
        assert handle.file.path == f"{OLD}/chk-12/keyed"
        assert handle.files[0].bytes.path == f"{OLD}/shared/f"
    statistics = h.coordinator.statistics()
    assert (statistics.restored, statistics.restored_checkpoint_id) == (1, 12)
    assert statistics.restored_path == f"{OLD}/chk-12"


def test_ids_and_the_lineage_go_on() -> None:
    h = harness(ClaimMode.NO_CLAIM)
    assert h.checkpoint() == 13
    metadata = h.completed[13]
    assert (metadata.job_id, metadata.lineage_id) == ("a" * 32, OTHER_JOB)


def test_what_is_not_claimed_is_never_referred_to_nor_deleted() -> None:
    h = harness(ClaimMode.NO_CLAIM)
    files = old_files(h)
    h.pass_time(1000)
    number = h.prepare()
    assert h.options[number].options.full
    h.acknowledge_all(number)
    h.write(number)
    h.pass_time(1000)
    number = h.prepare()
    assert not h.options[number].options.full
    h.acknowledge(h.attempt("map"), number, [f"{OLD}/shared/f"])
    assert h.coordinator.pending_ids == []
    assert "not the job's own" in h.coordinator.statistics().latest_failed.failure.message
    assert h.failures == [], "the task had not heard yet"
    h.checkpoint()
    h.end(JobStatus.FINISHED)
    assert old_files(h) == files
    assert h.files == files


def test_checkpoints_are_full_until_one_is_complete() -> None:
    h = harness(ClaimMode.NO_CLAIM, tolerable_failures=9)
    for _ in range(2):
        h.pass_time(1000)
        number = h.prepare()
        assert h.options[number].options.full
        h.decline(h.attempt("map"), number)


def test_what_is_claimed_is_deleted_when_nothing_needs_it_any_more() -> None:
    h = harness(ClaimMode.CLAIM)
    h.pass_time(1000)
    number = h.prepare()
    assert not h.options[number].options.full
    h.acknowledge(h.attempt("map", 0), number, [f"{OLD}/shared/f"])
    h.acknowledge(h.attempt("map", 1), number)
    h.write(number)
    assert old_files(h) == {f"{OLD}/shared/f"}
    h.checkpoint()
    assert old_files(h) == set()


def test_a_file_in_the_claimed_directory_that_is_still_needed_stays() -> None:
    h = CoordinatorHarness(
        job_graph([vertex("map")]), CheckpointSettings(interval_ms=1000, directory=BASE, incremental=True)
    )
    metadata = snapshot()
    shared = metadata.operators[0].subtasks[0].keyed[0].files[0].bytes
    shared.path = "f"
    h.files = {f"{OLD}/chk-12/{name}" for name in ("_metadata", "keyed", "list", "f")}
    h.send(CheckpointRestored(metadata, f"{OLD}/chk-12", ClaimMode.CLAIM))
    h.run()
    h.pass_time(1000)
    number = h.prepare()
    h.acknowledge(h.attempt("map"), number, [f"{OLD}/chk-12/f"])
    h.write(number)
    assert old_files(h) == {f"{OLD}/chk-12/f"}
    h.checkpoint()
    assert old_files(h) == set()


def test_a_snapshot_that_does_not_fit_is_refused_before_anything_runs() -> None:
    h = CoordinatorHarness(job_graph([vertex("other")]))
    with pytest.raises(StateRecoveryError, match=r"'map' \(uid 'the-map'") as caught:
        h.send(CheckpointRestored(snapshot(), f"{OLD}/chk-12", ClaimMode.CLAIM))
    assert f"checkpoint 12 in {OLD}/chk-12" in str(caught.value)
    assert h.coordinator.latest_completed is None


def test_state_that_nobody_takes_may_be_dropped() -> None:
    settings = CheckpointSettings(allow_unclaimed_state=True)
    h = CoordinatorHarness(job_graph([vertex("other")]), settings)
    h.files = {f"{OLD}/chk-12/keyed", f"{OLD}/chk-12/list", f"{OLD}/shared/f"}
    h.send(CheckpointRestored(snapshot(), f"{OLD}/chk-12", ClaimMode.NO_CLAIM))
    restore = h.coordinator.restore_of(h.task("other").id)
    assert restore is not None
    assert not restore.operators


def test_a_snapshot_with_paths_that_lead_elsewhere_is_refused() -> None:
    h = CoordinatorHarness(job_graph([vertex("map")]))
    metadata = snapshot()
    metadata.operators[0].subtasks[0].keyed[0].file.path = "../../secret"
    with pytest.raises(BrokenSnapshotError, match="secret"):
        h.send(CheckpointRestored(metadata, f"{OLD}/chk-12", ClaimMode.CLAIM))


def test_the_max_parallelism_comes_from_the_snapshot_where_the_program_sets_none() -> None:
    metadata = snapshot()
    metadata.operators[0].max_parallelism = 64
    metadata.operators[0].subtasks[0].keyed[0].last_key_group = 63
    graph = job_graph([vertex("map", 2)])
    h = CoordinatorHarness(graph)
    h.files = {f"{OLD}/chk-12/keyed", f"{OLD}/chk-12/list", f"{OLD}/shared/f"}
    h.send(CheckpointRestored(metadata, f"{OLD}/chk-12", ClaimMode.NO_CLAIM))
    assert [one.max_parallelism for one in h.graph.job_vertices.values()] == [64]
    graph.vertices[0].max_parallelism = 128
    graph.vertices[0].max_parallelism_set = True
    h = CoordinatorHarness(graph)
    with pytest.raises(StateRecoveryError, match="max parallelism 128"):
        h.send(CheckpointRestored(metadata, f"{OLD}/chk-12", ClaimMode.NO_CLAIM))


def test_a_job_is_given_its_state_at_other_parallelisms() -> None:
    h = harness(ClaimMode.NO_CLAIM)
    assert h.coordinator.restore_of(h.task("map").id) is not None
    h.fail(h.task("map"))
    h.task("map", 1).current.transition(ExecutionState.CANCELED, h.now)
    h.graph.rescale(job_graph([vertex("map", 3)]), h.now)
    h.send(TasksChanged())
    restores = [h.coordinator.restore_of(h.task("map", index).id) for index in range(3)]
    assert [restore is not None and restore.checkpoint_id for restore in restores] == [12, 12, 12]
    h.graph.rescale(job_graph([vertex("map", 200)]), h.now)
    with pytest.raises(StateRecoveryError, match="parallelism 200"):
        h.coordinator.restore_of(h.task("map").id)
