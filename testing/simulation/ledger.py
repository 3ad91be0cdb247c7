"""An outside system with transactions, as sinks write to: it remembers who did what, and keeps what was committed.

It behaves as such systems do: committing twice is committing once, what was committed cannot be aborted, and a
transaction stays open until somebody ends it, whatever became of who began it. It refuses nothing that a sink could do
wrong; it notes it, and checks look at the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Action", "Ledger", "LedgerEntry", "Transaction", "WriterId"]

Action: TypeAlias = Literal["begin", "write", "pre-commit", "commit", "abort"]


@dataclass(frozen=True, slots=True)
class WriterId:
    """One attempt at one subtask of a sink.

    :ivar attempt: its number, which begins again when another JobMaster takes the job over.
    :ivar serial: no two attempts have the same; those who commit for an attempt have their own.
    """

    sink: str
    subtask: int
    attempt: int
    serial: int = 0

    def __str__(self) -> str:
        return f"{self.sink}[{self.subtask}] attempt {self.attempt}"


@dataclass(slots=True)
class Transaction:
    """Lines that become visible together.

    :ivar owner: who began it.
    :ivar checkpoint_id: the checkpoint that it is part of, where the sink is told.
    """

    number: int
    owner: WriterId
    lines: list[str] = field(default_factory=list)
    state: Literal["open", "pre-committed", "committed", "aborted"] = "open"
    checkpoint_id: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One call.

    :ivar was: the transaction's state before it.
    :ivar by: who called; of a recovery, another attempt than the transaction's owner.
    """

    at: float
    action: Action
    transaction: int
    was: str
    by: WriterId


class Ledger:
    """All transactions of a run."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.transactions: list[Transaction] = []
        self.entries: list[LedgerEntry] = []
        self._sections: set[tuple[str, int, int]] = set()
        self._writers = 0

    def writer(self, sink: str, subtask: int, attempt: int) -> WriterId:
        """Return the id of somebody who writes or commits from now on."""
        self._writers += 1
        return WriterId(sink, subtask, attempt, self._writers)

    def begin(self, by: WriterId) -> int:
        """Begin a transaction and return its number."""
        transaction = Transaction(len(self.transactions), by)
        self.transactions.append(transaction)
        self._note("begin", transaction, by)
        return transaction.number

    def write(self, number: int, line: str, by: WriterId) -> None:
        """Add a line; it is lost if the transaction is not open any more, as it would be outside."""
        transaction = self.transactions[number]
        if transaction.state != "open":
            self._note("write", transaction, by)
            return
        transaction.lines.append(line)

    def pre_commit(self, number: int, by: WriterId) -> None:
        """All lines are there."""
        transaction = self.transactions[number]
        self._note("pre-commit", transaction, by)
        if transaction.state == "open":
            transaction.state = "pre-committed"

    def belongs_to(self, number: int, checkpoint_id: int) -> None:
        """Note which checkpoint a transaction is part of."""
        self.transactions[number].checkpoint_id = checkpoint_id

    def commit(self, number: int, by: WriterId, checkpoint_id: int | None = None) -> None:
        """Make the lines visible, once."""
        transaction = self.transactions[number]
        self._note("commit", transaction, by)
        if transaction.state != "aborted":
            transaction.state = "committed"
            if checkpoint_id is not None:
                transaction.checkpoint_id = checkpoint_id

    def abort(self, number: int, by: WriterId) -> None:
        """Throw the lines away, unless they are visible."""
        transaction = self.transactions[number]
        self._note("abort", transaction, by)
        if transaction.state != "committed":
            transaction.state = "aborted"

    def commit_section(self, number: int, section: tuple[str, int, int], by: WriterId) -> None:
        """Make the lines visible and remember, in the same moment, that a section of a log was written."""
        self._sections.add(section)
        self.commit(number, by)

    def has_section(self, section: tuple[str, int, int]) -> bool:
        """It was written before."""
        return section in self._sections

    def committed(self, sink: str) -> list[str]:
        """Return the visible lines of a sink, sorted."""
        return sorted(
            line
            for transaction in self.transactions
            if transaction.owner.sink == sink and transaction.state == "committed"
            for line in transaction.lines
        )

    def _note(self, action: Action, transaction: Transaction, by: WriterId) -> None:
        self.entries.append(LedgerEntry(self._now(), action, transaction.number, transaction.state, by))
