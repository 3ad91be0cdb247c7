"""I16: the user is told what went wrong: each failure has a text with a cause, and a user's own exception is in it."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at the failures that the cluster tells."""
    found = [Violation("I16", "a failure has no text") for text in run.failures if not text.strip(" :")]
    found += [
        Violation("I16", f"{wanted!r} happened, and no failure tells of it")
        for wanted in run.must_tell
        if not any(wanted in text for text in run.failures)
    ]
    last = run.statuses[-1].status if run.statuses else ""
    if last == "FAILED" and not run.failures:
        found.append(Violation("I16", "the job failed, and nobody is told why"))
    return found
