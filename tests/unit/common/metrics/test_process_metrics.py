"""Processes and hosts answer under Flink's names."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading

import pytest

from millstream.common.config.configuration import Configuration
from millstream.common.metrics import MetricGroup
from millstream.common.metrics.garbage_collection import GarbageCollections
from millstream.common.metrics.host_figures import HostFigures, HostLook
from millstream.common.metrics.process_figures import ProcessFigures
from millstream.common.metrics.process_metrics import ProcessMetrics
from millstream.common.metrics.system_resource_metrics import register_system_resource_metrics


def test_every_name_of_a_process_is_there() -> None:
    group = MetricGroup()
    process = ProcessMetrics(group, memory_limit_bytes=2**30)
    try:
        gc.collect()
        group.update(5.0)
        values = dict(group.values())
    finally:
        process.close()
        process.close()
    memory = [
        f"{pool}.{figure}" for pool in ("Heap", "NonHeap", "Metaspace") for figure in ("Used", "Committed", "Max")
    ]
    memory += [
        f"{pool}.{figure}" for pool in ("Direct", "Mapped") for figure in ("Count", "MemoryUsed", "TotalCapacity")
    ]
    collectors = ("Generation0", "Generation1", "Generation2", "All")
    figures = ("Count", "Time", "TimeMsPerSecond")
    names = {
        "CPU.Load", "CPU.Time", "Threads.Count", "ClassLoader.ClassesLoaded", "ClassLoader.ClassesUnloaded",
        *(f"Memory.{name}" for name in memory),
        *(f"GarbageCollector.{name}.{figure}" for name in collectors for figure in figures),
    }  # fmt: skip
    assert set(values) == {f"Status.JVM.{name}" for name in names}
    assert 2**20 < int(values["Status.JVM.Memory.Heap.Used"] or 0) < 2**34
    assert values["Status.JVM.Memory.Heap.Max"] == 2**30
    assert int(values["Status.JVM.Threads.Count"] or 0) >= threading.active_count() - 1
    assert int(values["Status.JVM.GarbageCollector.All.Count"] or 0) >= 1
    assert int(values["Status.JVM.CPU.Time"] or 0) > 0


def test_the_host_is_the_limit_where_no_other_is_known() -> None:
    group = MetricGroup()
    ProcessMetrics(group).close()
    assert int(dict(group.values())["Status.JVM.Memory.Heap.Max"] or 0) > 2**27


def test_other_processes_count_too_until_they_end() -> None:
    now = 0.0
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        alone = ProcessFigures(monotonic=lambda: now).read()
        figures = ProcessFigures(lambda: [child.pid, os.getpid()], lambda: now)
        both = figures.read()
        assert both.private_bytes > alone.private_bytes
        assert both.threads == alone.threads + 1
        assert both.cpu_load == 0
        assert figures.read() is both
    finally:
        child.communicate(b"\n", timeout=30)
    now = 10.0
    after = figures.read()
    assert after.threads == alone.threads
    assert after.cpu_seconds >= both.cpu_seconds
    assert 0 <= after.cpu_load <= 1


def test_collections_are_timed_while_somebody_watches() -> None:
    ticks = iter(range(0, 10**9, 2_000_000))
    collections = GarbageCollections(lambda: next(ticks))
    before = len(gc.callbacks)
    gc.disable()
    try:
        collections.start()
        gc.collect()
        gc.collect(0)
        collections.close()
        gc.collect()
    finally:
        gc.enable()
    assert (collections.time_ms(), collections.time_ms(2), collections.time_ms(0)) == (4, 2, 2)
    assert len(gc.callbacks) == before


def test_host_metrics_are_there_only_when_they_are_asked_for() -> None:
    group = MetricGroup()
    register_system_resource_metrics(group, Configuration())
    assert dict(group.values()) == {}
    register_system_resource_metrics(group, Configuration.from_map({"metrics.system-resource": "true"}))
    values = dict(group.values())
    shares = ("Usage", "Idle", "Sys", "User", "IOWait", "Irq", "SoftIrq", "Nice", "Steal")
    assert {
        *(f"System.CPU.{name}" for name in shares),
        *(f"System.CPU.{name}" for name in ("Load1min", "Load5min", "Load15min", "UsageCPU0")),
        "System.Memory.Available", "System.Memory.Total", "System.Swap.Used", "System.Swap.Total",
        "System.Network.lo.ReceiveRate", "System.Network.lo.SendRate",
    } <= set(values)  # fmt: skip
    assert 0 < float(values["System.Memory.Available"] or 0) <= float(values["System.Memory.Total"] or 0)


def test_shares_and_rates_are_those_between_two_looks() -> None:
    looks = [
        HostLook({"user": 10, "idle": 90}, ((10, 50), (0, 50)), {"eth0": 1000}, {"eth0": 0}),
        HostLook({"user": 40, "idle": 160}, ((40, 100), (0, 100)), {"eth0": 6000}, {"eth0": 500}),
    ]
    now = 0.0
    figures = HostFigures(lambda: looks.pop(0), lambda: now)
    assert (figures.cpu_share("user"), figures.receive_rate("eth0"), figures.processor_share(0)) == (0, 0, 0)
    now = 10.0
    assert figures.cpu_share("user") == pytest.approx(30)
    assert figures.cpu_share("idle") == pytest.approx(70)
    assert figures.processor_share(0) == pytest.approx(60)
    assert figures.processor_share(1) == 0
    assert (figures.receive_rate("eth0"), figures.send_rate("eth0")) == (500, 50)
    assert figures.send_rate("gone") == 0
