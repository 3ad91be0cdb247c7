"""Disturbs a simulated cluster by the seed: bursts of faults, quiet times between, all healed in the end.

Whatever it breaks it mends: who stands still goes on, what is cut off is reached again, wrong clocks are set right.
After the horizon nothing is broken any more and nothing breaks, so a job must go on and come to its end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from millstream.testing.simulation.faults.fault_coverage import FaultCoverage
from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_point_striker import FaultPointStriker
from millstream.testing.simulation.faults.fault_targets import FaultTargets
from millstream.testing.simulation.faults.fault_trial import FaultTrial
from millstream.testing.simulation.faults.network_faults import NETWORK_FAULTS
from millstream.testing.simulation.faults.process_faults import PROCESS_FAULTS
from millstream.testing.simulation.faults.storage_troubles import STORAGE_FAULTS
from millstream.testing.simulation.faults.zookeeper_faults import ZOOKEEPER_FAULTS
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.timeline import FAULT

__all__ = ["Nemesis"]

_TRIALS = {**PROCESS_FAULTS, **NETWORK_FAULTS, **STORAGE_FAULTS, **ZOOKEEPER_FAULTS}
_LARGEST_BURST = 3
_WITHIN_BURST_S = 2.0


class Nemesis:
    """Makes trouble in a cluster.

    :param kinds: of these kinds.
    :param first: seconds from now until the first burst at the earliest: a cluster has to come up.
    :param horizon: seconds from now after which all is well for good.
    :param quiet: seconds between two bursts, on average.
    :param fault_point_probability: of a strike at a fault point that is reached for the first time; less the more
        often it was.
    :param aim: the name of a fault point that is struck for certain when it is reached between ``first`` and
        ``horizon``; empty: none.
    :ivar coverage: what happened in this run.
    """

    def __init__(
        self,
        simulation: Simulation,
        cluster: FaultTargets,
        kinds: Iterable[FaultKind],
        *,
        first: float = 3.0,
        horizon: float = 60.0,
        quiet: float = 6.0,
        fault_point_probability: float = 0.1,
        aim: str = "",
    ) -> None:
        chosen = set(kinds)
        self.coverage = FaultCoverage(runs=1)
        self._simulation = simulation
        self._cluster = cluster
        self._random: random.Random = simulation.source("nemesis")
        # In an order that does not depend on how they were given.
        self._kinds = [kind for kind in FaultKind if kind in chosen and kind in _TRIALS]
        self._horizon = simulation.elapsed + horizon
        self._quiet = quiet
        self._active: dict[FaultKind, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._is_over = False
        self._striker = FaultPointStriker(simulation, self.coverage, aim)
        simulation.on_close(self.close)
        if FaultKind.FAULT_POINT in chosen:
            simulation.at(first, lambda: self._let_strike(fault_point_probability))
        if self._kinds:
            simulation.at(first + self._random.expovariate(1 / quiet), self._burst)
        simulation.at(horizon, self.heal)

    @property
    def is_over(self) -> bool:
        """All is well, and stays so."""
        return self._is_over

    def heal(self) -> None:
        """Mend everything and break nothing any more."""
        if self._is_over:
            return
        self._is_over = True
        for kind in list(self._active):
            self._mend(kind)
        self._striker.heal()
        self._simulation.timeline.record(FAULT, "no more faults from now on")

    def close(self) -> None:
        """Count no more. May be called twice."""
        self._striker.close()

    def _let_strike(self, probability: float) -> None:
        if not self._is_over:
            self._striker.probability = probability

    def _burst(self) -> None:
        if self._is_over:
            return
        for _ in range(self._random.randint(1, _LARGEST_BURST)):
            self._simulation.at(self._random.uniform(0, _WITHIN_BURST_S), self._strike)
        self._simulation.at(_WITHIN_BURST_S + self._random.expovariate(1 / self._quiet), self._burst)

    def _strike(self) -> None:
        """Let one fault happen, unless one of its kind goes on."""
        kind = self._random.choice(self._kinds)
        if self._is_over or kind in self._active:
            return
        trial = FaultTrial(self._simulation, self._cluster, self._random)
        fault = _TRIALS[kind](trial)
        if fault is None:
            return  # there is nothing of that kind to break at present
        self.coverage.faults[kind.value] += 1
        self._simulation.timeline.record(FAULT, f"{kind.value}: {fault.text}")
        if fault.mend is not None:
            seconds = min(fault.seconds, self._horizon - self._simulation.elapsed)
            forget = self._simulation.at(max(seconds, 0.0), lambda: self._mend(kind))
            self._active[kind] = fault.mend, forget

    def _mend(self, kind: FaultKind) -> None:
        mend, forget = self._active.pop(kind)
        forget()
        mend()
        self._simulation.timeline.record(FAULT, f"{kind.value}: over")
