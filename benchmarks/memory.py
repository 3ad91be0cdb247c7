"""Back pressure: an unlimited source before a slow sink must not make the workers grow."""

from __future__ import annotations

import time
from typing import Any

import psutil

from millstream.client.mini_cluster import MiniCluster
from millstream.datastream.functions import SinkFunction, SourceFunction
from millstream.testing import environment_for

__all__ = ["measure_growth"]


class UnlimitedSource(SourceFunction):
    """Emits as fast as it is let."""

    def __init__(self) -> None:
        self.running = True

    def run(self, ctx: Any) -> None:
        number = 0
        while self.running:
            ctx.collect(("record", number))
            number += 1

    def cancel(self) -> None:
        self.running = False


class SlowSink(SinkFunction):
    """Takes a millisecond for each record."""

    def invoke(self, value: Any, context: Any) -> None:
        time.sleep(0.001)


def _workers_memory() -> float:
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # ended between the listing and the look
    return total / 1_000_000


def measure_growth(seconds: int) -> float:
    """Return by how many MB all worker processes together grew after the first 10 seconds."""
    with MiniCluster(slots_per_task_manager=2, isolation="process") as cluster, environment_for(cluster) as env:
        env.set_parallelism(1)
        env.add_source(UnlimitedSource()).rebalance().add_sink(SlowSink()).slot_sharing_group("far")
        job = env.execute_async("slow sink")
        time.sleep(10)
        after_ten = _workers_memory()
        time.sleep(seconds - 10)
        growth = _workers_memory() - after_ten
        job.cancel()
        return growth
