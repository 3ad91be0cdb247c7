"""TaskManagers: what they have, what they use, what runs in their slots."""

from __future__ import annotations

from pydantic import Field

from millstream.dispatcher.rest.messages.base import CamelMessage

__all__ = [
    "GarbageCollectorInfo",
    "HardwareDescription",
    "ResourceProfileInfo",
    "SlotInfo",
    "TaskExecutorMemoryConfiguration",
    "TaskManagerDetailsInfo",
    "TaskManagerInfo",
    "TaskManagerMetricsInfo",
    "TaskManagersInfo",
]


class ResourceProfileInfo(CamelMessage):
    """Resources of slots; memory in MiB."""

    cpu_cores: float
    task_heap_memory: int
    task_off_heap_memory: int
    managed_memory: int
    network_memory: int
    extended_resources: dict[str, float] = Field(default_factory=dict)


class HardwareDescription(CamelMessage):
    """What the process has; memory in bytes."""

    cpu_cores: int
    physical_memory: int
    free_memory: int
    managed_memory: int


class TaskExecutorMemoryConfiguration(CamelMessage):
    """What the process was configured with, bytes."""

    framework_heap: int
    task_heap: int
    framework_off_heap: int
    task_off_heap: int
    network_memory: int
    managed_memory: int
    jvm_metaspace: int
    jvm_overhead: int
    total_flink_memory: int
    total_process_memory: int


class TaskManagerInfo(CamelMessage):
    """A TaskManager.

    :ivar path: where it is called.
    :ivar data_port: where it exchanges records; 0: each slot has its own.
    :ivar jmx_port: always -1.
    :ivar time_since_last_heartbeat: when it was last heard of, ms since the epoch, whatever its name says.
    """

    id: str
    path: str
    data_port: int
    jmx_port: int
    time_since_last_heartbeat: int
    slots_number: int
    free_slots: int
    total_resource: ResourceProfileInfo
    free_resource: ResourceProfileInfo
    hardware: HardwareDescription
    memory_configuration: TaskExecutorMemoryConfiguration


class TaskManagersInfo(CamelMessage):
    """All TaskManagers."""

    taskmanagers: list[TaskManagerInfo]


class SlotInfo(CamelMessage):
    """A slot that a job has."""

    job_id: str
    resource: ResourceProfileInfo


class GarbageCollectorInfo(CamelMessage):
    """How often a collector has run, and for how long, ms."""

    name: str
    count: int
    time: int


class TaskManagerMetricsInfo(CamelMessage):
    """What the process uses: bytes, and numbers of buffers."""

    heap_used: int
    heap_committed: int
    heap_max: int
    non_heap_used: int
    non_heap_committed: int
    non_heap_max: int
    direct_count: int
    direct_used: int
    direct_max: int
    mapped_count: int
    mapped_used: int
    mapped_max: int
    memory_segments_available: int
    memory_segments_total: int
    netty_shuffle_memory_segments_available: int
    netty_shuffle_memory_segments_used: int
    netty_shuffle_memory_segments_total: int
    netty_shuffle_memory_available: int
    netty_shuffle_memory_used: int
    netty_shuffle_memory_total: int
    garbage_collectors: list[GarbageCollectorInfo]


class TaskManagerDetailsInfo(TaskManagerInfo):
    """A TaskManager, what runs in its slots and what it uses."""

    allocated_slots: list[SlotInfo]
    metrics: TaskManagerMetricsInfo
