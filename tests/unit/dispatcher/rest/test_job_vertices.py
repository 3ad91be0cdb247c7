"""Vertices, subtasks, attempts, and the TaskManagers that they are on."""

from __future__ import annotations

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import JobDetails, SubtaskDetails, VertexDetails
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    MAP,
    NOW,
    UNKNOWN,
    failed_job,
    job_summary,
    put_job,
    running_job,
)

_VERTEX = f"/jobs/{JOB}/vertices/{MAP}"


def test_a_vertex_with_its_subtasks() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        vertex = await ask(cluster, _VERTEX)
        assert (vertex["id"], vertex["parallelism"], vertex["maxParallelism"], vertex["now"]) == (MAP, 2, 128, NOW)
        first, second = vertex["subtasks"]
        assert (first["attempt"], first["host"], first["endpoint"]) == (1, "host-1", "host-1:40001")
        assert first["start-time"] == first["start_time"] == 900_400
        assert (second["subtask"], second["taskmanager-id"]) == (1, "tm-2")
        assert first["status-duration"] == {
            "CREATED": 100,
            "SCHEDULED": 200,
            "DEPLOYING": 300,
            "INITIALIZING": 300,
            "RUNNING": NOW - 901_000,
        }
        read = vertex["aggregated"]["metrics"]["read-records"]
        assert read == {
            "min": 600,
            "max": 700,
            "avg": 650,
            "sum": 1300,
            "median": 650,
            "p25": 600,
            "p75": 700,
            "p95": 700,
        }
        assert vertex["aggregated"]["status-duration"]["DEPLOYING"]["sum"] == 600
        assert await ask(cluster, f"{_VERTEX}/subtasks/1") == second

    tell(story)


def test_attempts() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        earlier = await ask(cluster, f"{_VERTEX}/subtasks/0/attempts/0")
        assert (earlier["attempt"], earlier["status"], earlier["metrics"]["read-records"]) == (0, "FAILED", 5)
        assert (earlier["start-time"], earlier["end-time"], earlier["duration"]) == (-1, 900_090, -1)
        assert earlier["endpoint"] == "host-9"  # its data port is not known any more
        assert earlier["status-duration"]["SCHEDULED"] == 70
        assert earlier["status-duration"]["RUNNING"] == -1
        assert await ask(cluster, f"{_VERTEX}/subtasks/0/attempts/1") == await ask(cluster, f"{_VERTEX}/subtasks/0")
        assert await first_error(cluster, f"{_VERTEX}/subtasks/0/attempts/2", 404) == (
            "Attempt 2 not found in subtask 0"
        )

    tell(story)


def test_tasks_that_wait_for_a_slot() -> None:
    async def story(cluster: FakeCluster) -> None:
        waiting = SubtaskDetails(state="SCHEDULED", state_timestamps={"CREATED": 900_000, "SCHEDULED": 910_000})
        vertex = VertexDetails(vertex_id=MAP, name="map", parallelism=1, subtasks=[waiting])
        put_job(cluster, JobDetails(summary=job_summary("RUNNING"), vertices=[vertex]))
        (subtask,) = (await ask(cluster, _VERTEX))["subtasks"]
        assert {subtask["host"], subtask["endpoint"], subtask["taskmanager-id"]} == {"(unassigned)"}
        assert (subtask["start-time"], subtask["duration"]) == (-1, -1)
        assert (await ask(cluster, f"{_VERTEX}/subtasktimes"))["subtasks"][0]["duration"] == NOW - 910_000
        (manager,) = (await ask(cluster, f"{_VERTEX}/taskmanagers"))["taskmanagers"]
        assert (manager["taskmanager-id"], manager["status"]) == ("(unassigned)", "CREATED")

    tell(story)


def test_times() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, failed_job())
        times = await ask(cluster, f"{_VERTEX}/subtasktimes")
        _, failed = times["subtasks"]
        assert set(failed["timestamps"]) == {state.name for state in ExecutionState}
        assert (failed["timestamps"]["FAILED"], failed["timestamps"]["FINISHED"]) == (949_001, 0)
        assert failed["duration"] == 949_001 - 900_200

    tell(story)


def test_by_task_manager() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        first, second = (await ask(cluster, f"{_VERTEX}/taskmanagers"))["taskmanagers"]
        assert (first["taskmanager-id"], first["endpoint"], first["host"]) == ("tm-1", "host-1:40001", "host-1:40001")
        assert (second["metrics"]["read-records"], second["status-counts"]["RUNNING"]) == (700, 1)
        assert second["aggregated"]["metrics"]["read-records"]["max"] == 700

    tell(story)


def test_what_is_not_there() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        answer = await ask(cluster, f"/jobs/{JOB}/vertices/{UNKNOWN}", 404)
        assert answer["errors"] == [f"JobVertex {UNKNOWN} not found"]
        assert await first_error(cluster, f"{_VERTEX}/subtasks/2", 404) == f"Invalid subtask index for vertex {MAP}"
        assert "(subtaskindex)" in await first_error(cluster, f"{_VERTEX}/subtasks/x", 400)
        assert "(vertexid)" in await first_error(cluster, f"/jobs/{JOB}/vertices/x", 400)
        assert "(attempt)" in await first_error(cluster, f"{_VERTEX}/subtasks/0/attempts/-1", 400)

    tell(story)
