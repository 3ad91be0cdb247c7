"""The metrics of a process under the names that Flink has for its JVMs: ``Status.JVM.*``.

Dashboards, alert rules and autoscalers ask for these names, so a Python process answers under them with what comes
nearest. docs/metrics.md says for each name what it stands for here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from millstream.common.metrics.garbage_collection import GarbageCollections
from millstream.common.metrics.metric_group import MetricGroup
from millstream.common.metrics.process_figures import ProcessFigures

__all__ = ["ProcessMetrics"]

_NO_LIMIT: Final = -1


class ProcessMetrics:
    """Keeps the process's metrics in a group; the group's rates must be updated like those of any other.

    :param group: of the scope of the master or the TaskManager.
    :param others: ids of processes whose memory, threads and processor time count too: a TaskManager's slot workers.
    :param memory_limit_bytes: what the processes may take in all; that of the host where there is no limit.
    :param monotonic: seconds on a clock that never goes backwards.
    """

    __slots__ = ("_collections", "_figures", "_memory_limit_bytes")

    def __init__(
        self,
        group: MetricGroup,
        *,
        others: Callable[[], Iterable[int]] = tuple,
        memory_limit_bytes: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._figures = ProcessFigures(others, monotonic)
        self._memory_limit_bytes = memory_limit_bytes
        self._collections = GarbageCollections()
        self._collections.start()
        status = group.add_group("Status").add_group("JVM")
        self._register_cpu(status.add_group("CPU"))
        self._register_memory(status.add_group("Memory"))
        self._register_collections(status.add_group("GarbageCollector"))
        status.add_group("Threads").gauge("Count", lambda: self._figures.read().threads)
        loader = status.add_group("ClassLoader")
        loader.gauge("ClassesLoaded", lambda: len(sys.modules))
        loader.gauge("ClassesUnloaded", lambda: 0)

    def close(self) -> None:
        """Watch the garbage collector no more. May be called twice."""
        self._collections.close()

    def _register_cpu(self, cpu: MetricGroup) -> None:
        figures = self._figures
        cpu.gauge("Load", lambda: figures.read().cpu_load)
        cpu.gauge("Time", lambda: int(figures.read().cpu_seconds * 1_000_000_000))

    def _register_memory(self, memory: MetricGroup) -> None:
        figures = self._figures
        heap = memory.add_group("Heap")
        heap.gauge("Used", lambda: figures.read().private_bytes)
        heap.gauge("Committed", lambda: figures.read().private_bytes)
        heap.gauge("Max", self._limit)
        rest = memory.add_group("NonHeap")
        rest.gauge("Used", lambda: figures.read().shared_bytes)
        rest.gauge("Committed", lambda: figures.read().shared_bytes)
        rest.gauge("Max", lambda: _NO_LIMIT)
        # Classes and functions are objects like any others and so in the heap.
        metaspace = memory.add_group("Metaspace")
        metaspace.gauge("Used", lambda: 0)
        metaspace.gauge("Committed", lambda: 0)
        metaspace.gauge("Max", lambda: _NO_LIMIT)
        direct = memory.add_group("Direct")
        direct.gauge("Count", lambda: int(_arrow_bytes() > 0))
        direct.gauge("MemoryUsed", _arrow_bytes)
        direct.gauge("TotalCapacity", _arrow_bytes)
        # Nothing in Python keeps account of files that are mapped into memory.
        mapped = memory.add_group("Mapped")
        mapped.gauge("Count", lambda: 0)
        mapped.gauge("MemoryUsed", lambda: 0)
        mapped.gauge("TotalCapacity", lambda: 0)

    def _register_collections(self, collectors: MetricGroup) -> None:
        for generation in (*self._collections.generations, None):
            name = "All" if generation is None else f"Generation{generation}"
            collector = collectors.add_group(name)
            time_ms = partial(self._collections.time_ms, generation)
            collector.gauge("Count", partial(self._collections.count, generation))
            collector.gauge("Time", partial(_whole, time_ms))
            collector.meter_view("TimeMsPerSecond", time_ms)

    def _limit(self) -> int:
        if self._memory_limit_bytes is None:
            import psutil

            self._memory_limit_bytes = int(psutil.virtual_memory().total)
        return self._memory_limit_bytes


def _whole(number: Callable[[], float]) -> int:
    return int(number())


def _arrow_bytes() -> int:
    """What Arrow has allocated for columns of records, where the process uses it."""
    arrow = sys.modules.get("pyarrow")
    return int(arrow.total_allocated_bytes()) if arrow is not None else 0
