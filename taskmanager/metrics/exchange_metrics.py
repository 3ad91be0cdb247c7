"""A task's metrics of what it reads and writes: buffers, bytes, and how full its queues are.

Flink has most of them twice: by themselves, and under ``Shuffle.Netty``. What goes from task to task within a slot is
"local" here, and has no bytes; all else comes and goes over the network.
"""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.metrics import MetricGroup
from millstream.taskmanager.exchange_usage import InputUsage, OutputUsage, QueueLengths
from millstream.taskmanager.task.task_parts import TaskParts

__all__ = ["ExchangeMetrics"]

_SHUFFLE_INPUT = "Shuffle.Netty.Input."
_SHUFFLE_OUTPUT = "Shuffle.Netty.Output."


class ExchangeMetrics:
    """Registers them in a task's group.

    :param detailed: the lengths of single gates' and partitions' queues too.
    """

    __slots__ = ("_input", "_outputs", "_parts")

    def __init__(self, parts: TaskParts, group: MetricGroup, *, detailed: bool) -> None:
        self._parts = parts
        self._input = InputUsage()
        self._outputs: list[OutputUsage] = [OutputUsage() for _ in parts.chain.edges]
        self._register_totals(group)
        for prefix in ("", _SHUFFLE_INPUT):
            self._register_input_counts(group, prefix)
        for prefix in ("buffers.", f"{_SHUFFLE_INPUT}Buffers."):
            self._register_input_queues(group, prefix)
        for prefix in ("buffers.", f"{_SHUFFLE_OUTPUT}Buffers."):
            self._register_output_queues(group, prefix)
        if detailed:
            self._register_details(group)

    def look(self) -> None:
        """Bring the figures up to date; before a dump and before rates are taken."""
        parts = self._parts
        if parts.gate is not None:
            self._input = parts.gate.usage()
        self._outputs = [edge.writer.usage() for edge in parts.chain.edges]

    @property
    def buffers(self) -> tuple[int, int]:
        """Network buffers that the task may use, and those that hold data, as of the last look."""
        size = self._input.buffers + sum(each.buffers for each in self._outputs)
        used = self._input.buffers_used + sum(each.queued.total for each in self._outputs if each.buffers)
        return size, min(size, used)

    def _register_totals(self, group: MetricGroup) -> None:
        parts = self._parts
        times, edges = parts.times, parts.chain.edges
        _count(group, "numRecordsIn", lambda: times.records_in)
        _count(group, "numRecordsOut", lambda: times.records_out)
        _count(group, "numBytesIn", self._bytes_in)
        _count(group, "numBytesOut", lambda: sum(edge.writer.bytes_out for edge in edges))
        _count(group, "numBuffersOut", lambda: sum(each.buffers_out for each in self._outputs))

    def _register_input_counts(self, group: MetricGroup, prefix: str) -> None:
        _count(group, f"{prefix}numBytesInLocal", lambda: 0)
        _count(group, f"{prefix}numBytesInRemote", self._bytes_in)
        _count(group, f"{prefix}numBuffersInLocal", lambda: self._input.buffers_local)
        _count(group, f"{prefix}numBuffersInRemote", lambda: self._input.buffers_remote)

    def _register_input_queues(self, group: MetricGroup, prefix: str) -> None:
        group.gauge(f"{prefix}inputQueueLength", lambda: self._input.queued.total)
        group.gauge(f"{prefix}inputQueueSize", lambda: self._input.queued_bytes)
        group.gauge(f"{prefix}inPoolUsage", lambda: self._input.pool_usage)
        group.gauge(f"{prefix}inputFloatingBuffersUsage", lambda: self._input.floating_usage)
        group.gauge(f"{prefix}inputExclusiveBuffersUsage", lambda: self._input.exclusive_usage)

    def _register_output_queues(self, group: MetricGroup, prefix: str) -> None:
        group.gauge(f"{prefix}outputQueueLength", lambda: sum(each.queued.total for each in self._outputs))
        group.gauge(f"{prefix}outputQueueSize", lambda: sum(each.queued_bytes for each in self._outputs))
        group.gauge(f"{prefix}outPoolUsage", lambda: max((each.pool_usage for each in self._outputs), default=0.0))

    def _register_details(self, group: MetricGroup) -> None:
        if self._parts.gate is not None:
            _lengths(group, "Network.Input.0.", lambda: self._input.queued)
        for index in range(len(self._outputs)):
            _lengths(group, f"Network.Output.{index}.", lambda index=index: self._outputs[index].queued)  # type: ignore[misc]  # a default binds the loop's variable

    def _bytes_in(self) -> int:
        gate = self._parts.gate
        return 0 if gate is None else gate.bytes_in


def _count(group: MetricGroup, name: str, total: Callable[[], int]) -> None:
    """Register a count, and how fast it grows."""
    group.counter_view(name, total)
    group.meter_view(f"{name}PerSecond", total)


def _lengths(group: MetricGroup, prefix: str, lengths: Callable[[], QueueLengths]) -> None:
    group.gauge(f"{prefix}totalQueueLen", lambda: lengths().total)
    group.gauge(f"{prefix}minQueueLen", lambda: lengths().smallest)
    group.gauge(f"{prefix}maxQueueLen", lambda: lengths().largest)
    group.gauge(f"{prefix}avgQueueLen", lambda: lengths().mean)
