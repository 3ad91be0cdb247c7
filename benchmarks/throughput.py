"""Throughput: each workload's job on an embedded cluster of worker processes, against its bare loop."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.workload import Workload, read_results
from millstream.client.mini_cluster import MiniCluster
from millstream.testing import environment_for

__all__ = ["Throughput", "measure"]


@dataclass(frozen=True, slots=True)
class Throughput:
    """Medians of one workload, in seconds for the whole input.

    :ivar parallel_2: ``None``: not measured.
    :ivar spreads: what was measured, by column, fastest and slowest run.
    """

    workload: Workload
    bare: float
    parallel_1: float
    parallel_2: float | None
    spreads: dict[str, tuple[float, float]]


def _bare(workload: Workload, source: str) -> tuple[float, dict[str, int]]:
    with tempfile.TemporaryDirectory() as directory:
        code = "import sys; from benchmarks.workloads import WORKLOADS as w; print(w[sys.argv[1]].bare(*sys.argv[2:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, workload.name, source, directory], capture_output=True, text=True, check=True
        )
        return float(done.stdout), read_results(directory)


def _job(cluster: MiniCluster, workload: Workload, source: str, parallelism: int) -> tuple[float, dict[str, int]]:
    with tempfile.TemporaryDirectory() as directory, environment_for(cluster) as env:
        env.set_parallelism(parallelism)
        workload.job(env, source, directory)
        details: Any = env.execute(workload.title).details
        times = details.summary.end_time_ms - details.state_timestamps["RUNNING"]
        return times / 1000, read_results(directory)


def measure(name: str, source: str, runs: int, *, parallel_2: bool = True) -> Throughput:
    """Run baseline, parallelism 1 and (if wanted) 2 in turn, ``runs`` times, and compare all results."""
    workload = WORKLOADS[name]
    columns = {"p1": 1, "p2": 2} if parallel_2 else {"p1": 1}
    seconds: dict[str, list[float]] = {"bare": [], **{column: [] for column in columns}}
    with MiniCluster(slots_per_task_manager=2, isolation="process") as cluster:
        for _ in range(runs):
            bare, expected = _bare(workload, source)
            seconds["bare"].append(bare)
            for column, parallelism in columns.items():
                took, result = _job(cluster, workload, source, parallelism)
                if result != expected:
                    raise AssertionError(f"{workload.title} at {parallelism}: got {result}, the bare loop {expected}")
                seconds[column].append(took)
    return Throughput(
        workload,
        statistics.median(seconds["bare"]),
        statistics.median(seconds["p1"]),
        statistics.median(seconds["p2"]) if parallel_2 else None,
        {column: (min(values), max(values)) for column, values in seconds.items()},
    )
