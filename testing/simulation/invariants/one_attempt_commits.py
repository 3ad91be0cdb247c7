"""I10: at most one attempt at a subtask gets what it wrote into the outside world.

A later attempt may commit an earlier one's transaction: it was part of the checkpoint that it goes on from. But what
was aborted must not be committed afterwards, nothing may be written after it was handed over, and no two attempts at a
subtask may commit the same checkpoint's work. An attempt that does not know yet that it is over may write into what
another has aborted: nobody will see that.
"""

from __future__ import annotations

from millstream.testing.simulation.ledger import WriterId
from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what the sinks' outside system was told."""
    found = []
    owners: dict[tuple[str, int, int], WriterId] = {}
    for entry in run.ledger.entries:
        transaction = run.ledger.transactions[entry.transaction]
        whose = f"transaction {entry.transaction} of {transaction.owner}"
        if entry.action == "commit" and entry.was == "aborted":
            found.append(Violation("I10", f"{entry.by} commits {whose}, which was aborted", entry.at))
        elif entry.action == "commit" and entry.was == "open":
            found.append(Violation("I10", f"{entry.by} commits {whose} before it was pre-committed", entry.at))
        elif entry.action == "write" and entry.was != "aborted":
            found.append(Violation("I10", f"{entry.by} writes into {whose}, which is {entry.was}", entry.at))
        elif entry.action == "abort" and entry.was == "committed":
            found.append(Violation("I10", f"{entry.by} aborts {whose}, which was committed", entry.at))
    for transaction in run.ledger.transactions:
        if transaction.state != "committed" or transaction.checkpoint_id is None:
            continue
        owner = transaction.owner
        other = owners.setdefault((owner.sink, owner.subtask, transaction.checkpoint_id), owner)
        if other != owner:
            text = f"{owner} and another {other} have both committed checkpoint {transaction.checkpoint_id}"
            found.append(Violation("I10", text))
    return found
