"""Faults of ZooKeeper."""

from __future__ import annotations

from collections.abc import Callable

from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_trial import Fault, FaultTrial

__all__ = ["ZOOKEEPER_FAULTS"]


def _expiry(trial: FaultTrial) -> Fault | None:
    zookeeper = trial.cluster.zookeeper
    if zookeeper is None or not zookeeper.sessions:
        return None
    session = trial.random.choice(zookeeper.sessions)
    zookeeper.expire(session)
    return Fault(f"session {session:#x}")


def _outage(trial: FaultTrial) -> Fault | None:
    zookeeper = trial.cluster.zookeeper
    if zookeeper is None:
        return None
    servers = len(zookeeper.hosts)
    down = trial.random.sample(range(servers), trial.random.randint(1, servers))
    for number in down:
        zookeeper.stop_server(number)

    def start() -> None:
        for number in down:
            zookeeper.start_server(number)

    return Fault(f"{len(down)} of {servers} servers are down", start, trial.for_a_while(0.1, 20.0))


ZOOKEEPER_FAULTS: dict[FaultKind, Callable[[FaultTrial], Fault | None]] = {
    FaultKind.ZOOKEEPER_EXPIRY: _expiry,
    FaultKind.ZOOKEEPER_OUTAGE: _outage,
}
