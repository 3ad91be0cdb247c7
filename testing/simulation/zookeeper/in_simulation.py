"""The model of ZooKeeper within a simulation: its time, its network, its seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from millstream.testing.simulation.simulation import Simulation

__all__ = ["SimulationScheduler"]


class SimulationScheduler:
    """A :class:`~millstream.testing.simulation.zookeeper.scheduler.Scheduler`. Servers are in no process."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._random = simulation.source("zookeeper")

    @property
    def random(self) -> random.Random:
        return self._random

    @property
    def now(self) -> float:
        return self._simulation.elapsed

    @property
    def now_ms(self) -> int:
        return self._simulation.now_ms

    def at(self, delay: float, action: Callable[[], None]) -> Callable[[], None]:
        return self._simulation.at(delay, action)

    def latency(self, sender: str, receiver: str) -> float:
        return self._simulation.network.delay(sender, receiver)

    def is_cut(self, sender: str, receiver: str) -> bool:
        return not self._simulation.network.is_reachable(sender, receiver)
