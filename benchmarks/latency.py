"""Latency at 1,000 records a second: from the source's ``collect`` to the sink's ``invoke``."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from millstream.client.mini_cluster import MiniCluster
from millstream.datastream.functions import RuntimeContext, SinkFunction, SourceFunction
from millstream.testing import environment_for

__all__ = ["measure_chain", "measure_shuffle"]

_RATE = 1_000


class TickingSource(SourceFunction):
    """Emits the time, 1,000 times a second."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.stopped: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self.stopped = threading.Event()

    def run(self, ctx: Any) -> None:
        start = time.perf_counter()
        for number in range(self.records):
            due = start + number / _RATE
            while (left := due - time.perf_counter()) > 0:
                if self.stopped.wait(left):
                    return
            ctx.collect(time.perf_counter_ns())

    def cancel(self) -> None:
        self.stopped.set()


class LatencySink(SinkFunction):
    """Measures the age of each record (``perf_counter`` is one clock for all processes of a machine)."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.ages: list[int] = []

    def invoke(self, value: int, context: Any) -> None:
        self.ages.append(time.perf_counter_ns() - value)

    def close(self) -> None:
        Path(self.file).write_text(json.dumps(self.ages))


def _measure(seconds: int, *, shuffle: bool) -> tuple[float, float]:
    with (
        tempfile.TemporaryDirectory() as directory,
        MiniCluster(slots_per_task_manager=2, isolation="process") as cluster,
        environment_for(cluster) as env,
    ):
        file = str(Path(directory) / "ages.json")
        env.set_parallelism(1)
        stream = env.add_source(TickingSource(seconds * _RATE))
        if shuffle:
            stream.rebalance().add_sink(LatencySink(file)).slot_sharing_group("far")
        else:
            stream.add_sink(LatencySink(file))
        env.execute("latency")
        ages = sorted(json.loads(Path(file).read_text())[_RATE:])  # the first second warms up
    return ages[len(ages) // 2] / 1e6, ages[len(ages) * 99 // 100] / 1e6


def measure_chain(seconds: int) -> tuple[float, float]:
    """Return (p50, p99) in ms of a source chained to a sink."""
    return _measure(seconds, shuffle=False)


def measure_shuffle(seconds: int) -> tuple[float, float]:
    """Return (p50, p99) in ms with a network exchange between two slots."""
    return _measure(seconds, shuffle=True)
