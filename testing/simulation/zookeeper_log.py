"""Keeps what was written to ZooKeeper, and who led at that moment: what the fence is checked by."""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import CheckNode, DeleteNode, SetNode
from millstream.testing.simulation.run_record import WriteKind, ZooKeeperWrite
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper
from millstream.testing.simulation.zookeeper.tree import Change

__all__ = ["ZooKeeperLog"]


class ZooKeeperLog:
    """Observes an ensemble.

    :param root: of the cluster; other paths are nobody's business.
    :ivar writes: in order.
    """

    def __init__(self, simulation: Simulation, zookeeper: SimulatedZooKeeper, root: str) -> None:
        self._simulation = simulation
        self._zookeeper = zookeeper
        self._root = root
        self.writes: list[ZooKeeperWrite] = []
        zookeeper.observe(self._written)

    def _written(self, session_id: int, changes: Sequence[Change]) -> None:
        conditions = tuple(self._below(change.path) for change in changes if isinstance(change, CheckNode))
        for change in changes:
            if isinstance(change, CheckNode) or not change.path.startswith(f"{self._root}/"):
                continue
            kind: WriteKind
            if isinstance(change, DeleteNode):
                kind, data = "delete", b""
            elif isinstance(change, SetNode):
                kind, data = "set", change.data
            else:
                kind, data = "create", change.data
            path = self._below(change.path)
            write = ZooKeeperWrite(
                self._simulation.elapsed, session_id, kind, path, data, self._candidates(), conditions
            )
            self.writes.append(write)
            # What nodes hold names hosts and directories of this machine.
            text = f"session {session_id & 0xFFFF} did {kind} {path} {data.decode() if data.isdigit() else ''}"
            self._simulation.timeline.record("zookeeper", text.rstrip())

    def _candidates(self) -> tuple[tuple[str, int], ...]:
        parent = f"{self._root}{paths.LATCH}/"
        nodes = [path for path in self._zookeeper.paths() if path.startswith(parent)]
        nodes.sort(key=lambda path: int(path.rpartition("-")[2]))
        return tuple((self._below(path), self._zookeeper.node(path)[1].ephemeral_owner) for path in nodes)

    def _below(self, path: str) -> str:
        return path.removeprefix(self._root)
