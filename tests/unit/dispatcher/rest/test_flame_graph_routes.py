"""Flame graphs, from the stacks that TaskManagers sample to the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import AttemptStackSamples, SampleStacksRequest, StackSample, StackSamples
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster
from tests.unit.dispatcher.rest.shapes import differences, shape_of

JOB, VERTEX = "a" * 32, "b" * 32
PATH = f"/jobs/{JOB}/vertices/{VERTEX}/flamegraph"
WAITING, TERMINATED, DISABLED = {"endTimestamp": -3}, {"endTimestamp": -1}, {"endTimestamp": -2}

SETTINGS = Configuration.from_map(
    {
        "rest.flamegraph.enabled": "true",
        "rest.flamegraph.num-samples": "3",
        "rest.flamegraph.delay-between-samples": "20 ms",
        "rest.flamegraph.stack-depth": "7",
        "rest.flamegraph.refresh-interval": "30 s",
        "rest.flamegraph.cleanup-interval": "100 s",
    }
)


def _job(*states: str) -> pb.JobDetails:
    subtasks = [
        pb.SubtaskDetails(
            subtask_index=index, state=state, attempt_id=f"attempt-{index}", task_manager_id=f"tm-{index % 2}"
        )
        for index, state in enumerate(states)
    ]
    return pb.JobDetails(vertices=[pb.VertexDetails(vertex_id=VERTEX, parallelism=len(states), subtasks=subtasks)])


def _seen(request: SampleStacksRequest) -> StackSamples:
    samples = [
        StackSample(frames=["run", "map"], on_cpu=True, count=2),
        StackSample(frames=["run", "wait"], on_cpu=False, count=1),
    ]
    return StackSamples(
        attempts=[AttemptStackSamples(attempt_id=attempt, samples=samples) for attempt in request.attempt_ids]
    )


def _fill(cluster: FakeCluster, *states: str) -> None:
    cluster.dispatcher.answers["get_job_details"] = _job(*states)
    for resource_id in ("tm-0", "tm-1"):
        cluster.add_task_manager(resource_id, sample_stacks=_seen)


async def _sampled(cluster: FakeCluster, path: str = PATH) -> Any:
    for _ in range(100):  # turns of the event loop, one of which brings it
        answer = await cluster.get(path)
        assert differences(answer, shape_of("GET", path)) == []
        if answer != WAITING:
            return answer
        await asyncio.sleep(0)
    pytest.fail("the samples have not come")


def _requests(cluster: FakeCluster) -> list[SampleStacksRequest]:
    executors: Iterable[Any] = cluster.task_executors.values()
    return [request for executor in executors for request in executor.requests.get("sample_stacks", ())]


def _tree(frame: dict[str, Any]) -> dict[str, Any]:
    assert frame.keys() == {"name", "value", "children"}
    return {f"{frame['name']} {frame['value']}": [_tree(child) for child in frame["children"]]}


def test_a_graph_merges_the_stacks_of_all_subtasks() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING", "INITIALIZING", "RUNNING", "FINISHED")
            assert await cluster.get(PATH) == WAITING
            answer = await _sampled(cluster)
            assert answer["endTimestamp"] == cluster.clock.now_ms()
            assert _tree(answer["data"]) == {"root 9": [{"run 9": [{"map 6": []}, {"wait 3": []}]}]}
            assert [list(request.attempt_ids) for request in _requests(cluster)] == [
                ["attempt-0", "attempt-2"],
                ["attempt-1"],
            ]
            assert {(request.samples, request.interval_ms, request.max_depth) for request in _requests(cluster)} == {
                (3, 20, 7)
            }

    asyncio.run(story())


def test_one_sampling_serves_all_types() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING")
            await _sampled(cluster)
            trees: dict[str, dict[str, Any]] = {
                "full": {"root 3": [{"run 3": [{"map 2": []}, {"wait 1": []}]}]},
                "ON_CPU": {"root 2": [{"run 2": [{"map 2": []}]}]},
                "off_cpu": {"root 1": [{"run 1": [{"wait 1": []}]}]},
            }
            for graph_type, tree in trees.items():
                assert _tree((await cluster.get(f"{PATH}?type={graph_type}"))["data"]) == tree
            assert len(_requests(cluster)) == 1
            await cluster.get(f"{PATH}?type=bogus", status=400)

    asyncio.run(story())


def test_one_subtask_is_looked_at_alone() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING", "RUNNING", "FINISHED", "SCHEDULED")
            answer = await _sampled(cluster, f"{PATH}?subtaskindex=1")
            assert answer["data"]["value"] == 3
            assert [list(request.attempt_ids) for request in _requests(cluster)] == [["attempt-1"]]
            assert await cluster.get(f"{PATH}?subtaskindex=2") == TERMINATED
            assert await cluster.get(f"{PATH}?subtaskindex=3") == WAITING
            await cluster.get(f"{PATH}?subtaskindex=4", status=404)

    asyncio.run(story())


def test_samples_are_taken_again_when_they_are_old() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING")
            first = (await _sampled(cluster))["endTimestamp"]
            cluster.clock.advance(29_999)
            await cluster.get(PATH)
            assert len(_requests(cluster)) == 1
            cluster.clock.advance(1)
            assert (await cluster.get(PATH))["endTimestamp"] == first  # the old ones, until there are new ones
            for _ in range(100):
                if (await cluster.get(PATH))["endTimestamp"] != first:
                    break
            assert (await cluster.get(PATH))["endTimestamp"] == first + 30_000
            assert len(_requests(cluster)) == 2
            cluster.clock.advance(100_001)
            assert await cluster.get(PATH) == WAITING  # nobody has looked for so long

    asyncio.run(story())


def test_there_is_one_sampling_at_a_time_and_it_ends_with_the_server() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING")

            async def never(request: SampleStacksRequest) -> StackSamples:
                await asyncio.Event().wait()
                return StackSamples()

            cluster.task_executors["tm-0"].answers["sample_stacks"] = never
            for _ in range(5):
                assert await cluster.get(PATH) == WAITING
            assert len(_requests(cluster)) == 1

    asyncio.run(story())


def test_a_task_manager_that_fails_is_left_out_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "RUNNING", "RUNNING")
            cluster.task_executors["tm-1"].answers["sample_stacks"] = MillstreamError("no time")
            assert (await _sampled(cluster))["data"]["value"] == 3
            assert "No stacks were sampled on TaskManager tm-1: no time" in caplog.text

    asyncio.run(story())


def test_a_vertex_that_has_ended_is_not_sampled() -> None:
    async def story() -> None:
        async with fake_cluster(SETTINGS) as cluster:
            _fill(cluster, "FINISHED", "CANCELED", "FAILED")
            assert await cluster.get(PATH) == TERMINATED
            cluster.dispatcher.answers["get_job_details"] = _job("CREATED", "DEPLOYING")
            assert await cluster.get(PATH) == WAITING
            assert _requests(cluster) == []

    asyncio.run(story())


def test_flame_graphs_are_switched_off_unless_somebody_wants_them() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster, "RUNNING")
            assert await cluster.get(PATH) == DISABLED
            assert _requests(cluster) == []

    asyncio.run(story())
