"""What it costs a job to be observed.

W1 and W2 run by turns on a cluster that nobody looks at, and on one whose metrics are scraped, logged and fetched.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from benchmarks import workloads
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.workload import Workload, read_results
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster, free_port

__all__ = ["Cost", "measure_cost"]

_PARALLELISM = 2
_UNSEEN = {"metrics.fetcher.update-interval": "0 s", "metrics.latency.interval": "0 ms"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one workload: how much longer it takes when it is observed.

    :ivar ratio: median of the ratios of runs that followed each other; 1.02 is 2 % longer.
    :ivar seconds: medians of the runs, unseen and observed.
    """

    ratio: float
    lowest: float
    highest: float
    seconds: tuple[float, float]


def measure_cost(name: str, source: str, runs: int) -> Cost:
    """Run the workload in turn on both clusters, ``runs`` times each after one that does not count."""
    workload = WORKLOADS[name]
    cloudpickle.register_pickle_by_value(workloads)
    try:
        with tempfile.TemporaryDirectory(prefix="millstream-metrics-") as directory, ExitStack() as stack:
            prometheus = free_port()
            unseen = stack.enter_context(_cluster(Path(directory, "unseen"), _UNSEEN, rest=False))
            observed = stack.enter_context(_cluster(Path(directory, "observed"), _watched(prometheus), rest=True))
            seconds: tuple[list[float], list[float]] = ([], [])
            for number in range(runs + 1):
                first = _run(unseen, workload, source)
                with _observers(observed, prometheus):
                    second = _run(observed, workload, source)
                if number:
                    seconds[0].append(first)
                    seconds[1].append(second)
    finally:
        cloudpickle.unregister_pickle_by_value(workloads)
    ratios = [second / first for first, second in zip(*seconds, strict=True)]
    medians = statistics.median(seconds[0]), statistics.median(seconds[1])
    return Cost(statistics.median(ratios), min(ratios), max(ratios), medians)


def _watched(prometheus: int) -> dict[str, str]:
    return {
        "metrics.reporters": "prom,log",
        "metrics.reporter.prom.factory.class": "prometheus",
        "metrics.reporter.prom.port": f"{prometheus}-{prometheus + 9}",
        "metrics.reporter.log.factory.class": "slf4j",
        "metrics.reporter.log.interval": "1 s",
        "metrics.fetcher.update-interval": "2 s",
        "metrics.latency.interval": "1 s",
    }


@contextmanager
def _cluster(directory: Path, settings: dict[str, str], *, rest: bool) -> Iterator[ProcessCluster]:
    with ProcessCluster(directory, task_managers=1, slots=_PARALLELISM, settings=settings, rest=rest) as cluster:
        yield cluster


@contextmanager
def _observers(cluster: ProcessCluster, prometheus: int) -> Iterator[None]:
    """A process that scrapes both processes each second and fetches over REST every two."""
    scraped = [f"http://localhost:{prometheus + number}/metrics" for number in range(2)]
    command = [sys.executable, "-m", "benchmarks.polling", "observe", cluster.rest_url(), *scraped]
    with subprocess.Popen(command) as observer:
        try:
            yield
            if observer.poll() is not None:
                raise AssertionError(f"the observer ended with status {observer.returncode}")
        finally:
            observer.terminate()


def _run(cluster: ProcessCluster, workload: Workload, source: str) -> float:
    """Return the seconds for which the job ran."""
    cluster.wait_for_slots(_PARALLELISM)
    with tempfile.TemporaryDirectory() as directory:
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", cluster.port, configuration=cluster.configuration
        )
        env.set_parallelism(_PARALLELISM)
        workload.job(env, source, directory)
        details: Any = env.execute(workload.title).details
        if not read_results(directory):
            raise AssertionError(f"{workload.title} left no results")
        return float(details.summary.end_time_ms - details.state_timestamps["RUNNING"]) / 1000
