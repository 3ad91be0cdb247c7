"""I2: no line is in the committed output more often than the job gives it, and no function sees an event twice."""

from __future__ import annotations

from collections import Counter

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_SHOWN = 5


def check(run: RunRecord) -> list[Violation]:
    """Look at lines that are there too often, and at events that functions saw again."""
    found = [Violation("I2", each.text, each.at) for each in run.complaints if each.invariant == "I2"]
    if run.expected is None:
        return found
    for sink, lines in sorted(run.committed.items()):
        wanted = Counter(run.expected.get(sink, ()))
        again = {line: count - wanted[line] for line, count in Counter(lines).items() if count > wanted[line] > 0}
        if again:
            shown = ", ".join(repr(line) for line in sorted(again)[:_SHOWN])
            found.append(Violation("I2", f"{sink}: {sum(again.values())} lines are there too often: {shown}"))
    return found
