"""Lets processes fail at fault points: where two steps must not come apart, they are torn apart."""

from __future__ import annotations

from collections.abc import Callable

from millstream.common import fault_points
from millstream.common.fault_points import FaultPoint
from millstream.testing.simulation.faults.fault_coverage import FaultCoverage
from millstream.testing.simulation.simulated_process import ProcessKilled, SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.timeline import FAULT

__all__ = ["FaultPointStriker"]

_KILL_SHARE = 0.6
_ERROR_SHARE = 0.2
"""Where the code must bear errors; elsewhere, and otherwise, it is a pause."""
_WEAK_SHARE = 0.25
_MOST_STRIKES = 2
"""At one point in one run."""
_PAUSES_S = ((0.05, 1.0), (2.0, 20.0))


class FaultPointStriker:
    """Listens to the fault points of the product from when it is made until it is closed.

    :param coverage: what it counts in: of this run alone, for the run's course depends on it.
    :param aim: the name of a point that is struck for certain, as soon as anything may be; empty: none.
    :ivar probability: that something fails at a point that is reached for the first time; ``None``: it only counts.
    """

    def __init__(self, simulation: Simulation, coverage: FaultCoverage, aim: str = "") -> None:
        self.probability: float | None = None
        self._aim = aim
        self._simulation = simulation
        self._coverage = coverage
        self._random = simulation.source("fault points")
        self._weak: dict[FaultPoint, bool] = {}
        self._paused: dict[SimulatedProcess, Callable[[], None]] = {}
        self._end: Callable[[], None] | None = fault_points.listen(self._reached)

    def heal(self) -> None:
        """Strike no more, and let go on what stands still."""
        self.probability = None
        for process, forget in list(self._paused.items()):
            forget()
            self._resume(process)

    def close(self) -> None:
        """Listen no more. May be called twice."""
        if self._end is not None:
            self._end()
            self._end = None

    def _reached(self, point: FaultPoint) -> None:
        process = self._simulation.current_process()
        if process is None:
            return
        if not process.alive:
            raise ProcessKilled
        self._coverage.reached[point.name] += 1
        if self.probability is None or self._random.random() >= self._probability_of(point, self.probability):
            return
        self._coverage.struck[point.name] += 1
        draw = self._random.random()
        if draw < _KILL_SHARE:
            self._note(process, f"is killed at {point.name}")
            process.kill(f"at {point.name}: {point.moment}")
            raise ProcessKilled
        if point.error is not None and draw < _KILL_SHARE + _ERROR_SHARE:
            self._note(process, f"gets an error at {point.name}")
            raise point.error(f"injected at {point.name}: {point.moment}")
        self._pause(process, point)

    def _probability_of(self, point: FaultPoint, probability: float) -> float:
        """A few points are weak in each run, and weaker when they are reached for the first time: else those that
        every task comes to at every checkpoint would take all the strikes, and those of a job's end would get none.
        """
        if point.name == self._aim:
            self._aim = ""
            return 1.0
        weak = self._weak.get(point)
        if weak is None:
            weak = self._weak[point] = self._simulation.source(f"fault point {point.name}").random() < _WEAK_SHARE
        if not weak or self._coverage.struck[point.name] >= _MOST_STRIKES:
            return 0.0
        return probability / _WEAK_SHARE / self._coverage.reached[point.name]

    def _pause(self, process: SimulatedProcess, point: FaultPoint) -> None:
        if process.paused or process in self._paused:
            return
        seconds = self._random.uniform(*self._random.choice(_PAUSES_S))
        self._note(process, f"stands still for {seconds:.3f} s at {point.name}")
        process.pause()
        self._paused[process] = self._simulation.at(seconds, lambda: self._resume(process))

    def _resume(self, process: SimulatedProcess) -> None:
        self._paused.pop(process, None)
        process.resume()

    def _note(self, process: SimulatedProcess, text: str) -> None:
        self._simulation.timeline.record(FAULT, text, process.name)
