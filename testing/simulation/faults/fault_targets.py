"""What a nemesis may disturb."""

from __future__ import annotations

from typing import Protocol

from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.storage import SimulatedStorage
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper

__all__ = ["FaultTargets"]


class FaultTargets(Protocol):
    """A simulated cluster, as a nemesis sees it. Somebody else starts processes again that have ended."""

    @property
    def zookeeper(self) -> SimulatedZooKeeper | None:
        """``None``: the cluster has none."""
        ...

    @property
    def storage(self) -> SimulatedStorage | None:
        """``None``: what is stored is not simulated."""
        ...

    def processes(self, role: str) -> list[SimulatedProcess]:
        """Return the living processes of a role: ``master``, ``taskmanager`` or ``worker``."""
        ...
