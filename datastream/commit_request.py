"""One thing that a committer is asked to make visible, and what it says became of it."""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["CommitOutcome", "CommitRequest"]


class CommitOutcome(Enum):
    """What became of a request. A committer that says nothing and does not raise has committed it."""

    COMMITTED = "COMMITTED"
    RETRY = "RETRY"
    FAILED = "FAILED"


class CommitRequest:
    """A committable on its way.

    :ivar checkpoint_id: the checkpoint that it became part of; with the sink's lineage and operator it is known for
        ever. ``None``: it was written without checkpoints.
    :ivar outcome: what the committer has said; for the engine.
    :ivar error: why it failed.
    """

    __slots__ = ("_committable", "_retries", "checkpoint_id", "error", "outcome")

    def __init__(self, committable: Any, checkpoint_id: int | None = None, number_of_retries: int = 0) -> None:
        self._committable = committable
        self._retries = number_of_retries
        self.checkpoint_id = checkpoint_id
        self.outcome = CommitOutcome.COMMITTED
        self.error: BaseException | None = None

    def get_committable(self) -> Any:
        """What the writer handed over."""
        return self._committable

    def get_number_of_retries(self) -> int:
        """How often it was tried before; 0 at first."""
        return self._retries

    def retry_later(self) -> None:
        """It did not go for now: have :meth:`Committer.commit` called with it again, a little later."""
        self.outcome = CommitOutcome.RETRY

    def update_and_retry_later(self, committable: Any) -> None:
        """Part of it went: try again with what is left."""
        self._committable = committable
        self.outcome = CommitOutcome.RETRY

    def signal_already_committed(self) -> None:
        """It was committed before, by an earlier attempt: nothing is left to do."""
        self.outcome = CommitOutcome.COMMITTED

    def signal_failed_with_known_reason(self, error: BaseException) -> None:
        """It can never be committed and is known to be no loss to insist on: log it, drop it and go on."""
        self.outcome = CommitOutcome.FAILED
        self.error = error

    def signal_failed_with_unknown_reason(self, error: BaseException) -> None:
        """Fail the job, which then tries again from the last checkpoint.

        :raises BaseException: ``error``.
        """
        raise error
