"""What is told of checkpoints."""

from __future__ import annotations

import pytest

from millstream.common.wire.checkpoint_pb2 import SubtaskCheckpointMetrics
from millstream.jobmanager.checkpoint.events import Acknowledged, SavepointRequested
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness


def harness(history_size: int = 10, tolerable_failures: int = 99) -> CoordinatorHarness:
    h = CoordinatorHarness(
        settings=CheckpointSettings(
            interval_ms=1000,
            directory=BASE,
            savepoint_directory="file:///savepoints",
            history_size=history_size,
            tolerable_failures=tolerable_failures,
        )
    )
    h.run()
    return h


def test_one_under_way_and_complete() -> None:
    h = harness()
    h.pass_time(1000)
    began = h.now
    number = h.prepare()
    h.pass_time(30)
    metrics = SubtaskCheckpointMetrics(sync_ms=3, checkpointed_size=10, full_size=70, bytes_processed=5, unaligned=True)
    source = h.attempt("source", 1)
    h.send(Acknowledged(source, number, h.snapshot(source, number), metrics))
    (entry,) = h.coordinator.statistics().history
    assert (entry.status, entry.subtasks, entry.acknowledged, entry.trigger_ms) == ("IN_PROGRESS", 5, 1, began)
    assert (entry.latest_ack_ms, entry.duration_ms) == (began + 30, 30)
    assert (entry.state_size, entry.checkpointed_size, entry.bytes_processed, entry.unaligned) == (70, 10, 5, True)
    (subtask,) = entry.subtask_statistics
    assert (subtask.vertex_id, subtask.subtask_index) == ("source".ljust(32, "0"), 1)
    assert (subtask.ack_ms, subtask.metrics) == (began + 30, metrics)
    h.acknowledge_all(number)
    h.pass_time(10)
    h.write(number)
    statistics = h.coordinator.statistics()
    (entry,) = statistics.history
    assert entry == statistics.latest_completed
    assert (entry.status, entry.acknowledged, entry.duration_ms) == ("COMPLETED", 5, 40)
    assert entry.state_size == 50, "what the metadata refers to"
    assert entry.external_path == f"{BASE}/{'a' * 32}/chk-1"
    assert not entry.discarded
    assert (statistics.enabled, statistics.total, statistics.completed, statistics.in_progress) == (True, 1, 1, 0)


def test_failed_and_discarded_ones() -> None:
    h = harness()
    h.checkpoint()
    h.pass_time(1000)
    h.decline(h.attempt("map"), h.prepare(), "broken")
    h.checkpoint()
    statistics = h.coordinator.statistics()
    assert [one.checkpoint_id for one in statistics.history] == [3, 2, 1]
    assert [one.status for one in statistics.history] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert [one.discarded for one in statistics.history] == [False, False, True]
    assert statistics.latest_failed.failure.message == "broken"
    assert statistics.latest_failed.failure.timestamp_ms > 0
    assert (statistics.failed, statistics.completed) == (1, 2)


def test_savepoints_are_told_apart() -> None:
    h = harness()
    h.send(SavepointRequested("r"))
    h.complete()
    statistics = h.coordinator.statistics()
    assert statistics.latest_savepoint.kind == "SAVEPOINT"
    assert not statistics.HasField("latest_completed")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_the_history_is_bounded_but_not_for_those_under_way(size: int) -> None:
    h = harness(history_size=size)
    for _ in range(5):
        h.checkpoint()
    statistics = h.coordinator.statistics()
    assert len(statistics.history) == size
    assert (statistics.completed, statistics.latest_completed.checkpoint_id) == (5, 5)
    h.pass_time(1000)
    assert h.coordinator.statistics().history[0].checkpoint_id == 6


def test_who_takes_part_is_known_from_the_beginning() -> None:
    h = harness()
    h.finish(h.task("source", 1))
    h.send(SavepointRequested("r"))
    (entry,) = h.coordinator.statistics().history
    assert (entry.subtasks, entry.acknowledged, entry.format) == (4, 0, "CANONICAL")
    taking_part = [(one.vertex_id[:3], one.parallelism, list(one.finished_subtasks)) for one in entry.vertices]
    assert sorted(taking_part) == [("map", 2, []), ("sin", 1, []), ("sou", 2, [1])]


def test_a_failed_one_keeps_what_it_had() -> None:
    h = harness()
    h.pass_time(1000)
    number = h.prepare()
    h.pass_time(7)
    h.acknowledge(h.attempt("source", 1), number)
    h.decline(h.attempt("map"), number, "broken")
    (entry,) = h.coordinator.statistics().history
    assert (entry.status, entry.subtasks, entry.acknowledged) == ("FAILED", 5, 1)
    assert [(one.vertex_id[:6], one.subtask_index) for one in entry.subtask_statistics] == [("source", 1)]
    assert entry == h.coordinator.statistics().latest_failed


def test_the_summary_is_of_the_complete_ones() -> None:
    h = harness(history_size=1)
    assert h.coordinator.statistics().summary.duration_ms.count == 0
    for _ in range(3):
        h.checkpoint()
    h.pass_time(1000)
    h.decline(h.attempt("map"), h.prepare(), "broken")
    statistics = h.coordinator.statistics()
    assert statistics.summary.state_size.count == 3
    assert statistics.summary.state_size.maximum == statistics.latest_completed.state_size
    overview = h.coordinator.overview
    assert (overview.completed, overview.failed, len(overview.history)) == (3, 1, 0)
