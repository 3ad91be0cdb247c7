"""A job on real processes is seen from outside: its metrics, its threads, and what a reporter shows."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from millstream.common.config import Configuration
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.time import Duration
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import SetLogLevelRequest
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump, MetricValue
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import MapFunction, RuntimeContext
from millstream.testing.process_cluster import ProcessCluster, eventually, free_port

T = TypeVar("T")

REPORTER_PORT = free_port()
RECORDS = 1_000_000
MIN_LONG = -(2**63)


@pytest.fixture(scope="module", params=["process", "thread"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    settings = {
        "taskmanager.slot.isolation": request.param,
        "taskmanager.memory.process.size": "2 gb",
        "metrics.reporters": "prom",
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": f"{REPORTER_PORT}-{REPORTER_PORT + 50}",
    }
    with ProcessCluster(tmp_path_factory.mktemp("watched"), task_managers=1, slots=2, settings=settings) as started:
        yield started


class _Same(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)


class _Counting(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        group = runtime_context.get_metrics_group()
        self.seen = group.add_group("kind", "number").counter("seen")
        self.rate = group.meter("rate")

    def map(self, value: int) -> int:
        self.seen.inc()
        self.rate.mark_event()
        return value


def _take_time(value: int) -> int:
    time.sleep(0.001)
    return value


def _submit(cluster: ProcessCluster) -> Any:
    configuration = Configuration.from_map({"pipeline.auto-watermark-interval": "50 ms"})
    env = StreamExecutionEnvironment.create_remote_environment("localhost", cluster.port, configuration=configuration)
    env.set_parallelism(2)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(1)).with_timestamp_assigner(_Same())
    slow = env.from_sequence(1, RECORDS).map(_take_time).assign_timestamps_and_watermarks(strategy)
    counted = slow.key_by(lambda value: value % 10).map(_Counting()).name("Counted")
    counted.filter(lambda value: value < 0).print()
    return env.execute_async("a watched job")


def _ask(cluster: ProcessCluster, question: Callable[[TaskExecutorGateway], Awaitable[T]]) -> T:
    """Ask the TaskManager as REST does."""

    async def ask() -> T:
        (task_manager,) = cluster.client.overview().task_manager_list
        rpc = GrpcRpcService("localhost", 0, "localhost", cluster.configuration)
        await rpc.start()
        try:
            gateway = rpc.connect(
                TaskExecutorGateway,  # type: ignore[type-abstract]  # names the service, is not instantiated
                task_manager.address,
                f"taskexecutor-{task_manager.resource_id}",
                LeaderSessionId(task_manager.session_id),
            )
            return await question(gateway)
        finally:
            await rpc.close()

    return asyncio.run(ask())


def _dump(cluster: ProcessCluster) -> MetricDump:
    return _ask(cluster, lambda gateway: gateway.request_metric_dump(pb.Empty()))


def _values(group: MetricGroupDump) -> dict[str, MetricValue]:
    return {
        ".".join((*(part for each in value.groups for part in (each.name, each.value) if part), value.name)): value
        for value in group.metrics
    }


def _of(dump: MetricDump, scope: str, **variables: str) -> list[dict[str, MetricValue]]:
    return [
        _values(group)
        for group in dump.groups
        if group.scope == scope and all(group.variables[name] == value for name, value in variables.items())
    ]


def test_a_running_job_is_seen_from_outside(watched: ProcessCluster) -> None:
    job = _submit(watched)
    try:
        eventually(lambda: _rates_are_there(_dump(watched)), "there are rates of what the tasks do")
        dump = _dump(watched)
        _check_tasks(dump)
        _check_task_manager(watched, dump)
        _check_reporter()
        names = [thread.name for thread in _threads(watched)]
        assert "taskmanager MainThread" in names
        eventually(
            lambda: any("_take_time" in thread.text for thread in _threads(watched)), "a dump shows the user's function"
        )
        _ask(watched, lambda gateway: gateway.set_log_level(SetLogLevelRequest(logger="a.b", level="DEBUG")))
    finally:
        job.cancel().result()
        watched.wait_for_slots(2)
    assert not _of(_dump(watched), "TASK")


def _rates_are_there(dump: MetricDump) -> bool:
    return len(_of(dump, "OPERATOR", operator_name="Counted")) == 2 and all(
        found["numRecordsInPerSecond"].meter.rate > 0 and found["rate"].meter.rate > 0
        for found in _of(dump, "OPERATOR", operator_name="Counted")
    )


def _check_tasks(dump: MetricDump) -> None:
    tasks = _of(dump, "TASK")
    assert len(tasks) == 4
    for task in tasks:
        shares = [task[f"{kind}TimeMsPerSecond"].number for kind in ("busy", "idle", "backPressured")]
        assert sum(shares) == pytest.approx(1000)
    counted = _of(dump, "OPERATOR", operator_name="Counted")
    for found in counted:
        assert found["kind.number.seen"].count == pytest.approx(found["numRecordsOut"].count, abs=5_000)
        assert found["currentInputWatermark"].whole_number > MIN_LONG
        assert found["currentOutputWatermark"].whole_number > MIN_LONG
    assert {group.variables["subtask_index"] for group in dump.groups if group.scope == "TASK"} == {"0", "1"}
    assert {group.variables["job_name"] for group in dump.groups if group.scope == "TASK"} == {"a watched job"}
    assert sum(task["numBytesOut"].count for task in tasks) > 0


def _check_task_manager(cluster: ProcessCluster, dump: MetricDump) -> None:
    (own,) = _of(dump, "TASK_MANAGER")
    assert own["Status.JVM.Memory.Heap.Used"].whole_number > 10 << 20
    assert own["Status.JVM.Memory.Heap.Max"].whole_number == 2 << 30
    assert own["Status.Shuffle.Netty.TotalMemorySegments"].whole_number > 0
    (described,) = [each.description for each in cluster.client.overview().task_manager_list]
    assert described.memory.total_process_memory == 2 << 30
    assert described.cpu_cores > 0


def _check_reporter() -> None:
    def scraped() -> str:
        # The master has the first port of the range if it reports as well.
        for port in (REPORTER_PORT, REPORTER_PORT + 1):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text: str = answer.read().decode()
            except OSError:
                continue
            if "flink_taskmanager_job_task_numRecordsIn{" in text:
                return text
        return ""

    eventually(scraped, "the reporter shows the tasks")
    text = scraped()
    assert "flink_taskmanager_job_task_operator_kind_seen{" in text
    assert 'operator_name="Counted"' in text
    assert "flink_taskmanager_Status_JVM_Memory_Heap_Used{" in text


def _threads(cluster: ProcessCluster) -> list[Any]:
    return list(_ask(cluster, lambda gateway: gateway.request_thread_dump(pb.Empty())).threads)
