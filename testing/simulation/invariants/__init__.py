"""The promises that hold under any fault, each as a check of what a run has left behind."""

from __future__ import annotations

from collections.abc import Callable

from millstream.testing.simulation.invariants import (
    checkpoints_only_forward,
    commits_after_completion,
    ended_stays_ended,
    event_time,
    failures_are_told,
    intact_records,
    no_deadlock,
    no_duplicate,
    no_loss,
    nothing_left_over,
    one_attempt_commits,
    one_leader_writes,
    order,
    readable_savepoints,
    right_results,
    runs_again,
)
from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["CHECKS", "check_all"]

CHECKS: tuple[Callable[[RunRecord], list[Violation]], ...] = (
    no_loss.check,
    no_duplicate.check,
    commits_after_completion.check,
    order.check,
    intact_records.check,
    right_results.check,
    event_time.check,
    checkpoints_only_forward.check,
    one_leader_writes.check,
    one_attempt_commits.check,
    runs_again.check,
    ended_stays_ended.check,
    no_deadlock.check,
    nothing_left_over.check,
    readable_savepoints.check,
    failures_are_told.check,
)
"""I1 to I16; I5 and I6 are one."""


def check_all(run: RunRecord) -> list[Violation]:
    """Return everything that is wrong with a run."""
    return [violation for check in CHECKS for violation in check(run)]
