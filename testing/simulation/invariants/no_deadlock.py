"""I13: nothing waits for ever: a job of bounded input ends, once the faults are over.

While it runs, all network buffers are accounted for. A credit that is lost, a buffer that does not come back or a
barrier that nobody answers shows as a job that runs and does nothing.
"""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at the accounts, and at whether the job has ended. A job that does not even run is I11."""
    found = [Violation("I13", text, at) for text, at in run.accounts.items()]
    if run.job_ended is None and run.running_again is not None:
        found.append(Violation("I13", "the job runs and does not end, long after all of its input should be read"))
    return found
