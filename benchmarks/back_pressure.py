"""Checkpoints under full back pressure: how long they take, against those of the same job when it is idle."""

from __future__ import annotations

import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import cloudpickle

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.datastream.functions import SinkFunction, SourceFunction
from millstream.testing import environment_for
from millstream.testing.process_cluster import eventually

__all__ = ["measure_back_pressure"]

_CHECKPOINTS = 5


class Flood(SourceFunction):
    """Emits as fast as it is let, once a file is there."""

    def __init__(self, begin: str) -> None:
        self.begin = begin
        self.running = True

    def run(self, ctx: Any) -> None:
        while self.running and not Path(self.begin).exists():
            time.sleep(0.01)
        number = 0
        while self.running:
            ctx.collect((number % 100, "x" * 100))
            number += 1

    def cancel(self) -> None:
        self.running = False


class TakesItsTime(SinkFunction):
    """A tenth of a millisecond for each record."""

    def invoke(self, value: Any, context: Any) -> None:
        time.sleep(0.0001)


def measure_back_pressure(directory: Path) -> tuple[float, float]:
    """Return the median durations of unaligned checkpoints, ms: of the idle job, and under back pressure."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    begin = directory / "begin"
    begin.unlink(missing_ok=True)
    configuration = Configuration.from_map(
        {
            "execution.checkpointing.interval": "200 ms",
            "execution.checkpointing.unaligned.enabled": "true",
            "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
            "execution.checkpointing.timeout": "5 min",
        }
    )
    try:
        with (
            MiniCluster(slots_per_task_manager=4, isolation="process") as cluster,
            environment_for(cluster, configuration) as env,
        ):
            env.set_parallelism(2)
            stream = env.add_source(Flood(str(begin))).rebalance().map(lambda pair: pair)
            stream.key_by(lambda pair: pair[0]).add_sink(TakesItsTime()).slot_sharing_group("far")
            job = env.execute_async("back pressure")
            idle = _durations(cluster, str(job.get_job_id()))
            begin.touch()
            time.sleep(5)  # until every buffer on the way is full
            pressed = _durations(cluster, str(job.get_job_id()))
            job.cancel().result()
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    return statistics.median(idle), statistics.median(pressed)


def _durations(cluster: MiniCluster, job_id: str) -> list[float]:
    """The durations of the next few checkpoints that begin now or later."""
    from millstream.common.wire import cluster_pb2 as pb

    request = pb.JobRequest(job_id=job_id)
    since = time.time() * 1000

    def completed() -> list[float]:
        checkpoints = cluster.client.call(lambda dispatcher: dispatcher.get_checkpoints(request), timedelta(seconds=10))
        return [
            float(each.duration_ms)
            for each in checkpoints.history
            if each.status == "COMPLETED" and each.trigger_ms >= since
        ]

    eventually(lambda: len(completed()) >= _CHECKPOINTS, "checkpoints", 300.0)
    return completed()
