"""I12: a job that has finished, failed or been cancelled stays so, whoever leads and whoever is asked."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_TERMINAL = frozenset({"FINISHED", "FAILED", "CANCELED"})


def check(run: RunRecord) -> list[Violation]:
    """Look at what was told of each job after it had ended, and at attempts that began then."""
    ended: dict[str, str] = {}
    found = []
    for seen in run.statuses:
        before = ended.get(seen.job_id)
        if before is not None and seen.status != before:
            text = f"job {seen.job_id} was {before}, and is {seen.status} afterwards"
            found.append(Violation("I12", text, seen.at))
        if seen.status in _TERMINAL:
            ended.setdefault(seen.job_id, seen.status)
    if run.job_ended is not None:
        found += [
            Violation("I12", f"{each.function}[{each.subtask}] begins after the job's end", each.at)
            for each in run.restores
            if each.at > run.job_ended
        ]
    return found
