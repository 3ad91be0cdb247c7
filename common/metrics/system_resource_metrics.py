"""The metrics of the host under Flink's names, ``System.*``, where ``metrics.system-resource`` asks for them."""

from __future__ import annotations

import os
from functools import partial
from typing import Final

from millstream.common.config.configuration import Configuration
from millstream.common.config.metric_options import MetricOptions
from millstream.common.metrics.host_figures import HostFigures
from millstream.common.metrics.metric_group import MetricGroup

__all__ = ["register_system_resource_metrics"]

_SHARES: Final = {
    "Usage": ("user", "nice", "system", "irq", "softirq", "steal"),
    "Idle": ("idle",),
    "Sys": ("system",),
    "User": ("user",),
    "IOWait": ("iowait",),
    "Irq": ("irq",),
    "SoftIrq": ("softirq",),
    "Nice": ("nice",),
    "Steal": ("steal",),
}


def register_system_resource_metrics(
    group: MetricGroup, configuration: Configuration, figures: HostFigures | None = None
) -> None:
    """Register the host's figures, if the configuration asks for them.

    :param group: of the scope of the master or the TaskManager.
    :param figures: where they come from; the host itself unless given.
    """
    if not configuration.get(MetricOptions.SYSTEM_RESOURCE):
        return
    import psutil

    host = figures if figures is not None else HostFigures()
    system = group.add_group("System")
    cpu = system.add_group("CPU")
    for name, activities in _SHARES.items():
        cpu.gauge(name, partial(host.cpu_share, *activities))
    for number in range(host.processors):
        cpu.gauge(f"UsageCPU{number}", partial(host.processor_share, number))
    for position, name in enumerate(("Load1min", "Load5min", "Load15min")):
        cpu.gauge(name, partial(_load, position))
    memory = system.add_group("Memory")
    memory.gauge("Available", lambda: psutil.virtual_memory().available)
    memory.gauge("Total", lambda: psutil.virtual_memory().total)
    swap = system.add_group("Swap")
    swap.gauge("Used", lambda: psutil.swap_memory().used)
    swap.gauge("Total", lambda: psutil.swap_memory().total)
    network = system.add_group("Network")
    for interface in host.interfaces:
        own = network.add_group(interface)
        own.gauge("ReceiveRate", partial(host.receive_rate, interface))
        own.gauge("SendRate", partial(host.send_rate, interface))


def _load(position: int) -> float:
    return os.getloadavg()[position]
