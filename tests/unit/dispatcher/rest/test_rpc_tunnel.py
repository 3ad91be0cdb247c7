"""Calls of the Dispatcher's gateway over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.rpc.faults import Fault
from millstream.common.rpc.http_tunnel import CONTENT_TYPE, PATH, read_fault
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.dispatcher.rest.asking import tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster


def test_a_call_is_passed_on_and_its_answer_comes_back() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["submit_job"] = lambda request: pb.SubmitJobResponse(job_id=request.job_graph.job_id)
        request = pb.SubmitJobRequest(job_graph={"job_id": "c" * 32})
        response = await cluster.http.post(f"{PATH}SubmitJob", content=request.SerializeToString())
        assert (response.status_code, response.headers["content-type"]) == (200, CONTENT_TYPE)
        assert pb.SubmitJobResponse.FromString(response.content).job_id == "c" * 32

    tell(story)


def test_who_waits_long_holds_nobody_up() -> None:
    async def story(cluster: FakeCluster) -> None:
        asked, ended = asyncio.Event(), asyncio.Event()

        async def wait(request: pb.AwaitJobResultRequest) -> pb.JobDetails:
            asked.set()
            await ended.wait()
            return pb.JobDetails(restarts=3)

        cluster.dispatcher.answers["await_job_result"] = wait
        cluster.dispatcher.answers["get_cluster_overview"] = pb.ClusterOverview()
        waiting = asyncio.create_task(cluster.http.post(f"{PATH}AwaitJobResult", content=b""))
        await asked.wait()
        await cluster.get("/overview")
        ended.set()
        assert pb.JobDetails.FromString((await waiting).content).restarts == 3

    tell(story)


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (JobNotFoundError("No job ñ."), 404, "JobNotFoundError"),
        (DuplicateJobError("It is there."), 409, "DuplicateJobError"),
        (MillstreamError("So not."), 400, "MillstreamError"),
        (ZeroDivisionError("a defect"), 500, "ZeroDivisionError"),
    ],
)
def test_an_error_comes_back_as_what_it_is(error: Exception, status: int, error_type: str) -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["cancel_job"] = error
        response = await cluster.http.post(f"{PATH}CancelJob", content=b"")
        assert response.status_code == status
        fault = read_fault(response.headers, response.content)
        assert fault is not None
        assert (fault.carrier, fault.error_type) == (False, error_type)
        assert str(error) in fault.message

    tell(story)


def test_without_a_leader_the_carrier_says_so() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.stop_leading()
        response = await cluster.http.post(f"{PATH}ListJobs", content=b"")
        assert response.status_code == 503
        fault = read_fault(response.headers, response.content)
        assert fault is not None
        assert (fault.carrier, fault.error_type) == (True, "EndpointNotFoundError")

    tell(story)


def test_what_is_no_call_is_refused() -> None:
    async def story(cluster: FakeCluster) -> None:
        for path, body, status in (("NoSuch", b"", 404), ("__init__", b"", 404), ("CancelJob", b"\xff\xff", 400)):
            response = await cluster.http.post(PATH + path, content=body)
            assert response.status_code == status
            assert read_fault(response.headers, response.content) is None
        assert (await cluster.http.get(f"{PATH}ListJobs")).status_code == 404
        assert cluster.dispatcher.requests == {}

    tell(story)


def test_an_answer_of_somebody_else_is_no_fault() -> None:
    assert read_fault({}, b"<html>502</html>") is None
    assert read_fault({"millstream-error-type": "X"}, b"<html>") == Fault(False, "X", "<html>")
