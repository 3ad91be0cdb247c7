"""``/taskmanagers...``."""

from __future__ import annotations

from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import (
    LogFile,
    LogFileChunk,
    LogFiles,
    ReadLogFileRequest,
    ThreadDump,
    ThreadInfo,
)
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump, MetricValue
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, FakeGateway

TM = "127.0.0.1:44315-239bff"
MIB = 1024 * 1024
JOB = "a" * 32


def put(cluster: FakeCluster) -> FakeGateway:
    gateway = cluster.add_task_manager(TM)
    summary = pb.TaskManagerSummary(
        resource_id=TM,
        address="master",
        session_id="t",
        slots_total=4,
        slots_free=3,
        last_heartbeat_ms=995_000,
        description=pb.TaskManagerDescription(
            data_port=43235,
            cpu_cores=2,
            physical_memory=8_000 * MIB,
            free_memory=100 * MIB,
            managed_memory=64 * MIB,
            memory=pb.MemoryConfiguration(
                task_heap=100 * MIB, network_memory=32 * MIB, managed_memory=64 * MIB, total_process_memory=900 * MIB
            ),
        ),
        slots=[pb.SlotStatus(slot_index=0, allocation_id="x", job_id=JOB), pb.SlotStatus(slot_index=1)],
    )
    cluster.resource_manager.answers["get_resource_overview"] = pb.ClusterOverview(task_manager_list=[summary])
    return gateway


def test_lists_what_task_managers_have() -> None:
    async def story(cluster: FakeCluster) -> None:
        put(cluster)
        (listed,) = (await ask(cluster, "/v1/taskmanagers"))["taskmanagers"]
        assert listed["id"] == TM
        assert listed["path"] == f"grpc://master/taskexecutor-{TM}"
        assert (listed["dataPort"], listed["jmxPort"], listed["timeSinceLastHeartbeat"]) == (43235, -1, 995_000)
        assert (listed["slotsNumber"], listed["freeSlots"]) == (4, 3)
        assert listed["totalResource"] == {
            "cpuCores": 4.0,
            "taskHeapMemory": 100,
            "taskOffHeapMemory": 0,
            "managedMemory": 64,
            "networkMemory": 32,
            "extendedResources": {},
        }
        assert (listed["freeResource"]["cpuCores"], listed["freeResource"]["taskHeapMemory"]) == (3.0, 75)
        assert listed["hardware"]["managedMemory"] == 64 * MIB
        assert listed["memoryConfiguration"]["totalProcessMemory"] == 900 * MIB

    tell(story)


def test_one_in_detail() -> None:
    async def story(cluster: FakeCluster) -> None:
        gateway = put(cluster)
        cluster.dispatcher.answers["request_metric_dump"] = MetricDump()
        gateway.answers["request_metric_dump"] = MetricDump(
            groups=[
                MetricGroupDump(
                    scope="TASK_MANAGER",
                    metrics=[
                        MetricValue(name="Status.JVM.Memory.Heap.Used", whole_number=123),
                        MetricValue(name="Status.JVM.GarbageCollector.All.Count", whole_number=5),
                        MetricValue(name="Status.JVM.GarbageCollector.All.Time", whole_number=17),
                        MetricValue(name="Status.Shuffle.Netty.UsedMemorySegments", whole_number=8),
                    ],
                )
            ]
        )
        details = await ask(cluster, f"/taskmanagers/{TM}")
        (slot,) = details["allocatedSlots"]
        assert (slot["jobId"], slot["resource"]["taskHeapMemory"]) == (JOB, 25)
        metrics = details["metrics"]
        assert (metrics["heapUsed"], metrics["nettyShuffleMemorySegmentsUsed"], metrics["mappedCount"]) == (123, 8, 0)
        assert metrics["garbageCollectors"] == [{"name": "All", "count": 5, "time": 17}]

    tell(story)


def test_one_that_there_is_not() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await first_error(cluster, "/taskmanagers/nope", 404) == "Could not find TaskExecutor nope."
        for path in ("logs", "thread-dump"):
            assert await first_error(cluster, f"/taskmanagers/nope/{path}", 404) == "Could not find TaskExecutor nope."
        for path in ("log", "stdout", "logs/x.log"):
            assert "because it was unknown" in await first_error(cluster, f"/taskmanagers/nope/{path}", 404)

    tell(story)


def test_its_log_files_are_listed() -> None:
    async def story(cluster: FakeCluster) -> None:
        put(cluster).answers["list_log_files"] = LogFiles(files=[LogFile(name="a.log", size=7, modified_ms=99)])
        assert await ask(cluster, f"/taskmanagers/{TM}/logs") == {"logs": [{"name": "a.log", "size": 7, "mtime": 99}]}

    tell(story)


def test_a_log_file_comes_in_chunks_up_to_where_it_ended() -> None:
    content = bytes(range(256)) * 40
    asked: list[tuple[str, str, int]] = []

    def read(request: ReadLogFileRequest) -> LogFileChunk:
        asked.append((request.kind, request.name, request.offset))
        grown = content + b"more" * len(asked)
        size = len(content) if len(asked) == 1 else len(grown)
        return LogFileChunk(found=True, data=grown[request.offset : request.offset + 4000], size=size)

    async def story(cluster: FakeCluster) -> None:
        put(cluster).answers["read_log_file"] = read
        response = await cluster.http.get(f"/taskmanagers/{TM}/logs/a%20b.log")
        assert response.headers["content-type"] == "text/plain"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.content == content
        assert asked == [("NAMED", "a b.log", 0), ("NAMED", "a b.log", 4000), ("NAMED", "a b.log", 8000)]

    tell(story)


def test_a_log_file_that_is_rotated_meanwhile_ends_there() -> None:
    def read(request: ReadLogFileRequest) -> LogFileChunk:
        return LogFileChunk(found=True, data=b"x" * 10, size=30) if request.offset == 0 else LogFileChunk()

    async def story(cluster: FakeCluster) -> None:
        put(cluster).answers["read_log_file"] = read
        assert (await cluster.http.get(f"/taskmanagers/{TM}/log")).content == b"x" * 10

    tell(story)


def test_the_log_and_what_was_printed() -> None:
    async def story(cluster: FakeCluster) -> None:
        gateway = put(cluster)
        gateway.answers["read_log_file"] = lambda request: LogFileChunk(
            found=True, data=request.kind.encode(), size=len(request.kind)
        )
        assert (await cluster.http.get(f"/v1/taskmanagers/{TM}/log")).text == "LOG"
        assert (await cluster.http.get(f"/v1/taskmanagers/{TM}/stdout")).text == "STDOUT"
        gateway.answers["read_log_file"] = LogFileChunk()
        error = await first_error(cluster, f"/taskmanagers/{TM}/stdout", 404)
        assert error == f"The file STDOUT is not available on the TaskExecutor {TM}."

    tell(story)


def test_no_path_reaches_a_task_manager() -> None:
    async def story(cluster: FakeCluster) -> None:
        gateway = put(cluster)
        for name in ("..%2F..%2Fetc%2Fpasswd", "a/b"):
            assert (await cluster.http.get(f"/taskmanagers/{TM}/logs/{name}")).status_code == 404
        assert gateway.requests == {}

    tell(story)


def test_its_threads() -> None:
    async def story(cluster: FakeCluster) -> None:
        put(cluster).answers["request_thread_dump"] = ThreadDump(threads=[ThreadInfo(name="main", text="...")])
        assert await cluster.get(f"/taskmanagers/{TM}/thread-dump") == {
            "threadInfos": [{"threadName": "main", "stringifiedThreadInfo": "..."}]
        }

    tell(story)


def test_the_level_of_its_loggers() -> None:
    async def story(cluster: FakeCluster) -> None:
        gateway = put(cluster)
        gateway.answers["set_log_level"] = pb.Empty()
        path = f"/v1/millstream/taskmanagers/{TM}/log-levels"
        assert await cluster.call("PUT", path, body={"logger": "a.b", "level": "DEBUG"}) == {}
        (request,) = gateway.requests["set_log_level"]
        assert (request.logger, request.level) == ("a.b", "DEBUG")
        await cluster.call("PUT", path, 400, {"logger": "a.b", "level": "LOUD"})

    tell(story)


def test_where_its_log_is_shown() -> None:
    async def story(cluster: FakeCluster) -> None:
        assert await cluster.get(f"/jobs/{JOB}/taskmanagers/{TM}/log-url") == {
            "url": f"http://localhost/#/task-manager/{TM}/logs"
        }

    tell(story)
