"""Clusters inside the test's process: the MiniCluster, the embedded cluster of a program, the fixtures for users."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from millstream.client import embedded
from millstream.client.embedded import cluster_for, default_local_parallelism, required_slots
from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration, LocalOptions, TaskManagerOptions
from millstream.common.errors import JobCancelledError
from millstream.common.wire.graph_pb2 import JobGraph, JobVertex
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing import environment, environment_for, mini_cluster
from millstream.testing.process_cluster import eventually

__all__ = ["environment", "mini_cluster"]  # fixtures, taken over as a user's test module does

ISOLATIONS = ["process", "thread"]


def running_sums(env: StreamExecutionEnvironment) -> list[int]:
    numbers = env.from_collection(list(range(20))).rebalance().map(lambda x: (x % 2, x))
    sums = numbers.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], max(a[1], b[1]) + 100))
    return sorted(sum_ for _, sum_ in sums.execute_and_collect())


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_it_runs_jobs_and_leaves_nothing(isolation: Any) -> None:
    with MiniCluster(2, 1, isolation) as cluster:
        assert cluster.client.overview().slots_total == cluster.slots == 2
        with environment_for(cluster) as env:
            assert env.get_parallelism() == 2
            assert len(running_sums(env)) == 20
            assert len(running_sums(env)) == 20
    assert not cluster.running
    with pytest.raises(RuntimeError, match="not running"):
        _ = cluster.client


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_closing_it_ends_what_still_runs(isolation: Any) -> None:
    import time  # by name: it is used in the function that travels

    with MiniCluster(1, 1, isolation) as cluster, environment_for(cluster) as env:
        env.set_parallelism(1)
        env.from_collection(list(range(100_000))).map(lambda x: time.sleep(0.01)).print()
        job = cluster.submit(env.get_job_graph("slow"))
        eventually(lambda: job.get_job_details().task_counts.get("RUNNING"), "the job runs")


def test_a_cluster_that_was_closed_can_be_started_again() -> None:
    cluster = MiniCluster(1, 1, "thread")
    for _ in range(2):
        with cluster, environment_for(cluster) as env:
            assert list(env.from_collection([1]).map(lambda x: x + 1).execute_and_collect()) == [2]


def test_a_job_is_cancelled_from_another_thread() -> None:
    with MiniCluster(1, 1, "thread") as cluster, environment_for(cluster) as env:
        env.from_collection(list(range(10_000))).map(lambda x: __import__("time").sleep(0.01)).print()
        job = cluster.submit(env.get_job_graph("slow"))
        eventually(lambda: job.get_job_details().task_counts.get("RUNNING"), "the job runs")
        threading.Thread(target=job.cancel).start()
        with pytest.raises(JobCancelledError):
            job.get_job_execution_result()


@pytest.mark.parametrize("wrong", [{"num_task_managers": 0}, {"slots_per_task_manager": 0}, {"isolation": "fiber"}])
def test_a_cluster_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least one|fiber"):
        MiniCluster(**wrong)


def graph(*vertices: tuple[str, int]) -> JobGraph:
    return JobGraph(vertices=[JobVertex(slot_sharing_group=group, parallelism=width) for group, width in vertices])


def test_slots_needed_are_the_widest_vertex_of_each_sharing_group() -> None:
    assert required_slots(graph(("default", 2), ("default", 4), ("own", 3))) == 7
    assert required_slots(graph()) == 1


def test_local_programs_use_the_cores_and_one_thread_when_debugged() -> None:
    assert default_local_parallelism(Configuration()) == len(os.sched_getaffinity(0))
    assert default_local_parallelism(Configuration().set(LocalOptions.EXECUTION, "thread")) == 1


def test_executes_of_one_program_share_the_embedded_cluster() -> None:
    settings = Configuration().set(LocalOptions.EXECUTION, "thread")
    try:
        first = cluster_for(graph(("default", 2)), settings)
        assert cluster_for(graph(("default", 1)), settings) is first
        wider = cluster_for(graph(("default", 3)), settings)
        assert wider is not first
        assert not first.running, "an idle cluster that is too small is closed"
        other_settings = settings.copy().set(TaskManagerOptions.MEMORY_SEGMENT_SIZE, 4096)
        assert cluster_for(graph(("default", 1)), other_settings) is not wider
        embedded.close_all()
        assert not wider.running
    finally:
        embedded.close_all()


def test_the_environment_fixture_runs_jobs_on_the_shared_cluster(
    environment: StreamExecutionEnvironment, mini_cluster: MiniCluster
) -> None:
    assert sorted(environment.from_collection([1, 2]).map(lambda x: 2 * x).execute_and_collect()) == [2, 4]
    # Code under test that gets its environment by itself submits there too.
    StreamExecutionEnvironment.get_execution_environment().from_collection([1]).print()
    before = len(mini_cluster.client.list_jobs())
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection([1]).map(lambda x: x).print()
    env.execute("by itself")
    assert len(mini_cluster.client.list_jobs()) == before + 1


SLOW_PROGRAM = """
import time
from millstream.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(list(range(100_000))).map(lambda x: (time.sleep(0.01), x)[1]).print()
env.execute("slow")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_broken_off_leaves_no_workers(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "slow.py"
    program.write_text(SLOW_PROGRAM)
    environment_variables = {key: value for key, value in os.environ.items() if not key.startswith("MILLSTREAM_")}
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(program)], cwd=tmp_path, stdout=output, stderr=output, env=environment_variables
        )
    try:
        eventually(lambda: (tmp_path / "output").stat().st_size > 0, "records come out")
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers
        process.send_signal(number)
        assert process.wait(30) != 0
    finally:
        process.kill()
        process.wait(10)
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert not alive
    if number is signal.SIGINT:
        assert "KeyboardInterrupt" in (tmp_path / "output").read_text()
