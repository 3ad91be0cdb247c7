"""TaskManagers, as answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.messages.taskmanagers import (
    GarbageCollectorInfo,
    HardwareDescription,
    ResourceProfileInfo,
    SlotInfo,
    TaskExecutorMemoryConfiguration,
    TaskManagerDetailsInfo,
    TaskManagerInfo,
    TaskManagerMetricsInfo,
    TaskManagersInfo,
)

__all__ = ["task_manager_details", "task_managers"]

_MIB: Final = 1024 * 1024
_COLLECTOR: Final = "Status.JVM.GarbageCollector."


def task_managers(summaries: Iterable[pb.TaskManagerSummary]) -> TaskManagersInfo:
    """All TaskManagers."""
    return TaskManagersInfo(taskmanagers=[_task_manager(summary) for summary in summaries])


def task_manager_details(summary: pb.TaskManagerSummary, metrics: Mapping[str, str]) -> TaskManagerDetailsInfo:
    """A TaskManager, what runs in its slots and what it uses.

    :param metrics: of its process by id; none yet: everything is 0.
    """
    slot = _resources(summary, 1)
    return TaskManagerDetailsInfo(
        **dict(_task_manager(summary)),
        allocated_slots=[SlotInfo(job_id=status.job_id, resource=slot) for status in summary.slots if status.job_id],
        metrics=_metrics(metrics),
    )


def _task_manager(summary: pb.TaskManagerSummary) -> TaskManagerInfo:
    description = summary.description
    memory = description.memory
    return TaskManagerInfo(
        id=summary.resource_id,
        path=f"grpc://{summary.address}/taskexecutor-{summary.resource_id}",
        data_port=description.data_port,
        jmx_port=-1,
        time_since_last_heartbeat=summary.last_heartbeat_ms,
        slots_number=summary.slots_total,
        free_slots=summary.slots_free,
        total_resource=_resources(summary, summary.slots_total),
        free_resource=_resources(summary, summary.slots_free),
        hardware=HardwareDescription(
            cpu_cores=description.cpu_cores,
            physical_memory=description.physical_memory,
            free_memory=description.free_memory,
            managed_memory=description.managed_memory,
        ),
        memory_configuration=TaskExecutorMemoryConfiguration(
            framework_heap=memory.framework_heap,
            task_heap=memory.task_heap,
            framework_off_heap=memory.framework_off_heap,
            task_off_heap=memory.task_off_heap,
            network_memory=memory.network_memory,
            managed_memory=memory.managed_memory,
            jvm_metaspace=memory.metaspace,
            jvm_overhead=memory.overhead,
            total_flink_memory=memory.total_flink_memory,
            total_process_memory=memory.total_process_memory,
        ),
    )


def _resources(summary: pb.TaskManagerSummary, slots: int) -> ResourceProfileInfo:
    """What so many of its slots have: each has its share of the memory, and counts as a core."""
    memory = summary.description.memory
    total = max(summary.slots_total, 1)

    def share(size: int) -> int:
        return size * slots // total // _MIB

    return ResourceProfileInfo(
        cpu_cores=float(slots),
        task_heap_memory=share(memory.task_heap),
        task_off_heap_memory=share(memory.task_off_heap),
        managed_memory=share(memory.managed_memory),
        network_memory=share(memory.network_memory),
    )


def _metrics(values: Mapping[str, str]) -> TaskManagerMetricsInfo:
    def number(name: str) -> int:
        try:
            return int(float(values.get(f"Status.{name}", "0")))
        except (ValueError, OverflowError):  # not a number, or no finite one
            return 0

    collectors = {
        metric[len(_COLLECTOR) :].removesuffix(".Count")
        for metric in values
        if metric.startswith(_COLLECTOR) and metric.endswith(".Count")
    }
    shuffle = "Shuffle.Netty."
    return TaskManagerMetricsInfo(
        heap_used=number("JVM.Memory.Heap.Used"),
        heap_committed=number("JVM.Memory.Heap.Committed"),
        heap_max=number("JVM.Memory.Heap.Max"),
        non_heap_used=number("JVM.Memory.NonHeap.Used"),
        non_heap_committed=number("JVM.Memory.NonHeap.Committed"),
        non_heap_max=number("JVM.Memory.NonHeap.Max"),
        direct_count=number("JVM.Memory.Direct.Count"),
        direct_used=number("JVM.Memory.Direct.MemoryUsed"),
        direct_max=number("JVM.Memory.Direct.TotalCapacity"),
        mapped_count=number("JVM.Memory.Mapped.Count"),
        mapped_used=number("JVM.Memory.Mapped.MemoryUsed"),
        mapped_max=number("JVM.Memory.Mapped.TotalCapacity"),
        memory_segments_available=number(f"{shuffle}AvailableMemorySegments"),
        memory_segments_total=number(f"{shuffle}TotalMemorySegments"),
        netty_shuffle_memory_segments_available=number(f"{shuffle}AvailableMemorySegments"),
        netty_shuffle_memory_segments_used=number(f"{shuffle}UsedMemorySegments"),
        netty_shuffle_memory_segments_total=number(f"{shuffle}TotalMemorySegments"),
        netty_shuffle_memory_available=number(f"{shuffle}AvailableMemory"),
        netty_shuffle_memory_used=number(f"{shuffle}UsedMemory"),
        netty_shuffle_memory_total=number(f"{shuffle}TotalMemory"),
        garbage_collectors=[
            GarbageCollectorInfo(
                name=name,
                count=number(f"JVM.GarbageCollector.{name}.Count"),
                time=number(f"JVM.GarbageCollector.{name}.Time"),
            )
            for name in sorted(collectors)
        ],
    )
