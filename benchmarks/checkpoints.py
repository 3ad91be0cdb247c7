"""What checkpoints cost, and how fast state comes back."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.standing import StandingJob, standing_cluster
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.workload import read_results
from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.testing import environment_for
from millstream.testing.process_cluster import eventually

__all__ = [
    "measure_backend",
    "measure_incremental",
    "measure_overhead",
    "measure_pause",
    "measure_recovery",
    "measure_rescaling",
]


def _seconds(cluster: MiniCluster, name: str, source: str, settings: Mapping[str, str]) -> tuple[float, dict[str, int]]:
    workload = WORKLOADS[name]
    with tempfile.TemporaryDirectory() as directory:
        own = {"execution.checkpointing.dir": Path(directory, "checkpoints").as_uri(), **settings}
        with environment_for(cluster, Configuration.from_map(own)) as env:
            env.set_parallelism(1)
            workload.job(env, source, directory)
            details: Any = env.execute(workload.title).details
        # To the end of the input, not to that of the last checkpoint: both columns end with what the sinks left.
        times = details.summary.end_time_ms - details.state_timestamps["RUNNING"]
        return times / 1000, read_results(directory)


def measure_overhead(name: str, source: str, runs: int) -> tuple[float, float]:
    """Return the seconds of a workload without checkpoints, and with one each second to disk (medians)."""
    return _compare(name, source, runs, {}, {"execution.checkpointing.interval": "1 s"})


def measure_backend(name: str, source: str, runs: int) -> tuple[float, float]:
    """Return the seconds of a workload on the heap, and on RocksDB (medians)."""
    return _compare(name, source, runs, {}, {"state.backend.type": "rocksdb"})


def _compare(
    name: str, source: str, runs: int, first: Mapping[str, str], second: Mapping[str, str]
) -> tuple[float, float]:
    seconds: tuple[list[float], list[float]] = ([], [])
    with MiniCluster(slots_per_task_manager=2, isolation="process") as cluster:
        for _ in range(runs):
            results = []
            for column, settings in zip(seconds, (first, second), strict=True):
                took, result = _seconds(cluster, name, source, settings)
                column.append(took)
                results.append(result)
            # How many records a timer finds behind it depends on when watermarks come; what they add up to does not.
            if results[0]["total"] != results[1]["total"]:
                raise AssertionError(f"{name}: {results[0]} with {dict(first)}, {results[1]} with {dict(second)}")
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def _longest_pause_ms(job: StandingJob) -> float:
    statistics_ = job.checkpoint()
    return max(subtask.metrics.sync_us for subtask in statistics_.subtask_statistics) / 1000


def measure_pause(keys: int, runs: int) -> tuple[float, float, float]:
    """Return the shortest, the median and the longest pause at a barrier, ms, with so many ints in one task's state."""
    with standing_cluster(slots=1) as job:
        job.submit(keys, 1, {})
        job.wait_loaded(keys)
        pauses = sorted(_longest_pause_ms(job) for _ in range(runs))
    return pauses[0], statistics.median(pauses), pauses[-1]


def measure_incremental(keys: int, changed: int) -> tuple[int, int]:
    """Return the bytes that a full checkpoint of RocksDB uploads, and one after ``changed`` of the keys changed."""
    with standing_cluster(slots=1) as job:
        job.submit(
            keys,
            1,
            {"state.backend.type": "rocksdb", "execution.checkpointing.incremental": "true"},
            part=changed,
            size=64,
        )
        job.wait_loaded(keys)
        full = job.checkpoint()
        job.again()
        job.wait_loaded(keys + changed)
        return full.checkpointed_size, job.checkpoint().checkpointed_size


def measure_recovery(megabytes: int, runs: int) -> list[float]:
    """Return the seconds from the kill of a worker to the first new result, with so much state on local disk."""
    size = 1024
    keys = megabytes * 1_000_000 // size
    results = []
    for _ in range(runs):
        with standing_cluster(task_managers=1, slots=2) as job:
            restart = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "0 ms"}
            job.submit(keys, 1, restart, size=size)
            job.wait_loaded(keys)
            job.checkpoint()
            job.again()
            first = job.directory / "first"
            eventually(first.exists, "a first result")
            first.unlink()
            victim = _busiest_worker(job)
            job.again()
            began = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            eventually(first.exists, f"a new result\n{job.cluster.logs()}", 60.0)
            results.append(time.monotonic() - began)
    return results


def _busiest_worker(job: StandingJob) -> int:
    workers = [
        worker
        for task_manager in job.cluster.task_managers
        for launcher in psutil.Process(task_manager.pid).children()
        for worker in launcher.children()
    ]
    return int(max(workers, key=lambda worker: worker.memory_info().rss).pid)


def measure_rescaling(keys: int) -> dict[str, float]:
    """Return the seconds until all tasks run again with so many keys, by change of parallelism."""
    found = {}
    with standing_cluster(slots=4) as job:
        job.submit(keys, 2, {})
        job.wait_loaded(keys)
        for before, after in ((2, 4), (4, 1)):
            savepoint = job.stop_with_savepoint()
            job.submit(keys, after, {"execution.state-recovery.path": savepoint})
            found[f"{before} -> {after}"] = job.restored_ms() / 1000
    return found
