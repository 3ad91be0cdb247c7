"""Killed processes: each kind is noticed at once and told apart, nothing is left running, restarts recover."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from millstream.client.remote.errors import ClusterUnreachableError
from millstream.common.errors import JobExecutionError
from millstream.common.failure import TASK_MANAGER_LOST, WORKER_DIED
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    MapFunction,
    RichSinkFunction,
    RuntimeContext,
    SinkContext,
    SourceContext,
    SourceFunction,
)
from millstream.testing.process_cluster import ProcessCluster, eventually

RESTARTING = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "5",
    "restart-strategy.fixed-delay.delay": "100 ms",
}


class CountingUntil(SourceFunction):
    """Emits numbers until a file is there (or it is cancelled), then one more round to the end."""

    def __init__(self, end: Path) -> None:
        self.end = str(end)
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        while self.running and not Path(self.end).exists():
            ctx.collect(0)
            time.sleep(0.002)
        if self.running:
            for number in range(1, 101):
                ctx.collect(number)

    def cancel(self) -> None:
        self.running = False


class NotingItsProcess(MapFunction):
    """Writes the id of the process it runs in to a file of its subtask's."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def open(self, runtime_context: RuntimeContext) -> None:
        name = f"pid-{runtime_context.get_index_of_this_subtask()}"
        temporary = Path(self.directory, f".{name}")
        temporary.write_text(str(os.getpid()))
        temporary.rename(Path(self.directory, name))

    def map(self, value: Any) -> Any:
        return value


class Noting(RichSinkFunction):
    """Writes what it got after the end of the waiting to a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()
        self.numbers: list[int] = []

    def invoke(self, value: int, context: SinkContext) -> None:
        if value:
            self.numbers.append(value)
            Path(self.directory, f"got-{self.subtask}").write_text(" ".join(map(str, self.numbers)))


class Running:
    """A job over both slots of a cluster, with the process ids of its workers."""

    def __init__(self, cluster: ProcessCluster, env: Any, directory: Path) -> None:
        self.directory = directory
        self.end = directory / "end"
        env.add_source(CountingUntil(self.end)).rebalance().map(NotingItsProcess(directory)).add_sink(Noting(directory))
        self.job = cluster.client.submit(env.get_job_graph("to be hurt"))
        eventually(lambda: self._running() == 3 and len(self.workers()) == 2, "the job runs in two workers")

    def _running(self) -> int:
        return self.job.get_job_details().task_counts.get("RUNNING", 0)

    def workers(self) -> set[int]:
        return {int(path.read_text()) for path in self.directory.glob("pid-*")}

    def results(self) -> list[int]:
        return sorted(int(word) for path in self.directory.glob("got-*") for word in path.read_text().split())

    def failure(self) -> Any:
        with pytest.raises(JobExecutionError) as raised:
            self.job.get_job_execution_result()
        return raised.value.failure


def family(process: Any) -> list[psutil.Process]:
    """Return the process and all that it has started."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


@pytest.fixture
def no_orphans(own_cluster: ProcessCluster) -> Iterator[None]:
    """Whatever was killed, no process of the cluster outlives it."""
    yield
    processes: list[psutil.Process] = []
    for each in (own_cluster.master, *own_cluster.task_managers):
        if each is not None and each.poll() is None:
            processes.extend(family(each))
    own_cluster.close()
    eventually(lambda: gone(processes), f"all of {processes} have ended")


pytestmark = pytest.mark.usefixtures("no_orphans")


def test_a_killed_worker_fails_its_job_by_name_and_its_slot_comes_back(
    own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    running = Running(own_cluster, new_environment(2), tmp_path)
    victim = min(running.workers())
    os.kill(victim, signal.SIGKILL)
    failure = running.failure()
    assert failure.kind == WORKER_DIED
    assert "SIGKILL" in failure.message
    assert str(victim) in failure.message
    own_cluster.wait_for_slots(2)


def test_a_job_recovers_from_a_killed_worker(own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path) -> None:
    running = Running(own_cluster, new_environment(2, RESTARTING), tmp_path)
    victim = min(running.workers())
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in running.workers(), "another worker has taken the place of the killed one")
    running.end.touch()
    result = running.job.get_job_execution_result()
    assert result.details is not None
    assert result.details.restarts == 1
    assert running.results() == list(range(1, 101))
    own_cluster.wait_for_slots(2)


@pytest.mark.parametrize(
    "own_cluster", [{"heartbeat.interval": "500 ms", "heartbeat.timeout": "3 s"}], indirect=True, ids=["3s"]
)
def test_a_job_recovers_from_a_worker_that_stands_still(
    own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    running = Running(own_cluster, new_environment(2, RESTARTING), tmp_path)
    victim = min(running.workers())
    os.kill(victim, signal.SIGSTOP)
    eventually(lambda: victim not in running.workers(), "another worker has taken the place of the stopped one")
    running.end.touch()
    result = running.job.get_job_execution_result()
    assert result.details is not None
    assert result.details.restarts == 1
    (failure,) = result.details.failure_history
    assert failure.kind == WORKER_DIED
    assert f"worker process {victim} " in failure.message
    assert "stood still for 3 s (heartbeat.timeout)" in failure.message
    assert running.results() == list(range(1, 101))
    own_cluster.wait_for_slots(2)


def test_a_killed_task_manager_fails_its_job_and_takes_its_workers_along(
    own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    running = Running(own_cluster, new_environment(2), tmp_path)
    victim = own_cluster.task_managers[0]
    processes = family(victim)
    victim.kill()
    victim.wait(10)
    failure = running.failure()
    assert failure.kind == TASK_MANAGER_LOST
    assert str(victim.pid) in failure.task_manager + failure.message
    eventually(lambda: gone(processes), "the workers of the killed TaskManager have ended")
    own_cluster.wait_for_slots(1)


def test_a_job_recovers_from_a_killed_task_manager(
    own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    running = Running(own_cluster, new_environment(2, RESTARTING), tmp_path)
    before = running.workers()
    victim = own_cluster.task_managers[0]
    victim.kill()
    victim.wait(10)
    own_cluster.start_task_manager()
    eventually(
        lambda: running.job.get_job_details().task_counts.get("RUNNING", 0) == 3 and running.workers() != before,
        "the job runs again",
    )
    running.end.touch()
    result = running.job.get_job_execution_result()
    assert result.details is not None
    assert result.details.summary.state == JobStatus.FINISHED.value
    assert running.results() == list(range(1, 101))


def test_a_killed_master_is_told_to_the_client_and_ends_the_work(
    own_cluster: ProcessCluster, new_environment: Any, tmp_path: Path
) -> None:
    running = Running(own_cluster, new_environment(2), tmp_path)
    workers = [psutil.Process(pid) for pid in running.workers()]
    assert own_cluster.master is not None
    own_cluster.master.kill()
    own_cluster.master.wait(10)
    with pytest.raises(ClusterUnreachableError, match=own_cluster.address):
        running.job.get_job_execution_result()
    eventually(lambda: gone(workers), "the job's workers have ended")
    # A new master at the same address finds the TaskManagers again.
    own_cluster.start_master()
    own_cluster.wait_for_slots(2)
