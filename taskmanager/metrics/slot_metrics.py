"""The metrics of all tasks of one slot worker.

The worker's one timer for rates calls :meth:`SlotMetrics.update`; nothing else happens until somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.config import Configuration, TaskManagerOptions
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump
from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.metrics.state_property_metrics import StatePropertyMetrics
from millstream.taskmanager.metrics.task_metric_groups import TaskMetricGroups
from millstream.taskmanager.metrics.worker_figures import BUFFERS, BUFFERS_USED, MANAGED_MEMORY, WORKER
from millstream.taskmanager.task.task_parts import TaskParts

__all__ = ["SlotMetrics"]


class SlotMetrics:
    """Groups of tasks, from when they run to their ends.

    :param configuration: the TaskManager's settings with the job's over them.
    """

    def __init__(self, place: MetricPlace, configuration: Configuration) -> None:
        self._place = place
        self._detailed: bool = configuration.get(TaskManagerOptions.NETWORK_DETAILED_METRICS)
        self._properties = StatePropertyMetrics(configuration)
        self._tasks: dict[str, TaskParts] = {}
        self._groups: dict[str, TaskMetricGroups] = {}

    def add(self, attempt_id: str, parts: TaskParts) -> None:
        """A task runs."""
        self._tasks[attempt_id] = parts

    def remove(self, attempt_id: str) -> None:
        """A task has ended. Nothing if it is not known."""
        self._tasks.pop(attempt_id, None)
        self._groups.pop(attempt_id, None)

    def update(self, now: float) -> None:
        """Bring all rates up to date; to be called every five seconds.

        :param now: seconds on a clock that never goes backwards.
        """
        self._build(now)
        for groups in self._groups.values():
            groups.update(now)

    def dump(self, now: float, timestamp_ms: int, managed_memory: int = 0) -> MetricDump:
        """Everything as it stands.

        :param managed_memory: bytes that the slot's state has reserved.
        """
        self._build(now)
        dump = MetricDump(timestamp_ms=timestamp_ms)
        for groups in self._groups.values():
            dump.groups.extend(groups.dump())
        dump.groups.extend(self._of_jobs())
        dump.groups.append(self._of_worker(managed_memory))
        return dump

    def _build(self, now: float) -> None:
        for attempt_id, parts in self._tasks.items():
            if parts.built and attempt_id not in self._groups:
                self._groups[attempt_id] = TaskMetricGroups(
                    parts, self._place, now, self._properties, detailed=self._detailed
                )

    def _of_jobs(self) -> Iterator[MetricGroupDump]:
        """What belongs to the job as a whole: latencies."""
        for parts in self._tasks.values():
            latencies = parts.chain.latencies
            if latencies is not None and latencies.group.groups():
                yield dump_group(self._place.job_scope(parts.info), latencies.group)

    def _of_worker(self, managed_memory: int) -> MetricGroupDump:
        """What the TaskManager adds up over its workers."""
        used = [groups.exchange.buffers for groups in self._groups.values()]
        dump = MetricGroupDump(scope=WORKER)
        dump.metrics.add(name=BUFFERS, whole_number=sum(size for size, _ in used))
        dump.metrics.add(name=BUFFERS_USED, whole_number=sum(in_use for _, in_use in used))
        dump.metrics.add(name=MANAGED_MEMORY, whole_number=managed_memory)
        return dump
