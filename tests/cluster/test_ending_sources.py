"""Sources that end, that idle, and that go on, in one job: checkpoints come, and what follows begins where each was."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.client.remote.job_client import RpcJobClient
from millstream.common import Duration, Time, Types
from millstream.common.states import JobStatus
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.functions import MapFunction, ProcessWindowFunction, SourceContext, SourceFunction
from millstream.datastream.window import TumblingEventTimeWindows
from millstream.testing.process_cluster import eventually
from tests.chaos import checked, program
from tests.chaos.checked import CheckedStreams
from tests.chaos.monkey import committed_lines
from tests.chaos.program import file_sink
from tests.cluster.checked_job import Jobs, latest_checkpoint, until_checkpoints, until_running, until_status


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    modules = [sys.modules[each.__name__] for each in (program, checked)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=4, isolation="thread") as started:
        yield started


class FailsWhenTold(MapFunction):
    """Fails once, when a file says so."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def map(self, value: Any) -> Any:
        told = Path(self.directory, "fail")
        if told.exists():
            try:
                told.unlink()
            except FileNotFoundError:
                return value
            raise ValueError("it was told to")
        return value


class Ticking(SourceFunction):
    """Emits nothing but what keeps a job awake, until a file says that it is enough."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        while self.running and not Path(self.directory, "hurry").exists():
            ctx.collect(-1)
            time.sleep(0.005)

    def cancel(self) -> None:
        self.running = False


class Ended:
    """Numbers that end at once, beside ticks that go on."""

    def __init__(self, directory: Path, count: int) -> None:
        self.directory = directory
        self.count = count
        self.output = directory / "output"

    def define(self, env: StreamExecutionEnvironment, parallelism: int) -> None:
        env.set_parallelism(parallelism)
        source = NumberSequenceSource(0, self.count - 1)
        numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
        ticks = env.add_source(Ticking(self.directory), "ticks", Types.LONG()).uid("ticks")
        ticks = ticks.map(FailsWhenTold(self.directory), Types.LONG()).uid("fails")
        both = numbers.map(int, Types.LONG()).uid("int").union(ticks)
        lines = both.key_by(lambda value: value % 7).filter(lambda value: value >= 0).uid("filter").map(str).uid("str")
        lines.sink_to(file_sink(self.output, each_checkpoint=True)).uid("files")

    def expected(self) -> list[str]:
        return sorted(map(str, range(self.count)))


def finished_tasks(job: RpcJobClient) -> int:
    return int(job.get_job_details().task_counts.get("FINISHED", 0))


@pytest.mark.parametrize("then", ["fails", "stops", "is cancelled"])
def test_what_has_ended_is_not_read_again(cluster: MiniCluster, tmp_path: Path, then: str) -> None:
    ended = Ended(tmp_path, 500)
    jobs = Jobs(cluster, CheckedStreams(tmp_path))
    job = jobs.start(2, define=ended.define)
    eventually(lambda: finished_tasks(job) >= 2, "the numbers have ended")
    until_checkpoints(job, job.get_checkpoints().completed + 2)
    # What they gave is committed, though the job goes on.
    eventually(lambda: committed_lines(ended.output) == ended.expected(), "the numbers are committed")
    if then == "fails":
        (tmp_path / "fail").touch()
        eventually(lambda: job.get_job_details().restarts == 1, "the restart")
        until_checkpoints(job, job.get_checkpoints().completed + 1)
    elif then == "stops":
        path = job.stop_with_savepoint(False)
        job.get_job_execution_result()
        job = jobs.start(2, path, define=ended.define)
    else:
        job.cancel()
        until_status(job, JobStatus.CANCELED)
        _, latest = latest_checkpoint(jobs.checkpoints_of(job))
        job = jobs.start(3, latest.as_uri(), define=ended.define)
    (tmp_path / "hurry").touch()
    job.get_job_execution_result()
    assert committed_lines(ended.output) == ended.expected()


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: int, record_timestamp: int) -> int:
        return value * 10


class WindowLine(ProcessWindowFunction[Any, str, int, Any]):
    def process(self, key: int, context: Any, elements: Any) -> Iterator[str]:
        yield f"{key} {context.window().start} {sorted(elements)}"


class Idle(SourceFunction):
    """Has nothing for as long as it runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        while self.running and not Path(self.directory, "hurry").exists():
            time.sleep(0.005)

    def cancel(self) -> None:
        self.running = False


class Counting(SourceFunction):
    """Counts up until a file says that it is enough, and then to a round number."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        number = 0
        while self.running and number < 1_000:
            ctx.collect(number)
            number += 1
            if number > 500 and not Path(self.directory, "hurry").exists():
                time.sleep(0.01)

    def cancel(self) -> None:
        self.running = False


def test_a_source_that_idles_holds_up_neither_windows_nor_checkpoints(cluster: MiniCluster, tmp_path: Path) -> None:
    output = tmp_path / "output"

    def define(env: StreamExecutionEnvironment, parallelism: int) -> None:
        env.set_parallelism(parallelism)
        strategy: Any = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
        counted = env.add_source(Counting(tmp_path), "counted", Types.LONG()).uid("counted")
        idle = env.add_source(Idle(tmp_path), "idle", Types.LONG()).uid("idle")
        streams = [
            counted.assign_timestamps_and_watermarks(strategy),
            idle.assign_timestamps_and_watermarks(strategy.with_idleness(Duration.of_millis(50))),
        ]
        windows = streams[0].union(streams[1]).key_by(lambda value: value % 3)
        lines = windows.window(TumblingEventTimeWindows.of(Time.milliseconds(300))).process(WindowLine())
        lines.uid("windows").sink_to(file_sink(output, each_checkpoint=True)).uid("files")

    jobs = Jobs(cluster, CheckedStreams(tmp_path))
    job = jobs.start(2, define=define)
    until_running(job)
    until_checkpoints(job, 2)
    eventually(lambda: len(committed_lines(output)) > 30, "windows that are committed while one source idles")
    (tmp_path / "hurry").touch()
    job.get_job_execution_result()
    expected = {
        (key, start): [value for value in range(1_000) if value % 3 == key and start <= value * 10 < start + 300]
        for key in range(3)
        for start in range(0, 10_000, 300)
    }
    assert committed_lines(output) == sorted(
        f"{key} {start} {found}" for (key, start), found in expected.items() if found
    )
