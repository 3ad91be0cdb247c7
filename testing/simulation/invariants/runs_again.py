"""I11: when the faults are over the job runs again within a time, or has ended."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["RECOVERY_SECONDS", "check"]

RECOVERY_SECONDS = 120.0
"""Virtual seconds: of leases that must end, heartbeats, registrations and backoffs one after the other."""


def check(run: RunRecord) -> list[Violation]:
    """Look at when the job was first seen to run after the last fault."""
    if run.running_again is None:
        last = run.statuses[-1].status if run.statuses else "unknown"
        return [Violation("I11", f"the job did not run again after the last fault; it was {last} in the end")]
    took = run.running_again - run.last_fault_ended
    if took > RECOVERY_SECONDS:
        return [Violation("I11", f"the job ran again only {took:.1f} s after the last fault", run.running_again)]
    return []
