"""I1: every line that the job must give is in the committed output of each sink, as often as it must be."""

from __future__ import annotations

from collections import Counter

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_SHOWN = 5


def check(run: RunRecord) -> list[Violation]:
    """Look at the lines that are missing in the end, and at gaps that functions saw."""
    found = [Violation("I1", each.text, each.at) for each in run.complaints if each.invariant == "I1"]
    if run.expected is None:
        return found
    for sink, expected in sorted(run.expected.items()):
        missing = Counter(expected) - Counter(run.committed.get(sink, ()))
        if missing:
            shown = ", ".join(repr(line) for line in sorted(missing)[:_SHOWN])
            count = sum(missing.values())
            found.append(Violation("I1", f"{sink}: {count} of {len(expected)} lines are missing: {shown}"))
    return found
