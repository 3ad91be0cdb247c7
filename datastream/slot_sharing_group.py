"""Groups of operators that may share slots."""

from __future__ import annotations

from dataclasses import dataclass, field

from millstream.datastream.memory_size import MemorySize

__all__ = ["MemorySize", "SlotSharingGroup", "SlotSharingGroupBuilder"]


@dataclass(frozen=True)
class SlotSharingGroup:
    """A named group, with the resources that a slot for it should have.

    Slots are all alike in this version: the name decides which operators share slots, the resources are kept for
    display.
    """

    name: str
    cpu_cores: float | None = None
    task_heap_memory: MemorySize | None = None
    task_off_heap_memory: MemorySize | None = None
    managed_memory: MemorySize | None = None
    external_resources: dict[str, float] = field(default_factory=dict)

    def get_name(self) -> str:
        return self.name

    def get_managed_memory(self) -> MemorySize | None:
        return self.managed_memory

    def get_task_heap_memory(self) -> MemorySize | None:
        return self.task_heap_memory

    def get_task_off_heap_memory(self) -> MemorySize | None:
        return self.task_off_heap_memory

    def get_cpu_cores(self) -> float | None:
        return self.cpu_cores

    def get_external_resources(self) -> dict[str, float]:
        return dict(self.external_resources)

    @staticmethod
    def builder(name: str) -> SlotSharingGroupBuilder:
        """Start a new group."""
        return SlotSharingGroupBuilder(name)


class SlotSharingGroupBuilder:
    """Builds a :class:`SlotSharingGroup`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._cpu_cores: float | None = None
        self._task_heap_memory: MemorySize | None = None
        self._task_off_heap_memory: MemorySize | None = None
        self._managed_memory: MemorySize | None = None
        self._external_resources: dict[str, float] = {}

    def set_cpu_cores(self, cpu_cores: float) -> SlotSharingGroupBuilder:
        if cpu_cores <= 0:
            raise ValueError(f"The cpu cores should be positive, not {cpu_cores}.")
        self._cpu_cores = cpu_cores
        return self

    def set_task_heap_memory(self, task_heap_memory: MemorySize) -> SlotSharingGroupBuilder:
        self._task_heap_memory = task_heap_memory
        return self

    def set_task_heap_memory_mb(self, task_heap_memory_mb: int) -> SlotSharingGroupBuilder:
        return self.set_task_heap_memory(MemorySize.of_mebi_bytes(task_heap_memory_mb))

    def set_task_off_heap_memory(self, task_off_heap_memory: MemorySize) -> SlotSharingGroupBuilder:
        self._task_off_heap_memory = task_off_heap_memory
        return self

    def set_task_off_heap_memory_mb(self, task_off_heap_memory_mb: int) -> SlotSharingGroupBuilder:
        return self.set_task_off_heap_memory(MemorySize.of_mebi_bytes(task_off_heap_memory_mb))

    def set_managed_memory(self, managed_memory: MemorySize) -> SlotSharingGroupBuilder:
        self._managed_memory = managed_memory
        return self

    def set_managed_memory_mb(self, managed_memory_mb: int) -> SlotSharingGroupBuilder:
        return self.set_managed_memory(MemorySize.of_mebi_bytes(managed_memory_mb))

    def set_external_resource(self, name: str, value: float) -> SlotSharingGroupBuilder:
        self._external_resources[name] = value
        return self

    def build(self) -> SlotSharingGroup:
        """Return the group.

        :raises ValueError: cpu cores without task heap memory or the other way round.
        """
        sized = (self._task_heap_memory, self._task_off_heap_memory, self._managed_memory)
        if self._cpu_cores is not None and self._task_heap_memory is None:
            raise ValueError(f"Slot sharing group {self._name!r}: set_cpu_cores needs set_task_heap_memory too.")
        if self._task_heap_memory is not None and self._task_heap_memory.get_bytes() <= 0:
            raise ValueError(f"Slot sharing group {self._name!r}: the task heap memory must be positive.")
        if self._cpu_cores is None and (any(size is not None for size in sized) or self._external_resources):
            raise ValueError(f"Slot sharing group {self._name!r}: resources need set_cpu_cores too.")
        return SlotSharingGroup(
            self._name,
            self._cpu_cores,
            self._task_heap_memory,
            self._task_off_heap_memory,
            self._managed_memory,
            dict(self._external_resources),
        )


SlotSharingGroup.Builder = SlotSharingGroupBuilder  # type: ignore[attr-defined]  # PyFlink nests the class
