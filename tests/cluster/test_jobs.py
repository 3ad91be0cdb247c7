"""Jobs on a cluster of processes that stays whole: side by side, cancelled at each stage, failing, held back."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from millstream.common.errors import JobCancelledError, JobExecutionError
from millstream.common.failure import RESOURCES, USER_CODE
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    MapFunction,
    RuntimeContext,
    SinkContext,
    SinkFunction,
    SourceContext,
    SourceFunction,
)
from millstream.testing.process_cluster import ProcessCluster, eventually


class Ticking(SourceFunction):
    """Emits numbers, or texts of some width, until it is cancelled, or until a file is there."""

    def __init__(self, until: Path | None = None, pause: float = 0.001, width: int = 0) -> None:
        self.until = str(until) if until is not None else None
        self.pause = pause
        self.width = width
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        number = 0
        while self.running and not (self.until is not None and Path(self.until).exists()):
            ctx.collect(f"{number:0{self.width}}" if self.width else number)
            number += 1
            time.sleep(self.pause)

    def cancel(self) -> None:
        self.running = False


class Discarding(SinkFunction):
    def invoke(self, value: Any, context: SinkContext) -> None:
        pass


class FailsIn:
    """Fails in one of its methods."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, here: str) -> None:
        if here == self.where:
            raise ValueError(f"told to fail in {here}")

    def open(self, runtime_context: RuntimeContext) -> None:
        self.fail("open")

    def close(self) -> None:
        self.fail("close")


class FailingMap(FailsIn, MapFunction):
    def map(self, value: Any) -> Any:
        if value == 5:
            self.fail("map")
        return value


class FailingSink(FailsIn, SinkFunction):
    def invoke(self, value: Any, context: SinkContext) -> None:
        if value == 5:
            self.fail("invoke")


class FailingSource(FailsIn, SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)
        self.fail("run")

    def cancel(self) -> None:
        pass


def submit(cluster: ProcessCluster, env: Any, name: str) -> Any:
    return cluster.client.submit(env.get_job_graph(name))


def state(job: Any) -> JobStatus:
    return job.get_job_status()  # type: ignore[no-any-return]  # a JobClient


def tasks_in(job: Any, execution_state: str) -> int:
    return job.get_job_details().task_counts.get(execution_state, 0)  # type: ignore[no-any-return]  # as above


def runs_with(job: Any, tasks: int) -> bool:
    return tasks_in(job, "RUNNING") == tasks


def waits_for_slots(job: Any) -> bool:
    return tasks_in(job, "SCHEDULED") > 0


def assert_cancelled(job: Any) -> None:
    job.cancel()
    with pytest.raises(JobCancelledError):
        job.get_job_execution_result()
    assert state(job) is JobStatus.CANCELED


def test_two_jobs_run_at_once(cluster: ProcessCluster, new_environment: Any, tmp_path: Path) -> None:
    end = tmp_path / "end"
    jobs = []
    for name in ("first", "second"):
        env = new_environment(2)
        env.add_source(Ticking(until=end)).rebalance().map(lambda x: x + 1).add_sink(Discarding())
        jobs.append(submit(cluster, env, name))
    for job in jobs:
        eventually(partial(runs_with, job, 3), "a source and two maps of each job run")
    assert cluster.client.overview().slots_available == 0
    end.touch()
    for job in jobs:
        job.get_job_execution_result()
        assert state(job) is JobStatus.FINISHED


def test_a_job_is_cancelled_while_it_waits_for_slots(cluster: ProcessCluster, new_environment: Any) -> None:
    for _ in range(10):  # its goodbye to the ResourceManager meets its own end: more than one order is possible
        env = new_environment(9)
        env.from_collection([1]).rebalance().map(lambda x: x).add_sink(Discarding())
        job = submit(cluster, env, "too wide")
        eventually(partial(waits_for_slots, job), "tasks wait for slots")
        assert_cancelled(job)
        cluster.wait_for_slots(4)


def test_a_job_is_cancelled_while_a_function_opens(
    cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    opened = str(tmp_path / "opened")

    class SlowToOpen(MapFunction):
        def open(self, runtime_context: RuntimeContext) -> None:
            Path(opened).touch()
            for _ in range(6000):
                time.sleep(0.01)

        def map(self, value: Any) -> Any:
            return value

    env = new_environment(1)
    env.add_source(Ticking()).map(SlowToOpen()).add_sink(Discarding())
    job = submit(cluster, env, "slow to open")
    eventually(Path(opened).exists, "the function is being opened")
    assert_cancelled(job)


def test_a_running_job_is_cancelled(cluster: ProcessCluster, new_environment: Any) -> None:
    env = new_environment(2)
    env.add_source(Ticking()).key_by(lambda x: x % 7).reduce(lambda a, b: b).add_sink(Discarding())
    job = submit(cluster, env, "running")
    eventually(lambda: tasks_in(job, "RUNNING") == 3, "all tasks run")
    assert_cancelled(job)


def test_a_job_is_cancelled_while_its_code_blocks(
    cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    blocked = str(tmp_path / "blocked")

    def block(value: Any) -> Any:
        Path(blocked).touch()
        for _ in range(6000):
            time.sleep(0.01)
        return value

    env = new_environment(1)
    env.add_source(Ticking()).map(block).add_sink(Discarding())
    job = submit(cluster, env, "blocked")
    eventually(Path(blocked).exists, "the function blocks")
    assert_cancelled(job)


def test_a_job_is_cancelled_while_it_waits_to_restart(cluster: ProcessCluster, new_environment: Any) -> None:
    settings = {
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "3",
        "restart-strategy.fixed-delay.delay": "1 h",
    }
    env = new_environment(1, settings)
    env.from_collection([1]).map(lambda x: x // 0).add_sink(Discarding())
    job = submit(cluster, env, "restarting")
    eventually(lambda: state(job) is JobStatus.RESTARTING, "the job waits to restart")
    assert_cancelled(job)


def fails_in_a_map(env: Any, where: str) -> None:
    env.from_collection(list(range(10))).rebalance().map(FailingMap(where)).name("breaks").add_sink(Discarding())


def fails_in_a_sink(env: Any, where: str) -> None:
    env.from_collection(list(range(10))).rebalance().add_sink(FailingSink(where)).name("breaks")


def fails_in_a_source(env: Any, where: str) -> None:
    env.add_source(FailingSource(where), "breaks").map(lambda x: x).add_sink(Discarding())


@pytest.mark.parametrize(
    ("build", "where", "record"),
    [
        (fails_in_a_map, "open", ""),
        (fails_in_a_map, "map", "5"),
        (fails_in_a_map, "close", ""),
        (fails_in_a_sink, "invoke", "5"),
        (fails_in_a_sink, "close", ""),
        (fails_in_a_source, "open", ""),
        (fails_in_a_source, "run", ""),
    ],
)
def test_an_exception_of_a_user_function_is_told_with_its_place(
    cluster: ProcessCluster, new_environment: Any, build: Callable[[Any, str], None], where: str, record: str
) -> None:
    env = new_environment(2)
    build(env, where)
    with pytest.raises(JobExecutionError) as raised:
        env.execute("fails")
    failure = raised.value.failure
    assert str(raised.value).startswith(f"ValueError: told to fail in {where} | ")
    assert failure.kind == USER_CODE
    assert "breaks" in failure.operator_name
    assert failure.subtask_index >= 0
    assert failure.record == record
    assert failure.user_file.endswith("test_jobs.py")
    assert f'self.fail("{where}")' in failure.user_traceback
    assert "millstream/taskmanager" not in failure.user_traceback
    assert "(pid " in failure.task_manager


def test_a_job_that_needs_more_slots_than_there_are_says_how_many(
    cluster: ProcessCluster, new_environment: Any
) -> None:
    env = new_environment(9)
    env.from_collection([1]).rebalance().map(lambda x: x).add_sink(Discarding())
    with pytest.raises(JobExecutionError) as raised:
        env.execute("too wide")
    assert raised.value.failure.kind == RESOURCES
    message = str(raised.value)
    assert "9" in message
    assert "4" in message
    assert "taskmanager.numberOfTaskSlots" in message


def test_a_slow_sink_holds_its_source_back(cluster: ProcessCluster, new_environment: Any) -> None:
    class Slow(SinkFunction):
        def invoke(self, value: Any, context: SinkContext) -> None:
            time.sleep(0.001)

    env = new_environment(1)
    source = env.add_source(Ticking(pause=0, width=4096)).slot_sharing_group("upstream")
    source.rebalance().add_sink(Slow()).slot_sharing_group("downstream")
    job = submit(cluster, env, "slow sink")

    def figures() -> tuple[int, int]:
        vertices = job.get_job_details().vertices
        read = [sum(subtask.metrics.records_in for subtask in vertex.subtasks) for vertex in vertices]
        put = [sum(subtask.metrics.records_out for subtask in vertex.subtasks) for vertex in vertices]
        return max(put), min(each for each in read if each) if any(read) else 0

    eventually(lambda: figures()[1] > 1500, "the sink has taken more than is ever under way")
    put, taken = figures()
    assert put - taken < 1500, "what is under way must be bounded by the network buffers"
    assert_cancelled(job)
