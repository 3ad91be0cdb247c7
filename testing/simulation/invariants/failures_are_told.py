"""I16: the user is told what went wrong: each failure has a text with a cause, and where it was a user's own exception
that is named first, with its operator and its record. (Its line is nobody's: what fails here is the engine's own.)
"""

from __future__ import annotations

import re

from millstream.testing.simulation.checked_functions import InjectedError
from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_PARTS = (
    ("being named first", re.compile(rf"^{InjectedError.__name__}: ")),
    ("its operator", re.compile(r" \| operator '[^']+' ")),
    ("its record", re.compile(r" \| record .")),
)


def check(run: RunRecord) -> list[Violation]:
    """Look at the failures that the cluster tells."""
    found = [Violation("I16", "a failure has no text") for text in run.failures if not text.strip(" :")]
    found += [
        Violation("I16", f"a user's exception is told without {missing}: {text}")
        for text in run.failures
        if InjectedError.__name__ in text and (missing := _missing(text))
    ]
    found += [
        Violation("I16", f"{wanted!r} happened, and no failure tells of it")
        for wanted in run.must_tell
        if not any(wanted in text for text in run.failures)
    ]
    last = run.statuses[-1].status if run.statuses else ""
    if last == "FAILED" and not run.failures:
        found.append(Violation("I16", "the job failed, and nobody is told why"))
    return found


def _missing(text: str) -> str:
    """What a failure's first line does not tell of a user's exception."""
    return " and ".join(what for what, pattern in _PARTS if not pattern.search(text))
