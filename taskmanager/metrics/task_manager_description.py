"""What a TaskManager says of its machine and of its memory when it registers.

The memory model is Flink's, filled with what is configured, so that whoever knows the one reads the other: a Python
process does not divide its memory so, but managed memory and network buffers are what they say. Without a size the
process may take what the machine has.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from millstream.common.config import Configuration, TaskManagerMemoryOptions, TaskManagerOptions
from millstream.common.wire.cluster_pb2 import MemoryConfiguration, TaskManagerDescription
from millstream.taskmanager.state.rocksdb.slot_memory import slot_budget

__all__ = ["HostResources", "describe_task_manager", "network_memory"]


@dataclass(frozen=True, slots=True)
class HostResources:
    """What the machine has.

    :ivar physical_memory: bytes.
    :ivar free_memory: bytes that could be had when somebody looked.
    """

    cpu_cores: int
    physical_memory: int
    free_memory: int

    @staticmethod
    def of_this_host() -> HostResources:
        """Look now."""
        import psutil

        memory = psutil.virtual_memory()
        return HostResources(os.cpu_count() or 1, int(memory.total), int(memory.available))


def describe_task_manager(configuration: Configuration, host: HostResources) -> TaskManagerDescription:
    """Return what the ResourceManager is told."""
    memory = _memory(configuration, host)
    return TaskManagerDescription(
        cpu_cores=host.cpu_cores,
        physical_memory=host.physical_memory,
        free_memory=min(host.free_memory, memory.total_process_memory),
        managed_memory=memory.managed_memory,
        memory=memory,
    )


def network_memory(configuration: Configuration, total_flink_memory: int) -> int:
    """Bytes for network buffers: a share, within bounds."""
    share = int(total_flink_memory * configuration.get(TaskManagerMemoryOptions.NETWORK_FRACTION))
    largest = configuration.get(TaskManagerMemoryOptions.NETWORK_MAX)
    share = share if largest is None else min(share, largest)
    return max(share, configuration.get(TaskManagerMemoryOptions.NETWORK_MIN))


def _memory(configuration: Configuration, host: HostResources) -> MemoryConfiguration:
    process, flink, metaspace, overhead = _totals(configuration, host)
    managed = (slot_budget(configuration) or 0) * configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)
    network = network_memory(configuration, flink)
    framework_heap = configuration.get(TaskManagerMemoryOptions.FRAMEWORK_HEAP_SIZE)
    framework_off_heap = configuration.get(TaskManagerMemoryOptions.FRAMEWORK_OFF_HEAP_SIZE)
    task_off_heap = configuration.get(TaskManagerMemoryOptions.TASK_OFF_HEAP_SIZE)
    task_heap = configuration.get(TaskManagerMemoryOptions.TASK_HEAP_SIZE)
    if task_heap is None:  # all that is left
        task_heap = max(0, flink - managed - network - framework_heap - framework_off_heap - task_off_heap)
    return MemoryConfiguration(
        framework_heap=framework_heap,
        task_heap=task_heap,
        framework_off_heap=framework_off_heap,
        task_off_heap=task_off_heap,
        network_memory=network,
        managed_memory=managed,
        metaspace=metaspace,
        overhead=overhead,
        total_flink_memory=flink,
        total_process_memory=process,
    )


def _totals(configuration: Configuration, host: HostResources) -> tuple[int, int, int, int]:
    """Memory of the process, of the engine with its jobs, and the two parts by which they differ."""
    metaspace = configuration.get(TaskManagerMemoryOptions.JVM_METASPACE_SIZE)
    share = configuration.get(TaskManagerMemoryOptions.JVM_OVERHEAD_FRACTION)
    process = configuration.get(TaskManagerMemoryOptions.PROCESS_SIZE)
    flink = configuration.get(TaskManagerMemoryOptions.FLINK_SIZE)
    if process is None and flink is not None:
        overhead = _bounded(configuration, int((flink + metaspace) * share / (1 - share)))
        return flink + metaspace + overhead, flink, metaspace, overhead
    process = host.physical_memory if process is None else process
    overhead = _bounded(configuration, int(process * share))
    return process, flink if flink is not None else max(0, process - metaspace - overhead), metaspace, overhead


def _bounded(configuration: Configuration, overhead: int) -> int:
    largest = configuration.get(TaskManagerMemoryOptions.JVM_OVERHEAD_MAX)
    return max(min(overhead, largest), configuration.get(TaskManagerMemoryOptions.JVM_OVERHEAD_MIN))
