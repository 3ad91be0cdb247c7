"""I5 and I6: state is the fold of the input, and windows, joins and timers give what they give without faults.

Both show as committed lines that no run without faults has: a sum that is too small, a window with one event too many.
"""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_SHOWN = 5


def check(run: RunRecord) -> list[Violation]:
    """Look at lines that should not be there at all."""
    if run.expected is None:
        return []
    invariant = "I6" if run.stage == "windows" else "I5"
    found = []
    for sink, lines in sorted(run.committed.items()):
        wrong = sorted(set(lines) - set(run.expected.get(sink, ())))
        if wrong:
            shown = ", ".join(map(repr, wrong[:_SHOWN]))
            found.append(Violation(invariant, f"{sink}: {len(wrong)} lines are wrong: {shown}"))
    return found
