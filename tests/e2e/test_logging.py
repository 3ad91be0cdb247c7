"""What a cluster of the scripts logs and prints: where, in what form, and how it is changed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from millstream.common.config import Configuration
from millstream.common.high_availability.create import create_leader_directory
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import ResourceManagerGateway, TaskExecutorGateway
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire import inspection_pb2
from millstream.testing.process_cluster import eventually

T = TypeVar("T")

JOB_ID = r"[0-9a-f]{32}"

LOUD = """
import logging
import sys
import time
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import MapFunction, SourceFunction

class Ticks(SourceFunction):
    running = True
    def run(self, ctx):
        logging.getLogger("my.source").info("the source begins")
        number = 0
        while self.running:
            ctx.collect(number)
            number += 1
            time.sleep(PAUSE)
    def cancel(self):
        self.running = False

class Loud(MapFunction):
    def map(self, number):
        logging.getLogger("my.app").info("seen %d", number)
        logging.getLogger("my.app").debug("fine %d", number)
        print("printed", number)
        print("complained", number, file=sys.stderr)
        return number

env = StreamExecutionEnvironment.get_execution_environment()
ticks = env.add_source(Ticks(), source_name="ticks").rebalance()
loud = ticks.map(Loud()).name("loud")
loud.set_parallelism(PARALLEL)
quiet = loud.map(lambda number: logging.getLogger("my.lambda").info("second %d", number)).name("quiet")
quiet.set_parallelism(PARALLEL)
env.execute("loud job")
"""


def start(deployment: Any, *, pause: float = 0.01, parallelism: int = 1) -> str:
    """Start the cluster and the job; return the job's id."""
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 0, started.stderr
    program = deployment.directory / "loud.py"
    program.write_text(LOUD.replace("PAUSE", str(pause)).replace("PARALLEL", str(parallelism)))
    submitted = deployment.millstream("run", "-d", str(program))
    assert submitted.returncode == 0, submitted.stderr
    found = re.search(JOB_ID, submitted.stdout)
    assert found is not None
    return found[0]


def on_task_manager(deployment: Any, ask: Callable[[TaskExecutorGateway], Awaitable[T]]) -> T:
    """Ask the cluster's only TaskManager."""

    async def connect() -> T:
        configuration = Configuration.from_map({"jobmanager.rpc.port": str(deployment.port)})
        rpc = GrpcRpcService("localhost", "0", "localhost", configuration)
        await rpc.start()
        try:
            leaders = await create_leader_directory(configuration, rpc)
            try:
                leader = await leaders.current("resourcemanager")
                manager = rpc.connect(
                    ResourceManagerGateway,  # type: ignore[type-abstract]  # connect makes it concrete
                    leader.address,
                    "resourcemanager",
                    leader.session_id,
                )
                (summary,) = (await manager.get_resource_overview(pb.Empty())).task_manager_list
                executor = rpc.connect(
                    TaskExecutorGateway,  # type: ignore[type-abstract]  # as above
                    summary.address,
                    f"taskexecutor-{summary.resource_id}",
                    LeaderSessionId(summary.session_id),
                )
                return await ask(executor)
            finally:
                await leaders.close()
        finally:
            await rpc.close()

    return asyncio.run(connect())


def task_manager_log(deployment: Any) -> str:
    return str(deployment.log("*taskexecutor*.log"))


def test_records_tell_their_task_and_prints_go_to_the_out_file(deployment: Any) -> None:
    job_id = start(deployment)
    eventually(lambda: "second 3" in task_manager_log(deployment), "the job logs")
    lines = task_manager_log(deployment).splitlines()

    def origin(end: str) -> str:
        (line,) = [line for line in lines if line.endswith(end)]
        found = re.search(r" \[\d+\] \[(.*)\] - ", line)
        assert found is not None, line
        return found[1]

    assert origin(" the source begins") == f"{job_id} Source: ticks (1/1)#0 ticks"
    assert origin(" seen 3") == f"{job_id} loud -> quiet (1/1)#0 loud"
    assert origin(" second 3") == f"{job_id} loud -> quiet (1/1)#0 quiet"
    assert not any("printed" in line or "fine" in line for line in lines)
    # In the order in which they were printed, standard output and standard error alike, and at once.
    eventually(lambda: "complained 3\n" in deployment.log("*taskexecutor*.out"), "the job prints")
    printed = deployment.log("*taskexecutor*.out").splitlines()
    expected = [f"{word} {number}" for number in range(4) for word in ("printed", "complained")]
    assert printed[: len(expected)] == expected
    master = deployment.log("*standalonesession*.log")
    assert f"Job {job_id} (loud job) was submitted" in master
    assert f"Job loud job ({job_id}) is RUNNING" in master


def test_a_level_changes_in_workers_while_the_job_runs(deployment: Any) -> None:
    start(deployment)
    eventually(lambda: "seen 3" in task_manager_log(deployment), "the job logs")
    assert "fine" not in task_manager_log(deployment)

    async def debug(executor: TaskExecutorGateway) -> None:
        await executor.set_log_level(inspection_pb2.SetLogLevelRequest(logger="my.app", level="DEBUG"))

    on_task_manager(deployment, debug)
    eventually(lambda: "DEBUG   my.app" in task_manager_log(deployment), "the worker logs more")

    async def errors(executor: TaskExecutorGateway) -> None:
        await executor.set_log_level(inspection_pb2.SetLogLevelRequest(logger="my", level="ERROR"))
        await executor.set_log_level(inspection_pb2.SetLogLevelRequest(logger="my.app"))

    on_task_manager(deployment, errors)

    def printed() -> int:
        return int(deployment.log("*taskexecutor*.out").count("printed"))

    def seen() -> int:
        return task_manager_log(deployment).count(" my.")

    before = printed()
    eventually(lambda: printed() > before + 2, "the job goes on")
    logged, before = seen(), printed()
    eventually(lambda: printed() > before + 20, "the job goes on")
    assert seen() == logged


def test_workers_rotate_the_log_that_they_share(deployment: Any) -> None:
    """The file is small here, so that two workers rotate it many times."""
    shipped = Path(__file__).resolve().parents[2] / "deploy" / "conf" / "logging.yaml"
    text = shipped.read_text().replace("max_bytes: 104857600", "max_bytes: 20000")
    assert "20000" in text
    (deployment.directory / "conf" / "logging.yaml").write_text(text)
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("env.log.max: 1000\n")
    start(deployment, pause=0.001, parallelism=2)
    logs = deployment.directory / "log"
    eventually(lambda: len(list(logs.glob("*taskexecutor*.log.*"))) >= 8, "the log was rotated", 60)
    listed = on_task_manager(deployment, lambda executor: executor.list_log_files(pb.Empty()))
    assert {f"{next(logs.glob('*taskexecutor*.log')).name}.{number}" for number in (1, 5)} <= {
        file.name for file in listed.files
    }
    assert deployment.script("stop-cluster.sh").returncode == 0
    lines = [line for path in logs.glob("*taskexecutor*.log*") for line in path.read_text().splitlines()]
    torn = [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+", line)]
    assert torn == []
    printed = deployment.log("*taskexecutor*.out").splitlines()
    # The records go to the two by turns, and each of them ends where it is.
    for subtask in (1, 2):
        own = [line for line in lines if f"loud -> quiet ({subtask}/2)#0 loud] - seen " in line]
        seen = [int(line.rpartition(" ")[2]) for line in own]
        first = min(seen)
        assert first in (0, 1)
        assert sorted(seen) == list(range(first, 2 * len(seen), 2)), "a line is there twice, or not at all"
        for word in ("printed", "complained"):
            told = [int(line.split()[1]) for line in printed if re.fullmatch(rf"{word} \d+", line)]
            told = [number for number in told if number % 2 == first]
            assert told == list(range(first, 2 * len(told), 2))
            assert len(seen) - len(told) in (0, 1)
    assert all(re.fullmatch(r"(printed|complained) \d+", line) for line in printed)


def test_records_are_json_if_wanted_and_are_read_by_parts(deployment: Any) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("env.log.format: json\n")
    job_id = start(deployment)
    eventually(lambda: "seen 3" in task_manager_log(deployment), "the job logs")

    async def read(executor: TaskExecutorGateway) -> bytes:
        content = b""
        while True:
            part = await executor.read_log_file(
                inspection_pb2.ReadLogFileRequest(kind="LOG", offset=len(content), max_bytes=1000)
            )
            assert part.found
            content += part.data
            if b"seen 3" in content and content.endswith(b"\n"):
                return content

    records = [json.loads(line) for line in on_task_manager(deployment, read).decode().splitlines()]
    (seen,) = [record for record in records if record["message"] == "seen 3"]
    assert {name: seen[name] for name in ("level", "logger", "job_id", "job_name", "task_name", "operator")} == {
        "level": "INFO",
        "logger": "my.app",
        "job_id": job_id,
        "job_name": "loud job",
        "task_name": "loud -> quiet",
        "operator": "loud",
    }
    assert (seen["subtask"], seen["parallelism"], seen["attempt"]) == (0, 1, 0)
    missing = on_task_manager(
        deployment,
        lambda executor: executor.read_log_file(
            inspection_pb2.ReadLogFileRequest(kind="NAMED", name="../conf/config.yaml")
        ),
    )
    assert not missing.found


def test_a_wrong_logging_file_stops_the_start_and_is_named(deployment: Any) -> None:
    path = deployment.directory / "conf" / "logging.yaml"
    path.write_text("root:\n  level: LOUD\n")
    started = deployment.script("jobmanager.sh", "start")
    assert started.returncode == 1
    assert f"The master cannot start: {path}: " in started.stderr
    assert "Unknown level: 'LOUD'" in started.stderr
    assert "docs/logging.md" in started.stderr
    started = deployment.script("taskmanager.sh", "start")
    assert started.returncode == 1
    assert f"The TaskManager cannot start: {path}: " in started.stderr
