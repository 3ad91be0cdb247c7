"""Checkpoints that overlap, come too late, or come while a job is behind with its work.

Aborted, expired, overtaken, and savepoints in between: what is complete is whole and nothing else stays. A job under
back pressure has its checkpoints in time all the same.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    MapFunction,
    RuntimeContext,
)
from millstream.testing.process_cluster import eventually
from tests.chaos import checked, program
from tests.chaos.checked import TOPOLOGIES, CheckedStreams, Topology
from tests.cluster.checked_job import Jobs, latest_checkpoint, local, until_checkpoints, until_running, until_status

_EXPECTED = re.compile("was not complete after 600 ms|newer one|it cannot be saved just now")


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
    with MiniCluster(slots_per_task_manager=3, isolation="thread") as started:
        yield started


class SlowlySaved(MapFunction, CheckpointedFunction):
    """Takes its time for a snapshot, and sometimes fails instead, until its job hurries."""

    def __init__(self, directory: Path, most_seconds: float) -> None:
        self.directory = str(directory)
        self.most_seconds = most_seconds

    def open(self, runtime_context: RuntimeContext) -> None:
        self.random = random.Random(runtime_context.get_index_of_this_subtask())

    def map(self, value: Any) -> Any:
        return value

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        pass

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        if not Path(self.directory, "hurry").exists():
            time.sleep(self.random.random() ** 2 * self.most_seconds)
            if self.random.random() < 0.04:
                raise OSError("it cannot be saved just now")


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
def test_checkpoints_and_savepoints_that_get_in_each_others_way(
    cluster: MiniCluster, tmp_path: Path, backend: str
) -> None:
    streams = CheckedStreams(
        tmp_path, "union", count=3_000, through=lambda events: events.map(SlowlySaved(tmp_path, 0.06))
    )
    jobs = Jobs(
        cluster,
        streams,
        {
            "execution.checkpointing.interval": "40 ms",
            "execution.checkpointing.timeout": "600 ms",
            "execution.checkpointing.max-concurrent-checkpoints": "2",
            "execution.checkpointing.num-retained": "2",
            "execution.checkpointing.incremental": "true",
            "execution.checkpointing.tolerable-failed-checkpoints": "1000",
            "state.backend.type": backend,
        },
    )
    job = jobs.start(3)
    until_running(job)
    for _ in range(3):
        requests = [job.begin_savepoint("SAVEPOINT") for _ in range(2)] + [job.begin_checkpoint()]
        statuses = [_outcome(job, request) for request in requests]
        assert all(status == "" or _EXPECTED.search(status) for status in statuses), statuses
    until_checkpoints(job, 4)
    eventually(lambda: job.get_checkpoints().failed >= 1, "a checkpoint that is given up")
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    assert job.get_job_details().restarts == 0
    checkpoints = jobs.checkpoints_of(job)

    def complete_ones_alone() -> bool:
        left = {path.name for path in checkpoints.glob("chk-*")}
        return len(left) == 2 and left == {path.parent.name for path in checkpoints.glob("chk-*/_metadata")}

    eventually(complete_ones_alone, "what was given up is deleted")
    for savepoint in (tmp_path / "savepoints").iterdir():
        assert (savepoint / "_metadata").is_file(), savepoint
    _, latest = latest_checkpoint(checkpoints)
    jobs.finish(jobs.start(2, latest.as_uri()))


def _outcome(job: Any, request: str) -> str:
    from millstream.common.errors import SavepointError

    try:
        assert (local(job.await_operation(request).location) / "_metadata").is_file()
    except SavepointError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("alignment", "topology"), list(zip(["aligned", "unaligned", "after a timeout"], TOPOLOGIES, strict=True))
)
def test_a_job_that_is_ten_times_too_slow_has_its_checkpoints_in_time(
    cluster: MiniCluster, tmp_path: Path, topology: Topology, alignment: str
) -> None:
    # Three subtasks that take 3 ms for a record: 1000 per second, and ten times as many are to be had. An aligned
    # barrier waits for all that is in buffers: there are few records in them if they are large.
    padding = 10_000 if alignment == "aligned" else 0
    streams = CheckedStreams(tmp_path, topology, count=60_000, per_second=10_000, pause=0.003, padding=padding)
    jobs = Jobs(
        cluster,
        streams,
        {
            "execution.checkpointing.unaligned.enabled": str(alignment != "aligned").lower(),
            "execution.checkpointing.aligned-checkpoint-timeout": "50 ms" if alignment == "after a timeout" else "0 ms",
            # How far behind an aligned barrier may be.
            "taskmanager.network.memory.buffers-per-channel": "2",
        },
    )
    job = jobs.start(3)
    until_checkpoints(job, 3)
    history = [each for each in job.get_checkpoints().history if each.status == "COMPLETED"]
    assert all(each.duration_ms < 10_000 for each in history)
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    assert checked.violations(tmp_path) == []


@pytest.mark.parametrize("alignment", ["aligned", "unaligned"])
def test_records_that_are_larger_than_a_buffer(cluster: MiniCluster, tmp_path: Path, alignment: str) -> None:
    streams = CheckedStreams(tmp_path, "union", count=600, per_second=300, pause=0.002, padding=100_000)
    jobs = Jobs(cluster, streams, {"execution.checkpointing.unaligned.enabled": str(alignment == "unaligned").lower()})
    job = jobs.start(3)
    until_checkpoints(job, 3)
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    _, latest = latest_checkpoint(jobs.checkpoints_of(job))
    jobs.finish(jobs.start(2, latest.as_uri()))
