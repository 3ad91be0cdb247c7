"""I4: no record is damaged on its way. Each event bears a checksum, which the job's functions look at."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what functions complained of."""
    return [Violation("I4", each.text, each.at) for each in run.complaints if each.invariant == "I4"]
