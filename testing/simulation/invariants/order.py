"""I3: the events of a key come in order, to the subtask that the key belongs to. The job's functions see that."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what functions complained of. Gaps and repetitions in the order are I1 and I2."""
    return [Violation("I3", each.text, each.at) for each in run.complaints if each.invariant == "I3"]
