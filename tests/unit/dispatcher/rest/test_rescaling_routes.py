"""Rescaling, bounds of parallelism, and data sets."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import Configuration
from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.messages.resource_requirements import JobResourceRequirements
from millstream.dispatcher.rest.payloads.resource_requirements import problems_with
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

JOB, ONE, TWO, TRIGGER = "a" * 32, "b" * 32, "c" * 32, "d" * 32
RESCALING, REQUIREMENTS = f"/jobs/{JOB}/rescaling", f"/jobs/{JOB}/resource-requirements"


def _bounds(lower: int, upper: int) -> dict[str, Any]:
    return {"parallelism": {"lowerBound": lower, "upperBound": upper}}


def _job(state: str = "RUNNING") -> pb.JobDetails:
    vertices = [
        pb.VertexDetails(vertex_id=ONE, parallelism=3, max_parallelism=128),
        pb.VertexDetails(
            vertex_id=TWO,
            parallelism=2,
            max_parallelism=8,
            bounds=pb.VertexParallelism(lower_bound=2, upper_bound=8),
        ),
    ]
    return pb.JobDetails(summary=pb.JobSummary(job_id=JOB, state=state), vertices=vertices)


def _fill(cluster: FakeCluster, state: str = "RUNNING") -> None:
    cluster.dispatcher.answers.update(
        get_job_details=_job(state),
        update_resource_requirements=pb.Empty(),
        rescale_job=lambda request: pb.OperationStarted(request_id=request.request_id),
    )


def test_a_job_is_rescaled() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        request_id = (await cluster.call("PATCH", f"{RESCALING}?parallelism=3"))["request-id"]
        assert len(request_id) == 32
        (begun,) = cluster.dispatcher.requests["rescale_job"]
        assert (begun.job_id, begun.parallelism) == (JOB, 3)
        cluster.dispatcher.answers["await_operation"] = pb.OperationStatus(completed=True)
        assert await cluster.get(f"{RESCALING}/{request_id}") == {"status": {"id": "COMPLETED"}, "operation": {}}
        (asked,) = cluster.dispatcher.requests["await_operation"]
        assert asked.request_id == begun.request_id

    tell(story)


def test_rescaling_that_cannot_be() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for query in ("", "?parallelism=0", "?parallelism=many", "?parallelism=99999"):
            assert "(parallelism)" in await first_error(cluster, RESCALING + query, 400, "PATCH")
        _fill(cluster, state="CANCELED")
        cluster.dispatcher.answers["rescale_job"] = MillstreamError("it does not run")
        assert await first_error(cluster, f"{RESCALING}?parallelism=3", 409, "PATCH") == "it does not run"
        cluster.dispatcher.answers["rescale_job"] = JobNotFoundError("no")
        assert await first_error(cluster, f"{RESCALING}?parallelism=3", 404, "PATCH") == f"Job {JOB} not found"

    tell(story)


def test_bounds_of_parallelism_are_told_and_changed() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        assert await cluster.get(REQUIREMENTS) == {ONE: _bounds(1, 3), TWO: _bounds(2, 8)}
        body = {ONE: _bounds(1, 1), TWO.upper(): _bounds(3, 5)}
        assert await cluster.call("PUT", REQUIREMENTS, 200, body) == {}
        (request,) = cluster.dispatcher.requests["update_resource_requirements"]
        assert request == pb.UpdateResourceRequirementsRequest(
            job_id=JOB,
            vertices={
                ONE: pb.VertexParallelism(lower_bound=1, upper_bound=1),
                TWO: pb.VertexParallelism(lower_bound=3, upper_bound=5),
            },
        )

    tell(story)


_WRONG: Final[list[tuple[object, str]]] = [
    (None, "Request did not match"),
    ({}, "Request body does not specify resource requirements."),
    ({"xyz": _bounds(1, 1)}, "Request did not match"),
    ({ONE: {}}, "Request did not match"),
    ({ONE: _bounds(1, 1)}, f"The request is incomplete, missing job vertex ids: {TWO}."),
    ({ONE: _bounds(1, 1), TWO: _bounds(1, 1), "e" * 32: _bounds(1, 1)}, f"The job has no vertices {'e' * 32}."),
    ({ONE: _bounds(0, 1), TWO: _bounds(1, 1)}, "is not at least 1"),
    ({ONE: _bounds(3, 2), TWO: _bounds(1, 1)}, "is greater than its upper bound 2"),
    ({ONE: _bounds(1, 1), TWO: _bounds(1, 9)}, "is greater than its max parallelism 8"),
]


def test_bounds_that_cannot_be() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for body, message in _WRONG:
            assert message in await first_error(cluster, REQUIREMENTS, 400, "PUT", body)
        assert "update_resource_requirements" not in cluster.dispatcher.requests

    tell(story)


@given(st.integers(-2, 140), st.integers(-2, 140), st.integers(-2, 10), st.integers(-2, 10))
def test_bounds_are_right_when_nothing_is_said_against_them(one: int, other: int, two: int, another: int) -> None:
    wanted = JobResourceRequirements.model_validate({ONE: _bounds(one, other), TWO: _bounds(two, another)})
    assert (problems_with(wanted, _job()) == []) == (1 <= one <= other <= 128 and 1 <= two <= another <= 8)


def test_rescaling_can_be_switched_off() -> None:
    async def story() -> None:
        async with fake_cluster(Configuration.from_map({"web.rescale.enable": "false"})) as cluster:
            _fill(cluster)
            assert "web.rescale.enable" in await first_error(cluster, f"{RESCALING}?parallelism=3", 403, "PATCH")
            body = {ONE: _bounds(1, 1), TWO: _bounds(1, 1)}
            assert "web.rescale.enable" in await first_error(cluster, REQUIREMENTS, 403, "PUT", body)
            await cluster.get(REQUIREMENTS)

    asyncio.run(story())


def test_there_are_no_data_sets_and_they_can_be_deleted_nevertheless() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await ask(cluster, "/datasets") == {"dataSets": []}
        request_id = (await cluster.call("DELETE", f"/datasets/{ONE}", 202))["request-id"]
        await asyncio.sleep(0)
        answer = await cluster.get(f"/datasets/delete/{request_id}")
        assert answer == {"status": {"id": "COMPLETED"}, "operation": {}}
        assert TRIGGER in await first_error(cluster, f"/datasets/delete/{TRIGGER}", 404)
        assert "(datasetid)" in await first_error(cluster, "/datasets/xyz", 400, "DELETE")

    tell(story)
