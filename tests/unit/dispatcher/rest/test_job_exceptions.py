"""Why a job has failed, as its page shows it, and the result of a job."""

from __future__ import annotations

import base64

from millstream.common.wire.cluster_pb2 import JobDetails
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    ended_job,
    failed_job,
    failure,
    job_summary,
    put_job,
    running_job,
)

_FIRST_LINE = "ValueError: bad price 'x' | operator 'parse' (map), subtask 2/2 | record ('a', 'x') | /home/me/job.py:17"


def test_nothing_has_failed() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        assert await ask(cluster, f"/jobs/{JOB}/exceptions?maxExceptions=10") == {
            "root-exception": None,
            "timestamp": None,
            "all-exceptions": [],
            "truncated": False,
            "exceptionHistory": {"entries": [], "truncated": False},
        }

    tell(story)


def test_the_users_frames_come_first() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, failed_job())
        answer = await ask(cluster, f"/jobs/{JOB}/exceptions")
        lines = answer["root-exception"].splitlines()
        assert lines[0] == _FIRST_LINE
        assert lines[1:4] == ["  second line", '  File "/home/me/job.py", line 17, in parse', "    float(price)"]
        assert lines.index('  File "/engine/task.py", line 1, in run') > lines.index("All frames:") > 3
        assert answer["timestamp"] == 948_000
        (task,) = answer["all-exceptions"]
        assert (task["task"], task["endpoint"], task["taskManagerId"]) == ("map (2/2)", "host-2:40002", "tm-2")

    tell(story)


def test_the_history() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, failed_job())
        history = (await ask(cluster, f"/jobs/{JOB}/exceptions"))["exceptionHistory"]
        assert history["truncated"] is False
        user, lost = history["entries"]
        assert user["exceptionName"] == "ValueError"
        assert user["stacktrace"].splitlines()[0] == _FIRST_LINE
        assert user["taskName"] == "map (2/2) - execution #1"
        assert (user["endpoint"], user["location"], user["taskManagerId"]) == ("host-2:40002", "host-2:40002", "tm-2")
        assert user["failureLabels"] == {"type": "USER", "kind": "USER_CODE"}
        (concurrent,) = user["concurrentExceptions"]
        assert concurrent["exceptionName"] == lost["exceptionName"] == "TASK_MANAGER_LOST"
        assert not {"taskName", "endpoint", "location", "taskManagerId"} & set(lost)

    tell(story)


def test_tasks_that_only_lost_a_connection_come_last() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = failed_job()
        echo = details.vertices[0].subtasks[0].failure
        echo.kind, echo.message, echo.timestamp_ms = "NETWORK", "the channel was closed", 940_000
        put_job(cluster, details)
        tasks = (await ask(cluster, f"/jobs/{JOB}/exceptions"))["all-exceptions"]
        assert [task["task"] for task in tasks] == ["map (2/2)", "Source: orders (1/1)"]

    tell(story)


def test_so_many_as_are_asked_for() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = failed_job()
        details.vertices[1].subtasks[0].failure.CopyFrom(failure())
        put_job(cluster, details)
        answer = await ask(cluster, f"/jobs/{JOB}/exceptions?maxExceptions=1")
        assert (len(answer["all-exceptions"]), answer["truncated"]) == (1, True)
        assert (len(answer["exceptionHistory"]["entries"]), answer["exceptionHistory"]["truncated"]) == (1, True)
        for wrong in ("-1", "many", str(2**31)):
            assert "maxExceptions" in await first_error(cluster, f"/jobs/{JOB}/exceptions?maxExceptions={wrong}", 400)

    tell(story)


def test_says_that_earlier_failures_are_forgotten() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = failed_job()
        details.exception_history_truncated = True
        put_job(cluster, details)
        assert (await ask(cluster, f"/jobs/{JOB}/exceptions"))["exceptionHistory"]["truncated"] is True

    tell(story)


def test_failures_with_some_labels() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, failed_job())
        path = f"/jobs/{JOB}/exceptions?failureLabelFilter="
        for labels, count in (("type:USER", 1), ("type:SYSTEM,kind:TASK_MANAGER_LOST", 1), ("type:USER,kind:X", 0)):
            history = (await ask(cluster, path + labels))["exceptionHistory"]
            assert (len(history["entries"]), history["truncated"]) == (count, False)
        assert '(failureLabelFilter) from value "type"' in await first_error(cluster, path + "type", 400)

    tell(story)


def test_a_job_that_an_older_master_has_told_of() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = JobDetails(summary=job_summary("FAILED", 950_000), failure_history=[failure()])
        put_job(cluster, details)
        answer = await ask(cluster, f"/jobs/{JOB}/exceptions")
        assert answer["root-exception"].startswith(_FIRST_LINE)
        assert len(answer["exceptionHistory"]["entries"]) == 1

    tell(story)


def test_the_result_of_a_job() -> None:
    async def story(cluster: FakeCluster) -> None:
        path = f"/jobs/{JOB}/execution-result"
        put_job(cluster, running_job())
        assert await ask(cluster, path) == {"status": {"id": "IN_PROGRESS"}}
        put_job(cluster, ended_job("FINISHED"))
        assert await ask(cluster, path) == {
            "status": {"id": "COMPLETED"},
            "job-execution-result": {
                "id": JOB,
                "application-status": "SUCCEEDED",
                "accumulator-results": {"emitted": base64.b64encode(b"\x80\x05K\x01.").decode()},
                "net-runtime": 50_000,
            },
        }
        put_job(cluster, ended_job("CANCELED"))
        assert (await ask(cluster, path))["job-execution-result"]["application-status"] == "CANCELED"
        put_job(cluster, failed_job())
        result = (await ask(cluster, path))["job-execution-result"]
        assert result["application-status"] == "FAILED"
        assert result["failure-cause"]["class"] == "ValueError"
        assert result["failure-cause"]["stack-trace"].splitlines()[0] == _FIRST_LINE
        assert base64.b64decode(result["failure-cause"]["serialized-throwable"])

    tell(story)
