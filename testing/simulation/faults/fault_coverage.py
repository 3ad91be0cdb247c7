"""Counts, over many runs, which fault points were reached and which faults happened: what the runs have proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from millstream.common.fault_points import FaultPoint, all_fault_points

__all__ = ["FaultCoverage"]


@dataclass(slots=True)
class FaultCoverage:
    """Of one run, or of many that were added up.

    :ivar runs: how many.
    :ivar reached: how often each fault point was.
    :ivar struck: how often something was let fail there.
    :ivar faults: how often each kind of fault happened.
    """

    runs: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: FaultCoverage) -> None:
        """Add what other runs have covered."""
        self.runs += other.runs
        self.reached.update(other.reached)
        self.struck.update(other.struck)
        self.faults.update(other.faults)

    def never_reached(self, points: Iterable[FaultPoint] | None = None) -> list[str]:
        """Return the names of the points that no run has come to, sorted; of all that there are."""
        return sorted(point.name for point in _all(points) if not self.reached[point.name])

    def never_struck(self, points: Iterable[FaultPoint] | None = None) -> list[str]:
        """Return the names of the points where nothing was ever let fail, sorted; of all that there are."""
        return sorted(point.name for point in _all(points) if not self.struck[point.name])

    def report(self) -> str:
        """Return a table for readers: each point with its counts, then each kind of fault."""
        points = all_fault_points()
        width = max([len(point.name) for point in points] + [len("fault point")])
        lines = [f"{self.runs} runs", f"{'fault point':<{width}}  {'reached':>9}  {'struck':>7}  moment"]
        lines += [
            f"{point.name:<{width}}  {self.reached[point.name]:>9}  {self.struck[point.name]:>7}  {point.moment}"
            for point in points
        ]
        lines.append("")
        lines += [f"{kind:<{width}}  {count:>9}" for kind, count in sorted(self.faults.items())]
        return "\n".join(lines)


def _all(points: Iterable[FaultPoint] | None) -> Iterable[FaultPoint]:
    return all_fault_points() if points is None else points
