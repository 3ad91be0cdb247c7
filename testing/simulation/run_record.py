"""Everything that is known of a run when it is over: what the checks of the invariants look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from millstream.testing.simulation.ledger import Ledger
from millstream.testing.simulation.observations import Complaint, Restore

__all__ = ["JobStatusSeen", "RunRecord", "WriteKind", "ZooKeeperWrite"]

WriteKind: TypeAlias = Literal["create", "set", "delete"]


@dataclass(frozen=True, slots=True)
class ZooKeeperWrite:
    """A change of a node that was carried out.

    :ivar session: whose.
    :ivar path: below the cluster's root: ``/jobs/...``.
    :ivar data: what the node holds then; empty of one that was deleted.
    :ivar latch: at that moment, the candidates' nodes, smallest first, each with its session.
    :ivar conditions: the nodes that had to be there in the same transaction.
    """

    at: float
    session: int
    kind: WriteKind
    path: str
    data: bytes
    latch: tuple[tuple[str, int], ...]
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobStatusSeen:
    """What somebody who asked was told of the job."""

    at: float
    job_id: str
    status: str


@dataclass(slots=True)
class RunRecord:
    """One run of one job.

    :ivar expected: the lines that each sink must have in the end, sorted, by sink; ``None``: they are not known.
    :ivar committed: those that it has, sorted, by sink.
    :ivar stage: what makes the lines: ``windows`` (joins too) or ``state``.
    :ivar complaints: of the job's own functions.
    :ivar restores: what the job's functions went on from.
    :ivar ledger: what the sinks' outside system was told.
    :ivar writes: to ZooKeeper, in order.
    :ivar savepoints: the numbers of those that the cluster says are complete, with when it said so.
    :ivar statuses: in order.
    :ivar job_ended: when the job was globally terminal; ``None``: it never was.
    :ivar last_fault_ended: when all faults were over.
    :ivar running_again: when the job was first seen to run, or to have ended, after that; ``None``: never.
    :ivar failures: the texts of the job's failures that the cluster tells, with what caused them.
    :ivar must_tell: each of these must be in one of the failures' texts.
    :ivar accounts: what was wrong with workers' accounts of network buffers, by which worker, when first seen.
    :ivar unhandled: what nobody in any process handled.
    :ivar left_over: processes, connections, tasks and files that should be gone after the end.
    :ivar other_parallelism: what is wrong with how the job went on at another parallelism.
    """

    expected: Mapping[str, list[str]] | None = None
    committed: dict[str, list[str]] = field(default_factory=dict)
    stage: Literal["windows", "state"] = "state"
    complaints: list[Complaint] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger(lambda: 0.0))
    writes: list[ZooKeeperWrite] = field(default_factory=list)
    savepoints: list[tuple[float, int]] = field(default_factory=list)
    statuses: list[JobStatusSeen] = field(default_factory=list)
    job_ended: float | None = None
    last_fault_ended: float = 0.0
    running_again: float | None = None
    failures: list[str] = field(default_factory=list)
    must_tell: list[str] = field(default_factory=list)
    accounts: dict[str, float] = field(default_factory=dict)
    unhandled: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    other_parallelism: list[str] = field(default_factory=list)
