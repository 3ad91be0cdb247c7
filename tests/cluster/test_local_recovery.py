"""Workers that are killed, whose tasks go on from the copies of their state on the host's own disk, or without them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import MapFunction, RuntimeContext
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import program
from tests.chaos.monkey import committed_lines

COUNT = 6_000
BACKENDS = {
    "hashmap": {"state.backend.type": "hashmap"},
    "rocksdb": {"state.backend.type": "rocksdb", "execution.checkpointing.incremental": "true"},
}


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return program.expected_lines(COUNT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where TaskManagers keep copies."""
    return tmp_path / "local-state"


@pytest.fixture
def own_cluster(tmp_path: Path, root: Path) -> Iterator[ProcessCluster]:
    """Two TaskManagers of one slot each: a job of one slot has another to go to, and should not."""
    settings = {"taskmanager.state.local.root-dirs": str(root)}
    with ProcessCluster(tmp_path / "cluster", task_managers=2, slots=1, settings=settings) as started:
        yield started
    assert list(root.iterdir()) == []


class NotingItsWorker(MapFunction):
    """Writes the ids of the processes that it runs in to a file, one after the other."""

    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "workers")

    def open(self, runtime_context: RuntimeContext) -> None:
        with Path(self.path).open("a") as file:
            file.write(f"{os.getpid()}\n")

    def map(self, value: program.Event) -> program.Event:
        return value


class RecoveringJob:
    """A job of one slot that takes a checkpoint when it is told to."""

    def __init__(self, cluster: ProcessCluster, directory: Path, settings: dict[str, str]) -> None:
        self.cluster = cluster
        self.directory = directory
        configuration = Configuration.from_map(
            {
                "execution.checkpointing.interval": "1 h",
                "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
                "execution.checkpointing.data-inline-threshold": "0 b",
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": "1",
                "restart-strategy.fixed-delay.delay": "10 ms",
                **settings,
            }
        )
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", cluster.port, configuration=configuration
        )
        program.build_job(
            env, COUNT, COUNT / 4, directory / "hurry", directory / "output", 1, NotingItsWorker(directory)
        )
        self.job: RpcJobClient = cluster.client.job(env.execute_async("to be hurt").get_job_id())

    def workers(self) -> list[int]:
        noted = self.directory / "workers"
        return [int(line) for line in noted.read_text().split()] if noted.exists() else []

    def until_running(self, workers: int) -> None:
        def running() -> bool:
            details = self.job.get_job_details()
            return len(self.workers()) == workers and details.task_counts["RUNNING"] == details.summary.tasks_total

        eventually(running, f"the job runs in worker {workers}\n{self.cluster.logs()}")

    def checkpoint(self) -> None:
        self.job.await_operation(self.job.begin_checkpoint())

    def task_manager(self) -> str:
        (found,) = {
            subtask.task_manager_id for vertex in self.job.get_job_details().vertices for subtask in vertex.subtasks
        }
        return str(found)

    def remote_files(self) -> list[Path]:
        return _files((self.directory / "checkpoints").rglob("*"))

    def finish(self, expected: list[str]) -> None:
        (self.directory / "hurry").touch()
        self.job.get_job_execution_result()
        assert committed_lines(self.directory / "output") == expected


def _files(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_file() and path.name not in ("_metadata", "owner.lock")]


def copies(root: Path) -> list[Path]:
    return _files(root.glob("*/job-*/chk-*/*"))


def damage(path: Path) -> None:
    # A file of its own: RocksDB's own file, which has the same bytes by a link, is not meant.
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(bytes(each ^ 0xFF for each in content))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_worker_goes_on_where_it_was_from_the_copies_on_its_host(
    own_cluster: ProcessCluster, tmp_path: Path, root: Path, expected: list[str], backend: str
) -> None:
    job = RecoveringJob(own_cluster, tmp_path, {"state.backend.local-recovery": "true", **BACKENDS[backend]})
    job.until_running(1)
    job.checkpoint()
    job.checkpoint()
    job.checkpoint()
    # Only the last one's are kept, and all of them: what it shares with earlier ones too.
    eventually(lambda: {path.name for path in root.glob("*/job-*/chk-*")} == {"chk-3"}, "older copies are removed")
    before = job.task_manager()
    for path in job.remote_files():
        damage(path)
    own_cluster.kill_worker(job.workers()[0])
    job.until_running(2)
    assert job.task_manager() == before
    job.finish(expected)
    assert job.job.get_job_details().restarts == 1
    eventually(lambda: not list(root.glob("*/job-*")), "the job's copies are removed")


@pytest.mark.parametrize("harm", [damage, Path.unlink], ids=["damaged", "gone"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_that_are_not_whole_are_not_used(
    own_cluster: ProcessCluster,
    tmp_path: Path,
    root: Path,
    expected: list[str],
    harm: Callable[[Path], None],
    backend: str,
) -> None:
    job = RecoveringJob(own_cluster, tmp_path, {"state.backend.local-recovery": "true", **BACKENDS[backend]})
    job.until_running(1)
    job.checkpoint()
    found = copies(root)
    assert found
    for path in found:
        harm(path)
    own_cluster.kill_worker(job.workers()[0])
    job.until_running(2)
    job.finish(expected)


def test_a_job_that_loses_its_task_manager_goes_on_elsewhere(
    own_cluster: ProcessCluster, tmp_path: Path, root: Path, expected: list[str]
) -> None:
    job = RecoveringJob(own_cluster, tmp_path, {"state.backend.local-recovery": "true"})
    job.until_running(1)
    job.checkpoint()
    (left_over,) = {path.parents[2] for path in copies(root)}
    victim = next(each for each in own_cluster.task_managers if job.workers()[0] in own_cluster.worker_pids(each))
    own_cluster.kill_task_manager(victim)
    job.until_running(2)
    # It could not remove what it had: the other one on this host does, when it begins to keep copies itself.
    eventually(lambda: not left_over.exists(), "what the killed TaskManager has left is removed")
    job.finish(expected)


def test_without_the_setting_there_are_no_copies(
    own_cluster: ProcessCluster, tmp_path: Path, root: Path, expected: list[str]
) -> None:
    root.mkdir(exist_ok=True)
    job = RecoveringJob(own_cluster, tmp_path, {})
    job.until_running(1)
    job.checkpoint()
    assert list(root.iterdir()) == []
    own_cluster.kill_worker(job.workers()[0])
    job.until_running(2)
    job.finish(expected)
