"""I9: whatever is written for the leader's successors is written by the candidate whose node is the smallest at that
moment, under the condition that it is there.

Nodes without data (parents that are made on the way) and the candidates' own nodes are nobody's words.
"""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord, ZooKeeperWrite
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]

_LATCH = "/leader/latch"
_KEPT = ("/leader/", "/jobs/", "/jobgraphs/", "/results/")


def check(run: RunRecord) -> list[Violation]:
    """Look at each write and at who led then."""
    return [
        Violation("I9", text, write.at) for write in run.writes if _matters(write) and (text := _what_is_wrong(write))
    ]


def _matters(write: ZooKeeperWrite) -> bool:
    if write.path.startswith(_LATCH) or not write.path.startswith(_KEPT):
        return False
    return bool(write.data) or write.kind == "delete"


def _what_is_wrong(write: ZooKeeperWrite) -> str:
    what = f"session {write.session:#x} did {write.kind} {write.path}"
    if not write.latch:
        return f"{what} when nobody led"
    leader, session = write.latch[0]
    if session != write.session:
        return f"{what} when session {session:#x} led"
    if leader not in write.conditions:
        return f"{what} without the condition that {leader} is there"
    return ""
