"""The metrics of a TaskManager: its processes, its memory, its network buffers.

A TaskManager is a daemon and a process for each slot in use, and the jobs' memory is in the latter. So its figures are
sums over all of them: ``Status.JVM.Memory.Heap.Used`` is what the daemon and its slot workers use together,
``CPU.Load`` what they keep busy together. Buffers and managed memory the workers report, and the daemon adds them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from millstream.common.config import Configuration, TaskManagerMemoryOptions, TaskManagerOptions
from millstream.common.metrics import UPDATE_SECONDS, MetricGroup, MetricScope
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.metrics.process_metrics import ProcessMetrics
from millstream.common.metrics.system_resource_metrics import register_system_resource_metrics
from millstream.common.wire.cluster_pb2 import TaskManagerDescription
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump
from millstream.taskmanager.metrics.worker_figures import BUFFERS, BUFFERS_USED, MANAGED_MEMORY, WORKER

__all__ = ["TaskManagerMetrics"]

_PERCENT = 100.0


class TaskManagerMetrics:
    """Made when somebody first asks.

    :param description: the machine and the memory model.
    :param worker_pids: gives the processes of the slots.
    """

    def __init__(
        self,
        configuration: Configuration,
        scope: MetricScope,
        description: TaskManagerDescription,
        worker_pids: Callable[[], Iterable[int]],
    ) -> None:
        self._scope = scope
        self._group = MetricGroup()
        self._updated_at = float("-inf")
        self._of_workers: dict[str, int] = {}
        self._segment_size: int = configuration.get(TaskManagerOptions.MEMORY_SEGMENT_SIZE)
        self._segments = description.memory.network_memory // self._segment_size
        self._process = ProcessMetrics(
            self._group,
            others=worker_pids,
            memory_limit_bytes=configuration.get(TaskManagerMemoryOptions.PROCESS_SIZE),
        )
        register_system_resource_metrics(self._group, configuration)
        self._register_memory(description)
        self._register_buffers()

    def close(self) -> None:
        """Let go of what watches the process. May be called twice."""
        self._process.close()

    def dump(self, of_workers: Iterable[MetricDump], now: float, timestamp_ms: int) -> MetricDump:
        """Everything as it stands: of the TaskManager, and of the tasks.

        :param of_workers: what the slots' workers have told.
        :param now: seconds on a clock that never goes backwards.
        """
        dump = MetricDump(timestamp_ms=timestamp_ms)
        dump.groups.append(MetricGroupDump())  # the TaskManager's own comes first
        self._of_workers = {}
        for each in of_workers:
            for group in each.groups:
                if group.scope == WORKER:
                    self._add_up(group)
                else:
                    dump.groups.append(group)
        if now - self._updated_at >= UPDATE_SECONDS:
            self._updated_at = now
            self._group.update(now)
        dump.groups[0].CopyFrom(dump_group(self._scope, self._group))
        return dump

    def _add_up(self, group: MetricGroupDump) -> None:
        for metric in group.metrics:
            self._of_workers[metric.name] = self._of_workers.get(metric.name, 0) + metric.whole_number

    def _register_memory(self, description: TaskManagerDescription) -> None:
        self._group.gauge("Status.Flink.Memory.Managed.Used", lambda: self._sum(MANAGED_MEMORY))
        self._group.gauge("Status.Flink.Memory.Managed.Total", lambda: description.managed_memory)

    def _register_buffers(self) -> None:
        group, size = self._group, self._segment_size
        for prefix in ("Status.Shuffle.Netty.", "Status.Network."):
            group.gauge(f"{prefix}TotalMemorySegments", self._total)
            group.gauge(f"{prefix}AvailableMemorySegments", lambda: self._total() - self._sum(BUFFERS_USED))
        shuffle = "Status.Shuffle.Netty."
        group.gauge(f"{shuffle}UsedMemorySegments", lambda: self._sum(BUFFERS_USED))
        group.gauge(f"{shuffle}TotalMemory", lambda: self._total() * size)
        group.gauge(f"{shuffle}AvailableMemory", lambda: (self._total() - self._sum(BUFFERS_USED)) * size)
        group.gauge(f"{shuffle}UsedMemory", lambda: self._sum(BUFFERS_USED) * size)
        # What tasks may fill, whether or not they do.
        group.gauge(
            f"{shuffle}RequestedMemoryUsage", lambda: int(_PERCENT * self._sum(BUFFERS) / max(1, self._total()))
        )

    def _total(self) -> int:
        """Buffers of the configured memory; more, if tasks may use more."""
        return max(self._segments, self._sum(BUFFERS))

    def _sum(self, name: str) -> int:
        return self._of_workers.get(name, 0)
