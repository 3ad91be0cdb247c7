"""Faults of processes and hosts."""

from __future__ import annotations

from collections.abc import Callable

from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_trial import ROLES, Fault, FaultTrial

__all__ = ["PROCESS_FAULTS"]

_LONGEST_SKEW_MS = 600_000


def _kill(trial: FaultTrial) -> Fault | None:
    process = trial.process()
    if process is None:
        return None
    process.kill("by the nemesis")
    return Fault(process.name)


def _restart(trial: FaultTrial) -> Fault | None:
    hosts = trial.hosts()
    if not hosts:
        return None
    host = trial.random.choice(hosts)
    # Those that others depend on last: workers end by themselves when their TaskManager is gone.
    for role in reversed(ROLES):
        for process in trial.cluster.processes(role):
            if process.host == host:
                process.kill(f"{host} restarts")
    return Fault(host)


def _pause(trial: FaultTrial) -> Fault | None:
    process = trial.process()
    if process is None:
        return None
    process.pause()
    seconds = trial.for_a_while(0.05, 25.0)
    return Fault(f"{process.name} for {seconds:.3f} s", process.resume, seconds)


def _clock_skew(trial: FaultTrial) -> Fault | None:
    process = trial.process()
    if process is None:
        return None
    skew_ms = int(trial.for_a_while(1, _LONGEST_SKEW_MS)) * trial.random.choice((-1, 1))
    process.skew(skew_ms)
    return Fault(f"{process.name} by {skew_ms} ms", lambda: process.skew(0), trial.for_a_while(0.5, 30.0))


PROCESS_FAULTS: dict[FaultKind, Callable[[FaultTrial], Fault | None]] = {
    FaultKind.KILL: _kill,
    FaultKind.RESTART: _restart,
    FaultKind.PAUSE: _pause,
    FaultKind.CLOCK_SKEW: _clock_skew,
}
