"""I7: a watermark never goes back within an attempt, timers come when it has passed them, and the same events are late
in every run.
"""

from __future__ import annotations

from collections import Counter

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_LATE = "late "


def check(run: RunRecord) -> list[Violation]:
    """Look at what functions complained of, and at the lines that tell of late events."""
    found = [Violation("I7", each.text, each.at) for each in run.complaints if each.invariant == "I7"]
    if run.expected is None:
        return found
    for sink, expected in sorted(run.expected.items()):
        wanted = Counter(line for line in expected if line.startswith(_LATE))
        late = Counter(line for line in run.committed.get(sink, ()) if line.startswith(_LATE))
        differing = sorted((late - wanted) + (wanted - late))
        if differing:
            found.append(Violation("I7", f"{sink}: other events are late than without faults: {differing[:5]}"))
    return found
