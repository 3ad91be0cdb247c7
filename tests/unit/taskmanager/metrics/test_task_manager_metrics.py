"""What a TaskManager says of itself: sums over its slots, and a memory model that adds up."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import Configuration
from millstream.common.metrics import MetricScope
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump
from millstream.taskmanager.metrics.task_manager_description import HostResources, describe_task_manager
from millstream.taskmanager.metrics.task_manager_metrics import TaskManagerMetrics
from millstream.taskmanager.metrics.worker_figures import BUFFERS, BUFFERS_USED, MANAGED_MEMORY, WORKER

HOST = HostResources(cpu_cores=4, physical_memory=16 << 30, free_memory=8 << 30)
MB = 1 << 20

NAMES = {
    *(f"Status.JVM.CPU.{name}" for name in ("Load", "Time")),
    *(
        f"Status.JVM.Memory.{kind}.{name}"
        for kind in ("Heap", "NonHeap", "Metaspace")
        for name in ("Used", "Committed", "Max")
    ),
    *(
        f"Status.JVM.Memory.{kind}.{name}"
        for kind in ("Direct", "Mapped")
        for name in ("Count", "MemoryUsed", "TotalCapacity")
    ),
    "Status.JVM.Threads.Count",
    *(f"Status.JVM.GarbageCollector.All.{name}" for name in ("Count", "Time", "TimeMsPerSecond")),
    *(f"Status.JVM.ClassLoader.Classes{name}" for name in ("Loaded", "Unloaded")),
    *(f"Status.Flink.Memory.Managed.{name}" for name in ("Used", "Total")),
    *(f"Status.Network.{name}MemorySegments" for name in ("Available", "Total")),
    *(
        f"Status.Shuffle.Netty.{name}Memory{unit}"
        for name in ("Available", "Used", "Total")
        for unit in ("", "Segments")
    ),
    "Status.Shuffle.Netty.RequestedMemoryUsage",
}


def _configuration(**memory: str) -> Configuration:
    settings = {
        f"taskmanager.memory.{name.replace('_', '-' if name.startswith('segment') else '.')}": value
        for name, value in memory.items()
    }
    return Configuration.from_map({"taskmanager.numberOfTaskSlots": "2", **settings})


def _of_slot(buffers: int, used: int, managed: int) -> MetricDump:
    dump = MetricDump()
    group = dump.groups.add(scope=WORKER)
    for name, value in ((BUFFERS, buffers), (BUFFERS_USED, used), (MANAGED_MEMORY, managed)):
        group.metrics.add(name=name, whole_number=value)
    dump.groups.add(scope="TASK", variables={"task_name": f"of {buffers}"})
    return dump


def _dump(configuration: Configuration, *of_slots: MetricDump) -> list[MetricGroupDump]:
    description = describe_task_manager(configuration, HOST)
    metrics = TaskManagerMetrics(configuration, MetricScope.task_manager("h", "tm"), description, lambda: [os.getpid()])
    try:
        return list(metrics.dump(of_slots, 1.0, 2).groups)
    finally:
        metrics.close()


def _values(group: MetricGroupDump) -> dict[str, float]:
    return {
        ".".join((*(each.name for each in value.groups), value.name)): value.whole_number or value.number
        for value in group.metrics
    }


def test_all_names_are_there() -> None:
    (own,) = _dump(_configuration())
    assert own.scope == "TASK_MANAGER"
    assert dict(own.variables) == {"host": "h", "tm_id": "tm"}
    assert set(_values(own)) >= NAMES
    others = {name for name in _values(own) if name not in NAMES}
    assert all(name.startswith("Status.JVM.GarbageCollector.Generation") for name in others)


def test_buffers_and_managed_memory_are_those_of_all_slots() -> None:
    configuration = _configuration(process_size="2 gb", segment_size="32 kb", network_min="64 mb", network_max="64 mb")
    own, *tasks = _dump(configuration, _of_slot(100, 10, 7 * MB), _of_slot(50, 20, 0))
    found = _values(own)
    assert found["Status.Shuffle.Netty.UsedMemorySegments"] == 30
    assert found["Status.Shuffle.Netty.TotalMemorySegments"] == 2048
    assert found["Status.Shuffle.Netty.AvailableMemorySegments"] == 2018
    assert found["Status.Shuffle.Netty.UsedMemory"] == 30 * 32 * 1024
    assert found["Status.Shuffle.Netty.RequestedMemoryUsage"] == 7
    assert found["Status.Flink.Memory.Managed.Used"] == 7 * MB
    assert found["Status.JVM.Memory.Heap.Max"] == 2 << 30
    assert [task.variables["task_name"] for task in tasks] == ["of 100", "of 50"]


def test_tasks_may_have_more_buffers_than_are_configured() -> None:
    (own, _) = _dump(_configuration(segment_size="1 mb", network_min="1 mb", network_max="2 mb"), _of_slot(5, 5, 0))
    assert _values(own)["Status.Shuffle.Netty.TotalMemorySegments"] == 5
    assert _values(own)["Status.Shuffle.Netty.AvailableMemorySegments"] == 0


def test_a_description_without_settings_is_that_of_the_machine() -> None:
    found = describe_task_manager(_configuration(), HOST)
    assert (found.cpu_cores, found.physical_memory, found.free_memory) == (4, 16 << 30, 8 << 30)
    assert found.memory.total_process_memory == 16 << 30
    assert found.managed_memory == found.memory.managed_memory > 0
    assert found.data_port == 0


def test_a_description_with_the_memory_of_the_process() -> None:
    found = describe_task_manager(_configuration(process_size="2 gb"), HOST)
    memory = found.memory
    assert memory.total_process_memory == 2 << 30
    assert found.free_memory == 2 << 30
    assert memory.total_flink_memory + memory.metaspace + memory.overhead == 2 << 30
    assert memory.network_memory == pytest.approx(memory.total_flink_memory / 10, abs=1)


@given(st.integers(900, 100_000), st.booleans())
def test_the_parts_of_a_memory_model_add_up(megabytes: int, of_process: bool) -> None:
    key = "process_size" if of_process else "flink_size"
    memory = describe_task_manager(_configuration(**{key: f"{megabytes} mb"}), HOST).memory
    parts = (
        memory.framework_heap
        + memory.task_heap
        + memory.framework_off_heap
        + memory.task_off_heap
        + memory.network_memory
        + memory.managed_memory
    )
    assert memory.total_flink_memory + memory.metaspace + memory.overhead == memory.total_process_memory
    assert parts == memory.total_flink_memory or memory.task_heap == 0
