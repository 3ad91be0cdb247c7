"""Exactly-once sinks over a :class:`~millstream.testing.simulation.ledger.Ledger`: one of each kind that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.datastream.functions import (
    CheckpointCommitter,
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    GenericWriteAheadSink,
    RuntimeContext,
)
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

__all__ = ["COMMITTER", "TWO_PHASE", "WRITE_AHEAD", "LedgerSink", "LedgerTransactions", "LedgerWriteAhead"]

TWO_PHASE = "two-phase"
COMMITTER = "committer"
WRITE_AHEAD = "write-ahead"
_REFUSED_OF = 4


class LedgerTransactions(TwoPhaseCommitSinkFunction, CheckpointedFunction):
    """Writes between two checkpoints into one transaction."""

    _ended: int | None = None

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        pass  # it keeps none of its own

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        if self._ended is not None:
            observations().ledger.belongs_to(self._ended, context.get_checkpoint_id())
            self._ended = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._me = _of(TWO_PHASE, runtime_context)

    def begin_transaction(self) -> int:
        return observations().ledger.begin(self._me)

    def invoke(self, transaction: int, value: str, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        observations().ledger.write(transaction, value, self._me)

    def pre_commit(self, transaction: int) -> None:
        observations().ledger.pre_commit(transaction, self._me)
        self._ended = transaction

    def commit(self, transaction: int) -> None:
        observations().ledger.commit(transaction, self._me)

    def abort(self, transaction: int) -> None:
        observations().ledger.abort(transaction, self._me)


def _of(sink: str, context: RuntimeContext) -> WriterId:
    return observations().ledger.writer(sink, context.get_index_of_this_subtask(), context.get_attempt_number())


class LedgerWriteAhead(GenericWriteAheadSink):
    """Sends what the engine has kept; it becomes visible together with the note that it was sent."""

    def __init__(self) -> None:
        self._note = _LedgerNote()
        super().__init__(self._note)
        self._calls = 0

    def open(self, runtime_context: RuntimeContext) -> None:
        self._note.me = _of(WRITE_AHEAD, runtime_context)

    def send_values(self, values: Sequence[str], checkpoint_id: int, timestamp: int) -> bool:
        self._calls += 1
        if not self._calls % _REFUSED_OF:
            return False  # outside systems are away at times
        ledger, me = observations().ledger, self._note.me
        transaction = ledger.begin(me)
        for value in values:
            ledger.write(transaction, value, me)
        ledger.pre_commit(transaction, me)
        if checkpoint_id:
            self._note.sent = transaction
        else:
            ledger.commit(transaction, me)
        return True


class _LedgerNote(CheckpointCommitter):
    me: WriterId
    sent: int

    def commit_checkpoint(self, subtask_index: int, checkpoint_id: int) -> None:
        observations().ledger.commit_section(self.sent, (self.job_id, subtask_index, checkpoint_id), self.me)

    def is_checkpoint_committed(self, subtask_index: int, checkpoint_id: int) -> bool:
        return observations().ledger.has_section((self.job_id, subtask_index, checkpoint_id))


class LedgerSink(Sink, SupportsCommitter):
    """Hands its transactions over to a committer."""

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        return _LedgerWriter(_identity(context))

    def create_committer(self, context: CommitterInitContext) -> Committer:
        return _LedgerCommitter(_identity(context))


def _identity(context: WriterInitContext) -> WriterId:
    return observations().ledger.writer(COMMITTER, context.subtask_id, context.attempt_number)


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
