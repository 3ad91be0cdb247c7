"""Runs a ``TwoPhaseCommitSinkFunction``: keeps its transactions and says when each is committed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.graph.operator_spec import SinkFunctionSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import TwoPhaseCommitSinkFunction
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.last_checkpoint import comes_last_checkpoint
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.sink_context import RecordSinkContext
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["TwoPhaseCommitSinkOperator"]

_log = logging.getLogger(__name__)

_PRE_COMMITTED: Final = FaultPoint(
    "sink.pre-committed", "a transaction is prepared for a commit, it is in no checkpoint", MillstreamError
)
_TRANSACTION_DUE: Final = FaultPoint(
    "sink.transaction-due", "a checkpoint is complete, a transaction of it is not committed", MillstreamError
)
_TRANSACTION_COMMITTED: Final = FaultPoint(
    "sink.transaction-committed", "a transaction is committed, its task does not know that", MillstreamError
)

_TRANSACTIONS = " sink-transactions"


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A transaction of the user's.

    :ivar begun: when, ms since the Unix epoch.
    :ivar checkpoint_id: the checkpoint that ended it; ``None``: it is open.
    """

    handle: Any
    begun: int
    checkpoint_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Transactions:
    """A subtask's state.

    :ivar pending: those to be committed when the checkpoint is complete.
    :ivar open: the one that was begun for what comes after it.
    :ivar user_context: see ``initialize_user_context``.
    """

    pending: tuple[_Transaction, ...]
    open: _Transaction | None
    user_context: Any = None


class TwoPhaseCommitSinkOperator(Operator):
    """At most one transaction is open; it is replaced at each snapshot."""

    def __init__(self, spec: SinkFunctionSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._states = context.state
        self._waits_at_end = comes_last_checkpoint(context)
        self._clock = context.clock
        self._user = UserFunction(spec.function, "invoke", context)
        self._function: TwoPhaseCommitSinkFunction = spec.function
        self._context = RecordSinkContext(context.clock)
        self._open: _Transaction | None = None
        self._pending: list[_Transaction] = []
        self._finished = False
        self._phase = ""
        self._broken: BaseException | None = None
        self._records = 0

    def initialize_state(self) -> None:
        self._user.initialize_state()

    def open(self) -> None:
        self._user.open()
        if self._states.is_restored:
            for state in self._states.operator().items(_TRANSACTIONS) or ():
                self._recover(state)
        if self._function.get_user_context() is None:
            self._function.set_user_context(self._function.initialize_user_context())
        self._begin()

    def close(self) -> None:
        try:
            if self._open is not None:
                transaction, self._open = self._open, None
                self._function.abort(transaction.handle)
        finally:
            self._user.close()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._context.watermark = watermark.timestamp
        return (watermark,)

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        handle = self._current().handle
        values = batch.values
        it = iter(values)
        invoke = self._function.invoke
        context = self._context
        if batch.timestamps is None:
            context.record_timestamp = None
            for value in it:
                invoke(handle, value, context)
        else:
            for timestamp, value in zip(batch.timestamps, it):  # noqa: B905  # of equal length by contract
                context.record_timestamp = timestamp
                invoke(handle, value, context)
        self._records += len(values)
        return ()

    def finish(self) -> Iterable[Output]:
        transaction = self._current()
        self._function.finish_processing(transaction.handle)
        self._finished = True
        if not self._waits_at_end:
            self._end(None)
            self._commit_pending(None)
        return ()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        if self._broken is not None or not self._finished:
            self._current()
        try:
            if self._open is not None:
                self._end(checkpoint.checkpoint_id)
            if not self._finished:
                self._begin()
            self._user.snapshot_state(checkpoint)
        except BaseException as error:
            # Half prepared, nobody knows what another attempt would do to it: the job has to go back.
            self._broken = error
            raise
        state = _Transactions(tuple(self._pending), self._open, self._function.get_user_context())
        self._states.operator().put_items(_TRANSACTIONS, [state])

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        self._commit_pending(checkpoint_id)
        self._user.notify_checkpoint_complete(checkpoint_id)
        return ()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._user.notify_checkpoint_aborted(checkpoint_id)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if self._phase:
            return FailureSite(self._info, self._phase)
        if phase is not None:
            return FailureSite(self._info, phase)
        found = frame_variables(error, TwoPhaseCommitSinkOperator.process_batch.__code__)
        return FailureSite(self._info, "invoke", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records

    def _current(self) -> _Transaction:
        if self._broken is not None:
            raise MillstreamError(
                f"sink {self._info.name!r} cannot go on after a checkpoint for which its transaction could not be "
                f"prepared: {self._broken!r}"
            ) from self._broken
        if self._open is None:
            raise RuntimeError(f"sink {self._info.name!r} has no open transaction: it was not opened, or has ended")
        return self._open

    def _begin(self) -> None:
        self._phase = "begin_transaction"
        self._open = _Transaction(self._function.begin_transaction(), self._clock.now_ms())
        self._phase = ""

    def _end(self, checkpoint_id: int | None) -> None:
        transaction = self._current()
        self._phase = "pre_commit"
        self._function.pre_commit(transaction.handle)
        _PRE_COMMITTED.reach()
        self._phase = ""
        self._open = None
        self._pending.append(_Transaction(transaction.handle, transaction.begun, checkpoint_id))

    def _commit_pending(self, checkpoint_id: int | None) -> None:
        """Commit those up to a checkpoint; ``None``: all."""
        while self._pending:
            transaction = self._pending[0]
            if checkpoint_id is not None and (
                transaction.checkpoint_id is None or transaction.checkpoint_id > checkpoint_id
            ):
                return
            self._warn_if_old(transaction)
            self._phase = "commit"
            _TRANSACTION_DUE.reach()
            self._function.commit(transaction.handle)
            _TRANSACTION_COMMITTED.reach()
            self._phase = ""
            del self._pending[0]

    def _recover(self, state: _Transactions) -> None:
        """All of it belongs to the checkpoint that the job goes on from, which is complete."""
        function = self._function
        function.set_user_context(state.user_context)
        handled = []
        for transaction in state.pending:
            self._recover_and_commit(transaction)
            handled.append(transaction.handle)
        if state.open is not None:
            self._phase = "recover_and_abort"
            function.recover_and_abort(state.open.handle)
            self._phase = ""
            handled.append(state.open.handle)
        if state.user_context is not None:
            function.finish_recovering_context(handled)

    def _recover_and_commit(self, transaction: _Transaction) -> None:
        function = self._function
        self._warn_if_old(transaction)
        self._phase = "recover_and_commit"
        try:
            function.recover_and_commit(transaction.handle)
        except Exception as error:
            timeout = function.transaction_timeout_ms
            age = self._clock.now_ms() - transaction.begun
            if not function.ignores_failures_after_timeout or timeout is None or age <= timeout:
                raise
            _log.error(
                "sink %s: the transaction %.200r of checkpoint %s cannot be committed any more, %d ms after it was "
                "begun (the timeout is %d ms): its records are lost: %s",
                self._info.name,
                transaction.handle,
                transaction.checkpoint_id,
                age,
                timeout,
                error,
                exc_info=error,
            )
        self._phase = ""

    def _warn_if_old(self, transaction: _Transaction) -> None:
        timeout, ratio = self._function.transaction_timeout_ms, self._function.warning_ratio
        if timeout is None or ratio is None:
            return
        age = self._clock.now_ms() - transaction.begun
        if age > timeout * ratio:
            _log.warning(
                "sink %s: the transaction %.200r is %d ms old, and the outside system gives it up after %d ms: make "
                "checkpoints faster, or the timeout longer",
                self._info.name,
                transaction.handle,
                age,
                timeout,
            )
