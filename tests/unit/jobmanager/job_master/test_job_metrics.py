"""The metrics of a job."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints
from millstream.jobmanager.execution_graph import ExecutionGraph
from millstream.jobmanager.job_master.job_metrics import StatusMetrics, job_metrics
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex

CURRENT = (StatusMetrics.CURRENT_TIME,)
RECORDED = {
    *("uptime", "downtime", "fullRestarts", "numRestarts"),
    *("initializingTime", "createdTime", "runningTime", "restartingTime", "failingTime", "cancellingTime"),
    "deployingTime",
    *("lastCheckpointDuration", "lastCheckpointSize", "lastCheckpointFullSize", "lastCheckpointProcessedData"),
    *("lastCheckpointPersistedData", "lastCompletedCheckpointId", "lastCheckpointRestoreTimestamp"),
    *("lastCheckpointExternalPath", "numberOfInProgressCheckpoints", "numberOfCompletedCheckpoints"),
    *("numberOfFailedCheckpoints", "totalNumberOfCheckpoints"),
}


def _graph(*states: tuple[JobStatus, int]) -> ExecutionGraph:
    graph = execution_graph(job_graph([vertex("map", 2)]))
    for status, at in states:
        graph.transition(status, at)
    return graph


def _of(
    graph: ExecutionGraph,
    now_ms: int,
    checkpoints: JobCheckpoints | None = None,
    kinds: Collection[StatusMetrics] = CURRENT,
) -> dict[str, int | str]:
    values = job_metrics(graph, checkpoints or JobCheckpoints(), kinds, now_ms)
    assert len({value.name for value in values}) == len(values)
    return {value.name: value.text or value.whole_number for value in values}


def test_all_names_of_a_flink_job_are_there() -> None:
    assert _of(_graph(), 0).keys() >= RECORDED


@pytest.mark.parametrize(
    ("states", "uptime", "downtime"),
    [
        ((), 0, 0),
        (((JobStatus.RUNNING, 10),), 90, 0),
        (((JobStatus.RUNNING, 10), (JobStatus.RESTARTING, 40)), 0, 60),
        (((JobStatus.RUNNING, 10), (JobStatus.RESTARTING, 40), (JobStatus.RUNNING, 70)), 30, 0),
        (((JobStatus.RUNNING, 10), (JobStatus.FAILING, 40)), 0, 60),
        (((JobStatus.RUNNING, 10), (JobStatus.CANCELLING, 40)), 0, 0),
        (((JobStatus.RUNNING, 10), (JobStatus.FAILING, 40), (JobStatus.FAILED, 50)), -1, -1),
        (((JobStatus.RUNNING, 10), (JobStatus.FINISHED, 50)), -1, -1),
    ],
)
def test_up_and_down(states: tuple[tuple[JobStatus, int], ...], uptime: int, downtime: int) -> None:
    values = _of(_graph(*states), 100)
    assert (values["uptime"], values["downtime"]) == (uptime, downtime)


def test_the_time_in_a_status_now_in_all_and_whether_it_is_that() -> None:
    graph = _graph((JobStatus.RUNNING, 10), (JobStatus.RESTARTING, 40), (JobStatus.RUNNING, 70))
    values = _of(graph, 100, kinds=list(StatusMetrics))
    assert (values["runningState"], values["runningTime"], values["runningTimeTotal"]) == (1, 30, 60)
    assert (values["restartingState"], values["restartingTime"], values["restartingTimeTotal"]) == (0, 0, 30)
    assert not any(name.endswith(("State", "Total")) for name in _of(graph, 100))


def test_a_job_is_being_deployed() -> None:
    graph = _graph((JobStatus.RUNNING, 10))
    task = next(graph.vertices()).current
    task.transition(ExecutionState.SCHEDULED, 10)
    task.transition(ExecutionState.DEPLOYING, 20)
    assert _of(graph, 50)["deployingTime"] == 30
    task.transition(ExecutionState.RUNNING, 60)
    values = _of(graph, 90, kinds=list(StatusMetrics))
    assert (values["deployingState"], values["deployingTime"], values["deployingTimeTotal"]) == (0, 0, 40)


def test_before_the_first_checkpoint() -> None:
    values = _of(_graph(), 0)
    assert {values[name] for name in values if name.startswith("last")} == {-1, "n/a"}
    assert values["totalNumberOfCheckpoints"] == 0


def test_the_checkpoint_or_savepoint_that_was_completed_last() -> None:
    checkpoints = JobCheckpoints(
        restored=1,
        restore_timestamp_ms=5,
        total=9,
        in_progress=1,
        completed=7,
        failed=1,
        latest_completed=CheckpointStatistics(checkpoint_id=8, external_path="file:/8"),
        latest_savepoint=CheckpointStatistics(
            checkpoint_id=9,
            external_path="file:/9",
            duration_ms=31,
            state_size=32,
            checkpointed_size=33,
            bytes_processed=34,
            bytes_persisted=35,
        ),
    )
    values = _of(_graph(), 0, checkpoints)
    assert values["lastCheckpointExternalPath"] == "file:/9"
    assert values["lastCompletedCheckpointId"] == 9
    assert [
        values[f"lastCheckpoint{name}"] for name in ("Duration", "FullSize", "Size", "ProcessedData", "PersistedData")
    ] == [31, 32, 33, 34, 35]
    assert values["lastCheckpointRestoreTimestamp"] == 5
    assert [
        values[name]
        for name in (
            "totalNumberOfCheckpoints",
            "numberOfInProgressCheckpoints",
            "numberOfCompletedCheckpoints",
            "numberOfFailedCheckpoints",
        )
    ] == [9, 1, 7, 1]
