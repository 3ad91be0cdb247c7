"""Options of a TaskManager's memory, as Flink divides it. They are accepted so that a Flink configuration loads."""

from __future__ import annotations

from typing import Final

from millstream.common.config.memory_size import MEMORY_SIZE
from millstream.common.config.option import Effect, FormerKey, option, optional
from millstream.common.config.value_kind import FRACTION

__all__ = ["TaskManagerMemoryOptions"]


def _in_megabytes(text: str) -> str:
    return f"{text.strip()}m" if text.strip().isdigit() else text


class TaskManagerMemoryOptions:
    """TaskManager memory"""

    PROCESS_SIZE: Final = optional(
        "taskmanager.memory.process.size",
        MEMORY_SIZE,
        "Memory of the TaskManager in all.",
        former=("taskmanager.heap.size", FormerKey("taskmanager.heap.mb", _in_megabytes)),
    )
    FLINK_SIZE: Final = optional(
        "taskmanager.memory.flink.size",
        MEMORY_SIZE,
        "Memory of the TaskManager without a JVM's overhead and metaspace.",
    )
    TASK_HEAP_SIZE: Final = optional(
        "taskmanager.memory.task.heap.size", MEMORY_SIZE, "JVM heap for user functions.", effect=Effect.JVM_ONLY
    )
    TASK_OFF_HEAP_SIZE: Final = option(
        "taskmanager.memory.task.off-heap.size",
        MEMORY_SIZE,
        0,
        "Memory of user functions outside the JVM heap.",
        effect=Effect.JVM_ONLY,
    )
    FRAMEWORK_HEAP_SIZE: Final = option(
        "taskmanager.memory.framework.heap.size",
        MEMORY_SIZE,
        128 << 20,
        "JVM heap of the engine itself.",
        effect=Effect.JVM_ONLY,
    )
    FRAMEWORK_OFF_HEAP_SIZE: Final = option(
        "taskmanager.memory.framework.off-heap.size",
        MEMORY_SIZE,
        128 << 20,
        "Memory of the engine itself outside the JVM heap.",
        effect=Effect.JVM_ONLY,
    )
    MANAGED_FRACTION: Final = option(
        "taskmanager.memory.managed.fraction",
        FRACTION,
        0.4,
        "Share of the memory for state backends and sorting.",
        former=("taskmanager.memory.fraction",),
    )
    MANAGED_SIZE: Final = optional(
        "taskmanager.memory.managed.size",
        MEMORY_SIZE,
        "Memory for state backends and sorting, where it is not a share.",
        former=(FormerKey("taskmanager.memory.size", _in_megabytes),),
    )
    NETWORK_FRACTION: Final = option(
        "taskmanager.memory.network.fraction",
        FRACTION,
        0.1,
        "Share of the memory for network buffers.",
        former=("taskmanager.network.memory.fraction",),
        effect=Effect.RESERVED,
    )
    NETWORK_MIN: Final = option(
        "taskmanager.memory.network.min",
        MEMORY_SIZE,
        64 << 20,
        "Least memory for network buffers.",
        former=("taskmanager.network.memory.min",),
        effect=Effect.RESERVED,
    )
    NETWORK_MAX: Final = optional(
        "taskmanager.memory.network.max",
        MEMORY_SIZE,
        "Most memory for network buffers. Unset: no bound.",
        former=("taskmanager.network.memory.max",),
        effect=Effect.RESERVED,
    )
    JVM_METASPACE_SIZE: Final = option(
        "taskmanager.memory.jvm-metaspace.size",
        MEMORY_SIZE,
        256 << 20,
        "Metaspace of the TaskManager's JVM.",
        effect=Effect.JVM_ONLY,
    )
    JVM_OVERHEAD_FRACTION: Final = option(
        "taskmanager.memory.jvm-overhead.fraction",
        FRACTION,
        0.1,
        "Share of the memory for the JVM itself.",
        effect=Effect.JVM_ONLY,
    )
    JVM_OVERHEAD_MIN: Final = option(
        "taskmanager.memory.jvm-overhead.min",
        MEMORY_SIZE,
        192 << 20,
        "Least memory for the JVM itself.",
        effect=Effect.JVM_ONLY,
    )
    JVM_OVERHEAD_MAX: Final = option(
        "taskmanager.memory.jvm-overhead.max",
        MEMORY_SIZE,
        1 << 30,
        "Most memory for the JVM itself.",
        effect=Effect.JVM_ONLY,
    )
