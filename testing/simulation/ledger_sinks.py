"""Exactly-once sinks over a :class:`~millstream.testing.simulation.ledger.Ledger`: one of each kind that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.datastream.functions import RuntimeContext
from millstream.datastream.functions.sink_function import SinkContext
from millstream.datastream.functions.two_phase_commit_sink_function import TwoPhaseCommitSinkFunction
from millstream.datastream.sink import (
    CommitRequest,
    Committer,
    CommitterInitContext,
    CommittingSinkWriter,
    Sink,
    SinkWriter,
    SupportsCommitter,
    WriterContext,
    WriterInitContext,
)
from millstream.testing.simulation.ledger import WriterId
from millstream.testing.simulation.observations import observations

__all__ = ["COMMITTER", "TWO_PHASE", "LedgerSink", "LedgerTransactions"]

TWO_PHASE = "two-phase"
COMMITTER = "committer"


class LedgerTransactions(TwoPhaseCommitSinkFunction):
    """Writes between two checkpoints into one transaction."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self._me = WriterId(
            TWO_PHASE, runtime_context.get_index_of_this_subtask(), runtime_context.get_attempt_number()
        )

    def begin_transaction(self) -> int:
        return observations().ledger.begin(self._me)

    def invoke(self, transaction: int, value: str, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        observations().ledger.write(transaction, value, self._me)

    def pre_commit(self, transaction: int) -> None:
        observations().ledger.pre_commit(transaction, self._me)

    def commit(self, transaction: int) -> None:
        observations().ledger.commit(transaction, self._me)

    def abort(self, transaction: int) -> None:
        observations().ledger.abort(transaction, self._me)


class LedgerSink(Sink, SupportsCommitter):
    """Hands its transactions over to a committer."""

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        return _LedgerWriter(_identity(context))

    def create_committer(self, context: CommitterInitContext) -> Committer:
        return _LedgerCommitter(_identity(context))


def _identity(context: WriterInitContext) -> WriterId:
    return WriterId(COMMITTER, context.subtask_id, context.attempt_number)


class _LedgerWriter(CommittingSinkWriter):
    def __init__(self, me: WriterId) -> None:
        self._me = me
        self._transaction: int | None = None

    def write(self, value: str, context: WriterContext) -> None:
        ledger = observations().ledger
        if self._transaction is None:
            self._transaction = ledger.begin(self._me)
        ledger.write(self._transaction, value, self._me)

    def prepare_commit(self) -> Sequence[Any]:
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            return ()
        observations().ledger.pre_commit(transaction, self._me)
        return (transaction,)

    def discard(self) -> None:
        if self._transaction is not None:
            observations().ledger.abort(self._transaction, self._me)
            self._transaction = None


class _LedgerCommitter(Committer):
    def __init__(self, me: WriterId) -> None:
        self._me = me

    def commit(self, requests: Sequence[CommitRequest]) -> None:
        for request in requests:
            observations().ledger.commit(request.get_committable(), self._me, request.checkpoint_id)
