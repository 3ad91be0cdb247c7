"""What the faults of all kinds are made from, and what one of them is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from millstream.testing.simulation.faults.fault_targets import FaultTargets
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation

__all__ = ["ROLES", "Fault", "FaultTrial"]

ROLES = ("master", "taskmanager", "worker")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that has begun.

    :ivar text: what it is, for readers.
    :ivar mend: ends it; ``None``: it was over at once.
    :ivar seconds: how long it goes on.
    """

    text: str
    mend: Callable[[], None] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FaultTrial:
    """What there is to choose from."""

    simulation: Simulation
    cluster: FaultTargets
    random: random.Random

    def process(self) -> SimulatedProcess | None:
        """Choose a process: first a role, so that the few masters come as often as the many workers."""
        by_role = [found for role in ROLES if (found := self.running(role))]
        return self.random.choice(self.random.choice(by_role)) if by_role else None

    def running(self, role: str) -> list[SimulatedProcess]:
        """Return the processes of a role that live and do not stand still."""
        return [process for process in self.cluster.processes(role) if process.alive and not process.paused]

    def hosts(self) -> list[str]:
        """Return the hosts of masters and TaskManagers."""
        return sorted({process.host for role in ("master", "taskmanager") for process in self.cluster.processes(role)})

    def for_a_while(self, least: float, most: float) -> float:
        """Choose a time in seconds: short ones as often as long ones, of each size."""
        return least * math.exp(math.log(most / least) * self.random.random())
