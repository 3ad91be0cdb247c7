"""I2, before it shows: nothing is committed before the checkpoint that it is part of is complete.

A job that failed between the two would give it again. A checkpoint is complete when its pointer is in ZooKeeper;
without high availability nothing is looked at, nor in runs of two jobs, whose ids are the same numbers. A later one
that is complete first will do: what was prepared for the earlier one is in it too.
"""

from __future__ import annotations

from millstream.testing.simulation.invariants.checkpoints_only_forward import pointer_of
from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at each commit, and at when the pointer was made. Savepoints have none."""
    made: dict[int, float] = {}
    jobs = set()
    for write in run.writes:
        pointer = pointer_of(write)
        if pointer is not None and write.kind == "create":
            jobs.add(pointer[0])
            made[pointer[1]] = write.at
    if len(jobs) > 1:
        return []
    found = []
    for entry in run.ledger.entries:
        transaction = run.ledger.transactions[entry.transaction]
        checkpoint_id = transaction.checkpoint_id
        if entry.action != "commit" or checkpoint_id is None or checkpoint_id not in made:
            continue
        if min(at for each, at in made.items() if each >= checkpoint_id) > entry.at:
            text = f"{entry.by} commits transaction {entry.transaction} before checkpoint {checkpoint_id} is complete"
            found.append(Violation("I2", text, entry.at))
    return found
