"""What ends a job, and what keeps it: cancelling, and the heartbeats of its client."""

from __future__ import annotations

from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.wire.cluster_pb2 import ClientHeartbeatRequest, Empty, JobRequest
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import JOB, UNKNOWN, ended_job, failed_job, put_job, running_job


def test_cancels_a_job() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["cancel_job"] = Empty()
        assert await ask(cluster, f"/jobs/{JOB}?mode=cancel", 202, "PATCH") == {}
        assert await ask(cluster, f"/jobs/{JOB}", 202, "PATCH") == {}
        assert await ask(cluster, f"/v1/jobs/{JOB}/yarn-cancel", 202) == {}
        assert cluster.dispatcher.requests["cancel_job"] == [JobRequest(job_id=JOB)] * 3

    tell(story)


def test_does_not_cancel_what_has_ended_otherwise() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["cancel_job"] = MillstreamError("it has ended")
        for details, state in ((failed_job(), "FAILED"), (ended_job("FINISHED"), "FINISHED")):
            put_job(cluster, details)
            answer = await ask(cluster, f"/jobs/{JOB}?mode=cancel", 409, "PATCH")
            assert answer["errors"] == [
                f"Job cancellation failed because the job has already reached another terminal state ({state})."
            ]

    tell(story)


def test_a_job_that_cannot_be_cancelled_for_another_reason() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        cluster.dispatcher.answers["cancel_job"] = MillstreamError("the moon is full")
        answer = await cluster.call("PATCH", f"/jobs/{JOB}", 500)
        assert "the moon is full" in answer["errors"][1]

    tell(story)


def test_a_job_that_is_not_there_cannot_be_cancelled() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["cancel_job"] = JobNotFoundError("no such job")
        answer = await ask(cluster, f"/jobs/{UNKNOWN}?mode=cancel", 404, "PATCH")
        assert answer["errors"] == ["Job could not be found."]

    tell(story)


def test_other_modes() -> None:
    async def story(cluster: FakeCluster) -> None:
        answer = await ask(cluster, f"/jobs/{JOB}?mode=stop", 308, "PATCH")
        assert "jobs/:jobId/stop" in answer["errors"][0]
        assert "jobs/:jobId/stop" in await first_error(cluster, f"/jobs/{JOB}/yarn-stop", 308)
        answer = await ask(cluster, f"/jobs/{JOB}?mode=bogus", 400, "PATCH")
        assert answer["errors"][0].endswith('Cannot resolve query parameter (mode) from value "bogus".')

    tell(story)


def test_passes_heartbeats_of_clients_on() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["report_client_heartbeat"] = Empty()
        path = f"/jobs/{JOB}/clientHeartbeat"
        assert await ask(cluster, path, 202, "PATCH", {"expiredTimestamp": 1_795_335_014_382}) == {}
        expected = ClientHeartbeatRequest(job_id=JOB, expires_at_ms=1_795_335_014_382)
        assert cluster.dispatcher.requests["report_client_heartbeat"] == [expected]
        assert "expiredTimestamp" in await first_error(cluster, path, 400, "PATCH", {})
        assert "expiredTimestamp" in await first_error(cluster, path, 400, "PATCH", {"expiredTimestamp": -1})
        assert await ask(cluster, path, 202, "PATCH", {"expiredTimestamp": 2**63}) == {}  # never, as far as that goes
        assert cluster.dispatcher.requests["report_client_heartbeat"][1].expires_at_ms == 2**63 - 1
        assert await ask(cluster, path, 404)
        cluster.dispatcher.answers["report_client_heartbeat"] = JobNotFoundError("no such job")
        error = await first_error(cluster, path, 404, "PATCH", {"expiredTimestamp": 5})
        assert error == f"Job {JOB} not found"

    tell(story)
