"""How long the REST interface takes to answer two open dashboards: while nothing is to do, while a word count takes all
that both slots have, and when a thousand jobs have ended.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cloudpickle

from benchmarks import workloads
from benchmarks.workloads.words import LastValueSink, split_line
from millstream.common.wire import cluster_pb2 as pb
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster, eventually

__all__ = ["Answers", "measure_rest"]

_ARCHIVED = 1000
_LINE = "the quick brown fox jumps over the lazy dog and runs away"
_ENDLESS = 10**15


@dataclass(frozen=True, slots=True)
class Answers:
    """How long answers took in one situation, in milliseconds.

    :ivar slowest: the endpoint whose 99th percentile is the highest, and that percentile.
    """

    p50: float
    p99: float
    slowest: tuple[str, float]


def measure_rest(seconds: float) -> dict[str, Answers]:
    """Return the times by situation; each is watched for ``seconds``."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    cloudpickle.register_pickle_by_value(workloads)
    settings = {"metrics.fetcher.update-interval": "2 s", "jobstore.max-capacity": str(_ARCHIVED + 10)}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="millstream-rest-") as directory,
            ProcessCluster(Path(directory), task_managers=2, slots=1, settings=settings, rest=True) as cluster,
        ):
            return _measure(cluster, directory, seconds)
    finally:
        cloudpickle.unregister_pickle_by_value(workloads)
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def _measure(cluster: ProcessCluster, directory: str, seconds: float) -> dict[str, Answers]:
    found: dict[str, Answers] = {}
    with _job(cluster, _waiting) as job:
        found["idle"] = _answers(cluster.rest_url(), job, seconds)
    with _job(cluster, lambda env: _counting(env, directory)) as job:
        found["word count at full load"] = _answers(cluster.rest_url(), job, seconds)
    with _job(cluster, _waiting) as job:
        for number in range(_ARCHIVED):
            _ended_job(cluster, number)
        found[f"{_ARCHIVED:,} archived jobs"] = _answers(cluster.rest_url(), job, seconds)
    return found


def _answers(url: str, job: str, seconds: float) -> Answers:
    command = [sys.executable, "-m", "benchmarks.polling", "dashboards", url, job, str(seconds)]
    times = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    everything = list(itertools.chain.from_iterable(times.values()))
    by_endpoint = {name: _percentile(of, 99) for name, of in times.items()}
    slowest = max(by_endpoint, key=by_endpoint.__getitem__)
    return Answers(statistics.median(everything), _percentile(everything, 99), (slowest, by_endpoint[slowest]))


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextmanager
def _job(cluster: ProcessCluster, define: Callable[[StreamExecutionEnvironment], None]) -> Iterator[str]:
    """A job that runs on both slots meanwhile."""
    env = StreamExecutionEnvironment.create_remote_environment("localhost", cluster.port)
    env.set_parallelism(2)
    define(env)
    job = str(env.execute_async("watched").get_job_id())
    request = pb.JobRequest(job_id=job)

    def all_run() -> bool:
        details = cluster.client.call(lambda dispatcher: dispatcher.get_job_details(request))
        states = [subtask.state for vertex in details.vertices for subtask in vertex.subtasks]
        return bool(states) and all(state == "RUNNING" for state in states)

    eventually(all_run, f"all tasks run\n{cluster.logs()}")
    try:
        yield job
    finally:
        cluster.client.call(lambda dispatcher: dispatcher.cancel_job(request))
        cluster.wait_for_slots(2)


def _waiting(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(0, _ENDLESS).map(_wait).key_by(lambda number: number).map(lambda number: number).print()


def _wait(number: int) -> int:
    import time

    time.sleep(0.1)
    return number


def _line(number: int) -> str:
    return _LINE if number >= 0 else ""


def _counting(env: StreamExecutionEnvironment, directory: str) -> None:
    (
        env.from_sequence(0, _ENDLESS)
        .map(_line)
        .flat_map(split_line)
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .add_sink(LastValueSink(directory))
    )


def _ended_job(cluster: ProcessCluster, number: int) -> None:
    """A job that was cancelled while it waited for slots: as much to show as any, and made in a moment."""
    env = StreamExecutionEnvironment.create_remote_environment("localhost", cluster.port)
    env.set_parallelism(3)
    _waiting(env)
    request = pb.JobRequest(job_id=str(env.execute_async(f"ended {number}").get_job_id()))
    cluster.client.call(lambda dispatcher: dispatcher.cancel_job(request))
