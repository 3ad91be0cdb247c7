"""Storage that is full, gone, damaged or read-only, under jobs in processes of their own.

A checkpoint that cannot be written costs that checkpoint, and the job as soon as that is not tolerated. A snapshot that
cannot be read says which file is wrong, and one that is older can be used in its stead.
"""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest

from millstream.client.remote.errors import ClusterUnreachableError
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import SavepointError
from millstream.common.failure import first_line
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    MapFunction,
)
from millstream.datastream.state import ListStateDescriptor
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import checked, program
from tests.chaos.checked import CheckedStreams
from tests.cluster.checked_job import (
    Jobs,
    failure_of,
    latest_checkpoint,
    until_checkpoints,
    until_running,
    until_status,
)

BALLAST = 400_000


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    modules = [sys.modules[each.__name__] for each in (program, checked)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    settings = {"heartbeat.interval": "300 ms", "heartbeat.timeout": "3 s"}
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), task_managers=1, slots=2, settings=settings) as started:
        yield started


class Ballast(MapFunction, CheckpointedFunction):
    """Has state that cannot be made smaller."""

    def map(self, value: Any) -> Any:
        return value

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self.state = context.get_operator_state_store().get_list_state(ListStateDescriptor("ballast"))
        if not context.is_restored():
            self.state.add(random.Random(0).randbytes(BALLAST))

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        pass


def jobs_in(cluster: ProcessCluster, directory: Path, **settings: str) -> Jobs:
    streams = CheckedStreams(directory, through=lambda events: events.map(Ballast()).uid("ballast").name("ballast"))
    more = {key.replace("__", "."): value for key, value in settings.items()}
    return Jobs(
        cluster,
        streams,
        {
            "execution.checkpointing.num-retained": "3",
            "execution.checkpointing.data-inline-threshold": "0 b",
            "execution.checkpointing.snapshot-compression": "false",
            **more,
        },
    )


TOLERANT = {"execution.checkpointing.tolerable-failed-checkpoints": "100000"}


def last_failure(job: RpcJobClient) -> str:
    return first_line(job.get_checkpoints().latest_failed.failure)


def test_checkpoints_come_again_when_their_directory_does(processes: ProcessCluster, tmp_path: Path) -> None:
    jobs = jobs_in(processes, tmp_path, **TOLERANT)
    job = jobs.start(2)
    until_checkpoints(job, 2)
    directory, aside = jobs.checkpoints_of(job), tmp_path / "aside"
    directory.rename(aside)
    directory.write_text("a file, where there was a directory")
    before = job.get_checkpoints().failed
    eventually(lambda: job.get_checkpoints().failed > before + 2, "checkpoints fail")
    assert str(directory) in last_failure(job)
    assert "Error" in last_failure(job).split(":")[0]
    directory.unlink()
    aside.rename(directory)
    until_checkpoints(job, job.get_checkpoints().completed + 2)
    jobs.finish(job)
    assert job.get_job_details().restarts == 0


def test_a_directory_that_is_gone_fails_a_job_that_tolerates_nothing(processes: ProcessCluster, tmp_path: Path) -> None:
    jobs = jobs_in(processes, tmp_path, **{"restart-strategy.type": "none"})
    job = jobs.start(2)
    until_checkpoints(job, 1)
    directory = jobs.checkpoints_of(job)
    directory.rename(tmp_path / "aside")
    directory.write_text("a file, where there was a directory")
    failure = failure_of(job)
    assert str(directory) in first_line(failure)
    assert "tolerable-failed-checkpoints is 0" in failure.message


def test_a_full_disk_costs_checkpoints_and_leaves_no_half_of_one(processes: ProcessCluster, tmp_path: Path) -> None:
    jobs = jobs_in(processes, tmp_path, **TOLERANT)
    job = jobs.start(2)
    until_checkpoints(job, 1)
    workers = [psutil.Process(pid) for pid in processes.worker_pids()]
    before = [worker.rlimit(resource.RLIMIT_FSIZE) for worker in workers]
    for worker in workers:
        worker.rlimit(resource.RLIMIT_FSIZE, (BALLAST // 2, before[0][1]))
    failed = job.get_checkpoints().failed
    eventually(lambda: job.get_checkpoints().failed > failed + 2, "checkpoints fail")
    assert "File too large" in last_failure(job)
    assert "ballast" in last_failure(job) or "checkpoints" in last_failure(job)
    for worker, limits in zip(workers, before, strict=True):
        worker.rlimit(resource.RLIMIT_FSIZE, limits)
    until_checkpoints(job, job.get_checkpoints().completed + 4)
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    directory = jobs.checkpoints_of(job)
    eventually(
        lambda: (
            {each.parent.name for each in directory.glob("chk-*/_metadata")}
            == {each.name for each in directory.glob("chk-*")}
        ),
        "what was given up is deleted",
    )
    jobs.finish(jobs.start(1, jobs.checkpoints_of(job).as_uri()))


def canceled_with_checkpoints(jobs: Jobs) -> RpcJobClient:
    job = jobs.start(2)
    until_checkpoints(job, 4)
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    return job


HARMS = ["cut", "flipped", "empty", "gone"]


def harm(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        middle = len(data) // 2
        path.write_bytes(
            {
                "cut": data[:middle],
                "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
                "empty": b"",
            }[how]
        )


@pytest.mark.parametrize("how", HARMS)
def test_damaged_metadata_is_told_and_an_older_checkpoint_goes_on(
    processes: ProcessCluster, tmp_path: Path, how: str
) -> None:
    jobs = jobs_in(processes, tmp_path)
    first = canceled_with_checkpoints(jobs)
    _, latest = latest_checkpoint(jobs.checkpoints_of(first))
    harm(latest / "_metadata", how)
    failed = jobs.start(2, latest.as_uri())
    line = first_line(failure_of(failed))
    assert str(latest) in line, line
    assert "SnapshotError" in line or "StateRecoveryError" in line, line
    aside = tmp_path / "aside"
    latest.rename(aside)
    _, older = latest_checkpoint(jobs.checkpoints_of(first))
    assert older != latest
    # What the job has committed since then would come again: its output goes.
    jobs.streams.hurry.touch()
    job = jobs.start(1, older.as_uri())
    job.get_job_execution_result()
    assert checked.violations(tmp_path) == []
    assert set(checked_lines(jobs)) == set(jobs.streams.expected())


def checked_lines(jobs: Jobs) -> list[str]:
    from tests.chaos.monkey import committed_lines

    return committed_lines(jobs.streams.output)


@pytest.mark.parametrize("how", HARMS)
@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
def test_a_damaged_state_file_is_told_and_never_read_wrong(
    processes: ProcessCluster, tmp_path: Path, how: str, backend: str
) -> None:
    jobs = jobs_in(
        processes,
        tmp_path,
        **{
            "state.backend.type": backend,
            "execution.checkpointing.incremental": "true",
            "restart-strategy.type": "none",
        },
    )
    first = canceled_with_checkpoints(jobs)
    number, latest = latest_checkpoint(jobs.checkpoints_of(first))
    assert number
    files = [path for path in latest.iterdir() if path.name != "_metadata"]
    shared = sorted(latest.parent.glob("shared/*"))
    for victim in (
        shared[-1:] if backend == "rocksdb" and shared else [max(files, key=lambda path: path.stat().st_size)]
    ):
        harm(victim, how)
        line = first_line(failure_of(jobs.start(2, latest.as_uri())))
        assert victim.name in line, line
    assert checked.violations(tmp_path) == []


def test_a_job_whose_checkpoint_vanished_says_so_when_it_restarts(processes: ProcessCluster, tmp_path: Path) -> None:
    jobs = jobs_in(processes, tmp_path, **{"restart-strategy.fixed-delay.attempts": "2"})
    job = jobs.start(2)
    until_checkpoints(job, 1)
    # No checkpoint comes any more, and those that there were are gone.
    directory = jobs.checkpoints_of(job)
    directory.rename(tmp_path / "aside")
    directory.write_text("a file, where there was a directory")
    for pid in processes.worker_pids():
        processes.kill_worker(pid)
    assert str(directory) in first_line(failure_of(job))


def test_a_master_that_is_killed_in_a_savepoint_leaves_what_the_next_one_begins_with(tmp_path: Path) -> None:
    with ProcessCluster(tmp_path / "cluster", task_managers=1, slots=2) as cluster:
        jobs = jobs_in(cluster, tmp_path)
        job = jobs.start(2)
        until_running(job)
        until_checkpoints(job, 2)
        request = job.begin_savepoint("SAVEPOINT")
        cluster.kill_master()
        with pytest.raises((ClusterUnreachableError, SavepointError), match=cluster.address):
            job.await_operation(request)
        with pytest.raises(ClusterUnreachableError, match=cluster.address):
            job.get_job_execution_result()
        cluster.start_master()
        cluster.wait_for_slots(2)
        jobs.finish(jobs.start(1, jobs.checkpoints_of(job).as_uri()))
