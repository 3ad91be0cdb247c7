"""Masters that die, or hang, while another one stands by: jobs go on, no record counts twice, nobody has to know."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.client.remote.connection import connect
from millstream.client.remote.errors import ClusterUnreachableError, OperationInDoubtError
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.states import JobStatus
from millstream.common.watermark_strategy import WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.closeable_iterator import CloseableIterator
from millstream.datastream.functions import MapFunction, RuntimeContext
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import program
from tests.chaos.monkey import committed_lines

COUNT = 12_000
PER_SECOND = 1_500.0


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


class NotingItsRuns(MapFunction):
    """Leaves a file for each time that it is begun."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def open(self, runtime_context: RuntimeContext) -> None:
        name = f"run-{runtime_context.get_index_of_this_subtask()}-{uuid.uuid4().hex}"
        Path(self.directory, name).touch()

    def map(self, value: Any) -> Any:
        return value


class Job:
    """A job with state, timers and files, of which everything is known beforehand."""

    def __init__(self, cluster: ProcessCluster, directory: Path) -> None:
        self.cluster = cluster
        self.directory = directory
        self.hurry = directory / "hurry"
        self.output = directory / "output"
        settings = {
            "execution.checkpointing.interval": "100 ms",
            "execution.checkpointing.savepoint-dir": (directory / "savepoints").as_uri(),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "5",
            "restart-strategy.fixed-delay.delay": "50 ms",
            **cluster.configuration.to_map(),
        }
        self.environment = environment(cluster, settings)

    def submit(self, name: str = "sums and windows") -> RpcJobClient:
        program.build_job(
            self.environment, COUNT, PER_SECOND, self.hurry, self.output, 2, NotingItsRuns(self.directory)
        )
        return self.cluster.client.job(self.environment.execute_async(name).get_job_id())

    def runs(self) -> int:
        """How often the first subtask was begun."""
        return len(list(self.directory.glob("run-0-*")))

    def finish(self, waiting: Waiting) -> None:
        """Let the job come to its end and look at what it has committed."""
        self.hurry.touch()
        waiting.end()
        assert committed_lines(self.output) == program.expected_lines(COUNT)


class Waiting:
    """Somebody who waits for a call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            self._outcome = call()
        except MillstreamError as error:
            self._outcome = error

    @property
    def waits(self) -> bool:
        return self._thread.is_alive()

    def end(self, timeout: float = 40.0) -> Any:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "it waits for ever"
        if isinstance(self._outcome, MillstreamError):
            raise self._outcome
        return self._outcome


def environment(cluster: ProcessCluster, settings: dict[str, str]) -> StreamExecutionEnvironment:
    return StreamExecutionEnvironment.create_remote_environment(
        "localhost", cluster.port, configuration=Configuration.from_map(settings)
    )


def until_checkpoints(job: RpcJobClient, count: int) -> int:
    """Wait until so many checkpoints are complete under this leader; return the id of the latest."""
    eventually(lambda: job.get_checkpoints().completed >= count, f"{count} checkpoints")
    return job.get_checkpoints().latest_completed.checkpoint_id


def await_takeover(cluster: ProcessCluster, before: int) -> int:
    """Wait until another master leads, and return its number."""

    def other() -> bool:
        try:
            return cluster.leader() != before
        except MillstreamError:
            return False

    eventually(other, f"another master leads\n{cluster.logs()}", 20.0)
    return cluster.leader()


def test_a_killed_leader_is_followed_by_the_other_master(cluster: ProcessCluster, tmp_path: Path) -> None:
    job = Job(cluster, tmp_path)
    client = job.submit()
    waiting = Waiting(client.get_job_execution_result)
    task_managers = [process.pid for process in cluster.live_task_managers()]
    latest = until_checkpoints(client, 3)
    operation = client.begin_savepoint("SAVEPOINT")
    leader = cluster.leader()
    cluster.kill_master(leader)
    with pytest.raises(OperationInDoubtError, match=f"{cluster.address_of(leader)} leads no more"):
        client.await_operation(operation)
    assert cluster.leader() == 1 - leader
    until_checkpoints(client, 1)
    assert client.get_checkpoints().restored_checkpoint_id >= latest
    assert waiting.waits
    assert job.runs() == 2
    job.finish(waiting)
    assert [process.pid for process in cluster.live_task_managers()] == task_managers


def test_a_leader_that_hung_for_too_long_stands_by_when_it_wakes_up(cluster: ProcessCluster, tmp_path: Path) -> None:
    job = Job(cluster, tmp_path)
    client = job.submit()
    waiting = Waiting(client.get_job_execution_result)
    until_checkpoints(client, 2)
    first = cluster.leader()
    frozen = cluster.masters[first].pid
    cluster.freeze(frozen)
    second = await_takeover(cluster, first)
    until_checkpoints(client, 1)
    cluster.thaw(frozen)
    taken = until_checkpoints(client, client.get_checkpoints().completed + 5)  # the zombie hinders nobody
    assert cluster.leader() == second
    assert client.get_job_details().restarts == 0
    cluster.kill_master(second)
    assert await_takeover(cluster, second) == first  # it stood by
    until_checkpoints(client, 1)
    assert client.get_checkpoints().restored_checkpoint_id >= taken
    job.finish(waiting)
    assert cluster.masters[first].poll() is None


def test_nothing_happens_when_a_standby_dies(cluster: ProcessCluster, tmp_path: Path) -> None:
    job = Job(cluster, tmp_path)
    client = job.submit()
    waiting = Waiting(client.get_job_execution_result)
    until_checkpoints(client, 1)
    leader = cluster.leader()
    cluster.kill_master(1 - leader)
    until_checkpoints(client, client.get_checkpoints().completed + 25)  # for longer than its session lasts
    assert cluster.leader() == leader
    assert client.get_job_details().restarts == 0
    job.finish(waiting)
    assert job.runs() == 1


def test_who_asks_a_standby_is_told_who_leads(cluster: ProcessCluster) -> None:
    leader = cluster.leader()
    standby = Configuration.from_map({"jobmanager.rpc.port": cluster.address_of(1 - leader).partition(":")[2]})

    def refusal() -> str:
        with pytest.raises(ClusterUnreachableError) as raised:
            connect(standby).overview()
        return str(raised.value)

    # The standby may have been started only just now, and not know anything yet.
    eventually(lambda: f"standby; {cluster.address_of(leader)} leads" in refusal(), "the standby knows who leads")
    assert "answers, but does not lead the cluster" in refusal()


def test_a_job_submitted_to_a_leader_that_hangs_runs_once(cluster: ProcessCluster, tmp_path: Path) -> None:
    job = Job(cluster, tmp_path)
    first = cluster.leader()
    frozen = cluster.masters[first].pid
    cluster.freeze(frozen)
    submitting = Waiting(lambda: job.submit("once"))
    await_takeover(cluster, first)
    client = submitting.end()
    waiting = Waiting(client.get_job_execution_result)
    cluster.thaw(frozen)  # now it reads the submission, and may not take it
    until_checkpoints(client, 5)
    assert [summary.state for summary in cluster.client.list_jobs() if summary.name == "once"] == ["RUNNING"]
    job.finish(waiting)
    assert job.runs() == 1


def test_a_job_that_ended_with_its_leader_is_not_run_again(cluster: ProcessCluster, tmp_path: Path) -> None:
    job = Job(cluster, tmp_path)
    job.hurry.touch()
    client = job.submit()
    leader = cluster.leader()
    client.get_job_execution_result()
    cluster.kill_master(leader)  # it has just told the result, and may be about to remove what it kept of the job
    await_takeover(cluster, leader)
    assert client.get_job_status() is JobStatus.FINISHED
    client.get_job_execution_result()
    cluster.wait_for_slots(4)
    assert job.runs() == 1
    assert committed_lines(job.output) == program.expected_lines(COUNT)


def test_results_are_collected_once_each_over_a_takeover(cluster: ProcessCluster, tmp_path: Path) -> None:
    count, hurry = 4_000, tmp_path / "hurry"
    settings = {**cluster.configuration.to_map(), "execution.checkpointing.interval": "100 ms"}
    env = environment(cluster, settings)
    env.set_parallelism(2)
    source = program.PacedSource(count, 1_000.0, str(hurry))
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").map(lambda number: number + 1)
    leader = cluster.leader()
    collected: list[int] = []
    results = numbers.execute_and_collect()
    assert isinstance(results, CloseableIterator)
    with results:
        for number in results:
            collected.append(number)
            if len(collected) == count // 4:
                cluster.kill_master(leader)
            if len(collected) == count // 4 + 1_000:
                hurry.touch()
    assert sorted(collected) == list(range(1, count + 1))
    assert cluster.leader() != leader
