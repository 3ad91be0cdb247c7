"""Sinks that write into transactions of an outside system."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from millstream.datastream.functions.sink_function import RichSinkFunction, SinkContext

__all__ = ["TwoPhaseCommitSinkFunction"]

_S = TypeVar("_S", bound="TwoPhaseCommitSinkFunction")


class TwoPhaseCommitSinkFunction(RichSinkFunction):
    """Writes the records between two checkpoints into one transaction, which is committed when the second is complete.

    What the outside system has to offer: transactions that stay open for as long as a checkpoint takes to come and be
    completed, and the restart of a job besides; that can be committed and aborted by another process than the one that
    has begun them, by what :meth:`begin_transaction` returned (it is pickled); and to commit one twice must be the same
    as once. Then each record is written exactly once.

    After a failure the transactions of the checkpoint that the job goes on from are committed first, once more, and the
    one that was open then is aborted.

    The order of calls per subtask: ``open``, those of recovery, ``begin_transaction``; at each checkpoint
    ``pre_commit`` and ``begin_transaction`` of the next; when it is complete ``commit``. Without checkpoints the only
    transaction is committed when the input ends.
    """

    _transaction_timeout_ms: int | None = None
    _ignores_failures_after_timeout = False
    _warning_ratio: float | None = None

    @abstractmethod
    def begin_transaction(self) -> Any:
        """Begin a transaction and return what it is known by: something that can be pickled."""

    @abstractmethod
    def invoke(self, transaction: Any, value: Any, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        """Write one record into the transaction."""

    @abstractmethod
    def pre_commit(self, transaction: Any) -> None:
        """Nothing more will be written: get ready to commit, so that :meth:`commit` cannot fail any more.

        If it raises, the job fails.
        """

    @abstractmethod
    def commit(self, transaction: Any) -> None:
        """Make what was written visible. If it raises, the job fails, and it is called again after the restart."""

    @abstractmethod
    def abort(self, transaction: Any) -> None:
        """Throw away what was written. May be called twice, and of a transaction that no one knows any more."""

    def recover_and_commit(self, transaction: Any) -> None:
        """Commit a transaction of an earlier attempt, which may be committed already."""
        self.commit(transaction)

    def recover_and_abort(self, transaction: Any) -> None:
        """Abort a transaction of an earlier attempt."""
        self.abort(transaction)

    def finish_processing(self, transaction: Any) -> None:  # optional hook
        """The input has ended: write what is kept into the last transaction."""

    def initialize_user_context(self) -> Any:
        """Return something that is to be kept in checkpoints, once for all transactions; ``None``: nothing.

        Called when there is none yet, before the first transaction begins.
        """
        return None

    def finish_recovering_context(self, handled_transactions: Sequence[Any]) -> None:  # optional hook
        """These transactions were recovered; :meth:`get_user_context` is what was kept with them."""

    def get_user_context(self) -> Any:
        """What :meth:`initialize_user_context` returned, in this attempt or an earlier one."""
        return getattr(self, "_user_context", None)

    def set_user_context(self, user_context: Any) -> None:
        """Called by the engine."""
        self._user_context = user_context

    def set_transaction_timeout(self: _S, transaction_timeout: int) -> _S:
        """Say after how long, in ms, the outside system gives an open transaction up."""
        if isinstance(transaction_timeout, bool) or not isinstance(transaction_timeout, int) or transaction_timeout < 0:
            raise ValueError(f"a transaction timeout is a number of milliseconds from 0, not {transaction_timeout!r}")
        self._transaction_timeout_ms = transaction_timeout
        return self

    def ignore_failures_after_transaction_timeout(self: _S) -> _S:
        """If a transaction cannot be recovered and is older than the timeout, log the loss and go on.

        Else the job would fail for ever, since the outside system has given the transaction up. Its records are lost.
        """
        self._ignores_failures_after_timeout = True
        return self

    def enable_transaction_timeout_warnings(self: _S, warning_ratio: float) -> _S:
        """Log a warning when a transaction is committed after more than this part (0 to 1) of the timeout."""
        if not 0 <= warning_ratio <= 1:
            raise ValueError(f"the warning ratio is from 0 to 1, not {warning_ratio!r}")
        self._warning_ratio = warning_ratio
        return self

    @property
    def transaction_timeout_ms(self) -> int | None:
        """See :meth:`set_transaction_timeout`."""
        return self._transaction_timeout_ms

    @property
    def ignores_failures_after_timeout(self) -> bool:
        """See :meth:`ignore_failures_after_transaction_timeout`."""
        return self._ignores_failures_after_timeout

    @property
    def warning_ratio(self) -> float | None:
        """See :meth:`enable_transaction_timeout_warnings`."""
        return self._warning_ratio
