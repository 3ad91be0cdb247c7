"""The endpoints of metrics, from the processes' dumps to the answers."""

from __future__ import annotations

import asyncio
import logging
import math

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.metrics_pb2 import MetricDump
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster
from tests.unit.dispatcher.rest.metrics.dumps import (
    JOB,
    VERTEX,
    counter,
    dump,
    group,
    number,
    operator_group,
    task_group,
)
from tests.unit.dispatcher.rest.shapes import differences, shape_of

VERTEX_PATH = f"/jobs/{JOB}/vertices/{VERTEX}"


def _fill(cluster: FakeCluster) -> None:
    cluster.dispatcher.answers["request_metric_dump"] = dump(
        group("JOB_MANAGER", counter("taskSlotsTotal", 4), counter("numRunningJobs", 1)),
        group("JOB_MANAGER_JOB", counter("uptime", 15124), counter("numRestarts", 0), job_id=JOB),
        group("JOB_MANAGER_OPERATOR", counter("unassignedSplits", 3), job_id=JOB, task_id=VERTEX, operator_name="in"),
    )
    cluster.dispatcher.answers["get_job_details"] = lambda request: pb.JobDetails(
        vertices=[pb.VertexDetails(vertex_id=VERTEX, parallelism=2)]
    )
    for index, rate in enumerate((15.4, 20.516666666666666)):
        cluster.add_task_manager(
            f"tm:{index}",
            request_metric_dump=dump(
                group("TASK_MANAGER", counter("Status.JVM.Memory.Heap.Used", 100 * (index + 1)), number("Load", 0.5)),
                task_group(
                    number("numRecordsInPerSecond", rate),
                    number("busyTimeMsPerSecond", math.nan if index else 3.0),
                    number("backPressuredTimeMsPerSecond", 600.0 * index),
                    number("idleTimeMsPerSecond", 200.0),
                    counter("currentInputWatermark", 1_795_334_909_843 + index),
                    subtask=index,
                ),
                operator_group("Source: Demo Source", counter("numRecordsIn", 7), subtask=index),
            ),
        )


async def _asked(cluster: FakeCluster, path: str) -> list[dict[str, object]]:
    answer = await cluster.get(path)
    assert differences(answer, shape_of("GET", path)) == [] or "agg=" in path
    assert isinstance(answer, list)
    return answer


def test_all_endpoints_tell_ids_and_values() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            assert await _asked(cluster, "/v1/jobmanager/metrics") == [
                {"id": "taskSlotsTotal"},
                {"id": "numRunningJobs"},
            ]
            assert await _asked(cluster, "/jobmanager/metrics?get=numRunningJobs,nope,taskSlotsTotal") == [
                {"id": "numRunningJobs", "value": "1"},
                {"id": "taskSlotsTotal", "value": "4"},
            ]
            assert await _asked(cluster, "/taskmanagers/tm:1/metrics?get=Status.JVM.Memory.Heap.Used&get=Load") == [
                {"id": "Status.JVM.Memory.Heap.Used", "value": "200"},
                {"id": "Load", "value": "0.5"},
            ]
            assert await _asked(cluster, f"/jobs/{JOB.upper()}/metrics?get=uptime") == [
                {"id": "uptime", "value": "15124"}
            ]
            assert await _asked(cluster, f"{VERTEX_PATH}/jm-operator-metrics") == [{"id": "in.unassignedSplits"}]
            ids = [metric["id"] for metric in await _asked(cluster, f"{VERTEX_PATH}/metrics")]
            assert len(ids) == 12
            assert {"0.numRecordsInPerSecond", "1.Source__Demo_Source.numRecordsIn"} <= set(ids)
            wanted = "1.Source__Demo_Source.numRecordsIn,1.nope,9.numRecordsIn,0.busyTimeMsPerSecond,numRecordsIn"
            assert await _asked(cluster, f"{VERTEX_PATH}/metrics?get={wanted}") == [
                {"id": "1.Source__Demo_Source.numRecordsIn", "value": "7"},
                {"id": "0.busyTimeMsPerSecond", "value": "3.0"},
            ]
            assert await _asked(cluster, f"{VERTEX_PATH}/subtasks/1/metrics?get=busyTimeMsPerSecond") == [
                {"id": "busyTimeMsPerSecond", "value": "NaN"}
            ]
            assert len(cluster.dispatcher.requests["request_metric_dump"]) == 1  # one fetch served them all

    asyncio.run(story())


def test_aggregated_metrics_come_together_or_not_at_all() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            path = f"{VERTEX_PATH}/subtasks/metrics"
            assert {"id": "Source__Demo_Source.numRecordsIn"} in await _asked(cluster, path)
            (answer,) = await _asked(cluster, f"{path}?get=numRecordsInPerSecond")
            assert answer.pop("skew") == pytest.approx(14.24593967517401)
            assert answer == {
                "id": "numRecordsInPerSecond",
                "min": 15.4,
                "max": 20.516666666666666,
                "avg": pytest.approx(17.958333333333332),
                "sum": pytest.approx(35.916666666666664),
            }
            assert await _asked(cluster, f"{path}?get=busyTimeMsPerSecond&agg=min,max") == [
                {"id": "busyTimeMsPerSecond", "min": "NaN", "max": "NaN"}
            ]
            assert await _asked(cluster, f"{path}?get=busyTimeMsPerSecond&agg=MAX&subtasks=0") == [
                {"id": "busyTimeMsPerSecond", "max": 3.0}
            ]
            assert await _asked(cluster, f"{path}?get=currentInputWatermark&agg=min&subtasks=1-5,9") == [
                {"id": "currentInputWatermark", "min": 1_795_334_909_844.0}
            ]
            assert await _asked(cluster, f"{path}?get=numRecordsInPerSecond,nope") == []
            heap = "Status.JVM.Memory.Heap.Used"
            assert await _asked(cluster, f"/taskmanagers/metrics?get={heap}&agg=sum") == [{"id": heap, "sum": 300.0}]
            assert await _asked(cluster, f"/taskmanagers/metrics?get={heap}&agg=sum&taskmanagers=tm:1,nope") == [
                {"id": heap, "sum": 200.0}
            ]
            assert await _asked(cluster, "/jobs/metrics") == [{"id": "uptime"}, {"id": "numRestarts"}]
            assert await _asked(cluster, "/jobs/metrics?get=uptime") == [
                {"id": "uptime", "min": 15124.0, "max": 15124.0, "avg": 15124.0, "sum": 15124.0, "skew": 0.0}
            ]
            assert await _asked(cluster, f"/jobs/metrics?get=uptime&jobs={'f' * 32}") == []

    asyncio.run(story())


def test_what_nobody_knows_has_no_metrics() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            other = "f" * 32
            for path in (
                "/taskmanagers/nope/metrics",
                "/taskmanagers/nope/metrics?get=x",
                f"/jobs/{other}/metrics",
                f"/jobs/{other}/vertices/{VERTEX}/metrics",
                f"/jobs/{other}/vertices/{VERTEX}/subtasks/metrics?get=x",
                f"{VERTEX_PATH}/subtasks/7/metrics",
            ):
                assert await _asked(cluster, path) == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/jobs/metrics?agg=bogus", "query parameter (agg)", "bogus"),
        ("/jobs/metrics?jobs=xyz", "query parameter (jobs)", "xyz"),
        (f"{VERTEX_PATH}/subtasks/metrics?subtasks=1-", "query parameter (subtasks)", "1-"),
        ("/jobs/xyz/metrics", "path parameter (jobid)", "xyz"),
        (f"{VERTEX_PATH}/subtasks/-1/metrics", "path parameter (subtaskindex)", "-1"),
    ],
)
def test_parameters_that_are_none(path: str, parameter: str, value: str) -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            answer = await cluster.get(path, status=400)
            assert answer == {
                "errors": [f'Bad request, could not parse parameters: Cannot resolve {parameter} from value "{value}".']
            }

    asyncio.run(story())


def test_watermarks() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            assert await _asked(cluster, f"{VERTEX_PATH}/watermarks") == [
                {"id": "0.currentInputWatermark", "value": "1795334909843"},
                {"id": "1.currentInputWatermark", "value": "1795334909844"},
            ]
            assert await cluster.get(f"/jobs/{JOB}/vertices/{'f' * 32}/watermarks", status=404) == {
                "errors": [f"JobVertex {'f' * 32} not found"]
            }

    asyncio.run(story())


def test_back_pressure() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            path = f"{VERTEX_PATH}/backpressure"
            answer = await cluster.get(path)
            assert differences(answer, shape_of("GET", path)) == []
            assert answer == {
                "status": "ok",
                "backpressureLevel": "high",
                "backpressure-level": "high",
                "end-timestamp": cluster.clock.now_ms(),
                "subtasks": [
                    {
                        "subtask": 0,
                        "backpressureLevel": "ok",
                        "backpressure-level": "ok",
                        "ratio": 0.0,
                        "idleRatio": 0.2,
                        "busyRatio": 0.003,
                    },
                    {
                        "subtask": 1,
                        "backpressureLevel": "high",
                        "backpressure-level": "high",
                        "ratio": 0.6,
                        "idleRatio": 0.2,
                        "busyRatio": "NaN",
                    },
                ],
            }

    asyncio.run(story())


def test_back_pressure_of_a_vertex_without_metrics() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            for resource_id in list(cluster.task_executors):
                cluster.remove_task_manager(resource_id)
            assert await cluster.get(f"{VERTEX_PATH}/backpressure") == {"status": "deprecated"}

    asyncio.run(story())


def test_metrics_are_fetched_again_when_they_are_old_and_forgotten_with_what_has_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            _fill(cluster)
            assert len(await _asked(cluster, f"{VERTEX_PATH}/watermarks")) == 2
            cluster.remove_task_manager("tm:0")
            cluster.task_executors["tm:1"].answers["request_metric_dump"] = MillstreamError("it is busy")
            cluster.clock.advance(9_999)
            assert len(await _asked(cluster, f"{VERTEX_PATH}/watermarks")) == 2
            cluster.clock.advance(1)
            with caplog.at_level(logging.WARNING):
                # What does not answer keeps what it had: it is there still.
                assert [metric["id"] for metric in await _asked(cluster, f"{VERTEX_PATH}/watermarks")] == [
                    "1.currentInputWatermark"
                ]
            assert "TaskManager tm:1 were not fetched: it is busy" in caplog.text
            assert len(cluster.dispatcher.requests["request_metric_dump"]) == 2

    asyncio.run(story())


def test_nobody_waits_for_a_fetch_for_long_and_there_is_one_at_a_time() -> None:
    async def story() -> None:
        async with fake_cluster(patience_seconds=0.0) as cluster:
            _fill(cluster)
            answers = asyncio.Event()

            async def late(request: pb.Empty) -> MetricDump:
                await answers.wait()
                return dump(group("JOB_MANAGER", counter("taskSlotsTotal", 4), counter("numRunningJobs", 1)))

            cluster.dispatcher.answers["request_metric_dump"] = late
            assert await _asked(cluster, "/jobmanager/metrics") == []
            cluster.clock.advance(60_000)
            assert await _asked(cluster, "/jobmanager/metrics") == []
            answers.set()
            for _ in range(100):  # turns of the event loop, one of which brings it
                if await _asked(cluster, "/jobmanager/metrics"):
                    break
            else:
                pytest.fail("what was fetched has not come")
            assert len(cluster.dispatcher.requests["request_metric_dump"]) == 1

    asyncio.run(story())


def test_a_fetch_may_fail_or_be_switched_off() -> None:
    async def story() -> None:
        async with fake_cluster() as cluster:
            cluster.dispatcher.answers["request_metric_dump"] = MillstreamError("not yet")
            cluster.resource_manager.answers["get_resource_overview"] = MillstreamError("not yet")
            assert await _asked(cluster, "/jobmanager/metrics") == []
        async with fake_cluster(Configuration.from_map({"metrics.fetcher.update-interval": "0 ms"})) as cluster:
            assert await _asked(cluster, "/jobmanager/metrics") == []
            assert cluster.dispatcher.requests == {}

    asyncio.run(story())
