"""Faults of the network."""

from __future__ import annotations

from collections.abc import Callable

from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_trial import Fault, FaultTrial

__all__ = ["NETWORK_FAULTS"]

_SHORTEST_S = 0.2
_LONGEST_S = 25.0


def _sides(trial: FaultTrial) -> tuple[list[str], list[str]] | None:
    """A host, and those it is to be cut off from: ZooKeeper, some other hosts, or all."""
    hosts = trial.hosts()
    zookeeper = trial.cluster.zookeeper
    if len(hosts) < 2:
        return None
    one = trial.random.choice(hosts)
    others = [host for host in hosts if host != one]
    ensemble = [] if zookeeper is None else zookeeper.hosts
    choices = [others + ensemble, trial.random.sample(others, trial.random.randint(1, len(others)))]
    if ensemble:
        choices += [ensemble, others]
    return [one], trial.random.choice(choices)


def _partition(trial: FaultTrial) -> Fault | None:
    sides = _sides(trial)
    if sides is None:
        return None
    heal = trial.simulation.network.partition(*sides)
    return Fault(f"{sides[0][0]} from {', '.join(sides[1])}", heal, trial.for_a_while(_SHORTEST_S, _LONGEST_S))


def _one_way_partition(trial: FaultTrial) -> Fault | None:
    sides = _sides(trial)
    if sides is None:
        return None
    sender, receiver = sides if trial.random.random() < 0.5 else (sides[1], sides[0])
    heal = trial.simulation.network.partition(sender, receiver, one_way=True)
    text = f"from {', '.join(sender)} to {', '.join(receiver)}"
    return Fault(text, heal, trial.for_a_while(_SHORTEST_S, _LONGEST_S))


def _delay(trial: FaultTrial) -> Fault:
    latency, jitter = trial.for_a_while(0.005, 1.0), trial.for_a_while(0.005, 1.0)
    heal = trial.simulation.network.set_conditions(latency=latency, jitter=jitter)
    return Fault(f"{latency:.3f} s and up to {jitter:.3f} s", heal, trial.for_a_while(_SHORTEST_S, 10.0))


def _loss(trial: FaultTrial) -> Fault:
    loss = trial.for_a_while(0.005, 0.3)
    return Fault(
        f"{loss:.3f}", trial.simulation.network.set_conditions(loss=loss), trial.for_a_while(_SHORTEST_S, 10.0)
    )


def _duplicate(trial: FaultTrial) -> Fault:
    part = trial.for_a_while(0.02, 1.0)
    heal = trial.simulation.network.set_conditions(duplicate=part)
    return Fault(f"{part:.3f}", heal, trial.for_a_while(_SHORTEST_S, _LONGEST_S))


def _reorder(trial: FaultTrial) -> Fault:
    part = trial.for_a_while(0.02, 1.0)
    heal = trial.simulation.network.set_conditions(reorder=part)
    return Fault(f"{part:.3f}", heal, trial.for_a_while(_SHORTEST_S, _LONGEST_S))


def _reset(trial: FaultTrial) -> Fault | None:
    hosts = trial.hosts()
    zookeeper = trial.cluster.zookeeper
    if zookeeper is not None and hosts and trial.random.random() < 0.4:
        host = trial.random.choice(hosts)
        zookeeper.break_connections(host)
        return Fault(f"{host} and ZooKeeper")
    if len(hosts) < 2:
        return None
    one, other = trial.random.sample(hosts, 2)
    trial.simulation.network.reset_connections(one, other)
    return Fault(f"{one} and {other}")


NETWORK_FAULTS: dict[FaultKind, Callable[[FaultTrial], Fault | None]] = {
    FaultKind.PARTITION: _partition,
    FaultKind.ONE_WAY_PARTITION: _one_way_partition,
    FaultKind.DELAY: _delay,
    FaultKind.LOSS: _loss,
    FaultKind.DUPLICATE: _duplicate,
    FaultKind.REORDER: _reorder,
    FaultKind.RESET: _reset,
}
