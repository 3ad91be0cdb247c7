"""``/jobs``, ``/jobs/overview``, ``/jobs/<id>``: what is told of jobs as a whole."""

from __future__ import annotations

from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.cluster_pb2 import JobDetails, ListJobsResponse
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    MAP,
    NOW,
    SOURCE,
    STARTED,
    UNKNOWN,
    ended_job,
    failed_job,
    job_summary,
    put_job,
    running_job,
)


def test_lists_all_jobs() -> None:
    async def story(cluster: FakeCluster) -> None:
        jobs = [job_summary("RUNNING"), job_summary("FAILED", 950_000, job_id="c" * 32)]
        cluster.dispatcher.answers["list_jobs"] = ListJobsResponse(jobs=jobs)
        assert await ask(cluster, "/v1/jobs") == {
            "jobs": [{"id": JOB, "status": "RUNNING"}, {"id": "c" * 32, "status": "FAILED"}]
        }
        running, failed = (await ask(cluster, "/jobs/overview"))["jobs"]
        assert running == {
            "jid": JOB,
            "name": "orders <b>",
            "state": "RUNNING",
            "start-time": STARTED,
            "end-time": -1,
            "duration": NOW - STARTED,
            "last-modification": 901_000,
            "tasks": {state.name.lower(): 0 for state in ExecutionState} | {"running": 3, "total": 3},
        }
        assert (failed["state"], failed["end-time"], failed["duration"]) == ("FAILED", 950_000, 50_000)
        assert failed["tasks"]["failed"] == 3

    tell(story)


def test_there_may_be_no_jobs() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["list_jobs"] = ListJobsResponse()
        assert await ask(cluster, "/jobs") == {"jobs": []}
        assert await ask(cluster, "/jobs/overview") == {"jobs": []}

    tell(story)


def test_a_running_job_in_detail() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        job = await ask(cluster, f"/jobs/{JOB}")
        assert job["isStoppable"] is True
        assert (job["end-time"], job["maxParallelism"], job["now"]) == (-1, -1, NOW)
        assert set(job["timestamps"]) == {status.name for status in JobStatus}
        assert job["timestamps"]["RUNNING"] == 900_150
        assert job["timestamps"]["FAILED"] == 0
        assert job["status-counts"]["RUNNING"] == 2  # vertices, not tasks
        assert job["plan"]["jid"] == JOB
        assert [node["id"] for node in job["plan"]["nodes"]] == [vertex["id"] for vertex in job["vertices"]]
        source, mapper = job["vertices"]
        assert (source["id"], mapper["id"]) == (SOURCE, MAP)
        assert mapper["tasks"]["RUNNING"] == 2
        assert (mapper["start-time"], mapper["end-time"], mapper["duration"]) == (900_400, -1, NOW - 900_400)
        assert mapper["metrics"] == {
            "read-bytes": 29_691,
            "read-bytes-complete": True,
            "write-bytes": 0,
            "write-bytes-complete": True,
            "read-records": 1300,
            "read-records-complete": True,
            "write-records": 0,
            "write-records-complete": True,
            "accumulated-backpressured-time": 4,
            "accumulated-idle-time": 1,
            "accumulated-busy-time": 110.0,
        }

    tell(story)


def test_a_job_whose_tasks_have_told_nothing_yet() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.vertices[1].subtasks[0].ClearField("metrics")
        put_job(cluster, details)
        metrics = (await ask(cluster, f"/jobs/{JOB}"))["vertices"][1]["metrics"]
        assert (metrics["read-records"], metrics["read-records-complete"]) == (700, False)

    tell(story)


def test_a_job_that_waits_for_its_job_master() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, JobDetails(summary=job_summary("INITIALIZING"), state_timestamps={"INITIALIZING": STARTED}))
        job = await ask(cluster, f"/jobs/{JOB}")
        assert (job["vertices"], job["plan"]["nodes"], job["job-type"]) == ([], [], "STREAMING")

    tell(story)


def test_jobs_that_have_ended() -> None:
    async def story(cluster: FakeCluster) -> None:
        for state in ("FINISHED", "CANCELED"):
            put_job(cluster, ended_job(state))
            job = await ask(cluster, f"/jobs/{JOB}")
            assert (job["state"], job["end-time"], job["duration"]) == (state, 950_000, 50_000)
            assert [vertex["status"] for vertex in job["vertices"]] == [state, state]
            assert job["vertices"][1]["end-time"] == 949_001
        put_job(cluster, failed_job())
        job = await ask(cluster, f"/jobs/{JOB}")
        assert job["vertices"][1]["status"] == "FAILED"
        assert job["vertices"][1]["tasks"]["CANCELED"] == 1

    tell(story)


def test_the_state_alone() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        assert await ask(cluster, f"/jobs/{JOB}/status") == {"status": "RUNNING"}
        assert await ask(cluster, f"/jobs/{JOB.upper()}/status") == {"status": "RUNNING"}

    tell(story)


def test_ids_of_nothing() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        for path in ("", "/status", "/plan", "/config", "/exceptions", "/execution-result", "/checkpoints"):
            assert await first_error(cluster, f"/jobs/{UNKNOWN}{path}", 404) == f"Job {UNKNOWN} not found"
        error = await first_error(cluster, "/jobs/xyz", 400)
        assert error.endswith('Cannot resolve path parameter (jobid) from value "xyz".')

    tell(story)
