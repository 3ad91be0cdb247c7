"""Many seeds, in several operating system processes, and the account of all of them."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from millstream.testing.simulation.faults import FaultCoverage
from millstream.testing.simulation.run_report import RunReport

__all__ = ["Campaign", "SeedOutcome", "outcome_of", "parse_seeds", "run_campaign"]


@dataclass(slots=True)
class SeedOutcome:
    """What became of one seed.

    :ivar violations: each in words; empty: nothing is wrong.
    :ivar story: of a run that is wrong: what led to it.
    """

    seed: int
    violations: list[str]
    coverage: FaultCoverage
    simulated_seconds: float
    real_seconds: float
    digest: str
    story: str = ""


def outcome_of(report: RunReport) -> SeedOutcome:
    """Return what is kept of a run."""
    return SeedOutcome(
        report.seed,
        [str(violation) for violation in report.violations],
        report.coverage,
        report.simulated_seconds,
        report.real_seconds,
        report.digest,
        report.story() if report.violations else "",
    )


@dataclass(slots=True)
class Campaign:
    """The account of many seeds.

    :ivar failed: the outcomes in which something is wrong.
    """

    seeds: int = 0
    failed: list[SeedOutcome] = field(default_factory=list)
    coverage: FaultCoverage = field(default_factory=FaultCoverage)
    simulated_seconds: float = 0.0
    real_seconds: float = 0.0

    def add(self, outcome: SeedOutcome) -> None:
        """Take an outcome in."""
        self.seeds += 1
        self.coverage.add(outcome.coverage)
        self.simulated_seconds += outcome.simulated_seconds
        self.real_seconds += outcome.real_seconds
        if outcome.violations:
            self.failed.append(outcome)

    def report(self) -> str:
        """Return the numbers, for a reader."""
        faults = sum(self.coverage.faults.values()) + sum(self.coverage.struck.values())
        hours = self.simulated_seconds / 3600
        lines = [
            self.coverage.report(),
            "",
            f"{self.seeds} seeds, {faults} faults injected, {hours:.2f} simulated hours in {self.real_seconds:.0f} s",
            f"seeds with violations: {len(self.failed)}",
        ]
        if never := self.coverage.never_reached():
            lines.append(f"fault points that no run has reached: {', '.join(never)}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return the numbers as JSON."""
        summary = {
            "seeds": self.seeds,
            "simulated_hours": round(self.simulated_seconds / 3600, 4),
            "run_seconds": round(self.real_seconds, 1),
            "faults": dict(sorted(self.coverage.faults.items())),
            "fault_points_reached": dict(sorted(self.coverage.reached.items())),
            "fault_points_struck": dict(sorted(self.coverage.struck.items())),
            "fault_points_never_reached": self.coverage.never_reached(),
            "violations": {str(each.seed): each.violations for each in self.failed},
        }
        return json.dumps(summary, indent=2)


def run_campaign(
    run: Callable[[int], SeedOutcome],
    seeds: Iterable[int],
    workers: int,
    on_outcome: Callable[[SeedOutcome], None],
    *,
    until_violation: bool = False,
) -> Campaign:
    """Run all seeds.

    :param run: can be pickled, if there are several workers.
    :param workers: how many processes; with 1 all of it happens in this one.
    :param on_outcome: is told each outcome as it comes; the order is that of the seeds only with one worker.
    :param until_violation: begin no further seed when one has broken a promise.
    """
    campaign = Campaign()

    def goes_on() -> bool:
        return not (until_violation and campaign.failed)

    def take(outcome: SeedOutcome) -> None:
        campaign.add(outcome)
        on_outcome(outcome)

    if workers <= 1:
        for seed in seeds:
            take(run(seed))
            if not goes_on():
                break
        return campaign
    left = iter(seeds)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        # A few ahead, not all: there may be many.
        running: set[Future[SeedOutcome]] = {pool.submit(run, seed) for seed in islice(left, 2 * workers)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    take(future.result())
                    running |= {pool.submit(run, seed) for seed in islice(left, 1 if goes_on() else 0)}
        finally:
            for future in running:
                future.cancel()
    return campaign


def parse_seeds(text: str) -> list[int]:
    """Return the seeds that a text names: ``7``, ``0..999`` (both included), several parted by commas.

    :raises ValueError: it names none; the message says what it may be.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        if not first.isdecimal() or (dots and not last.isdecimal()):
            raise ValueError(f"{part.strip()!r} names no seeds: give a number, or a range such as 0..999")
        low, high = int(first), int(last) if dots else int(first)
        if high < low:
            raise ValueError(f"the range {part.strip()!r} is empty: its end is before its beginning")
        seeds += range(low, high + 1)
    return seeds
