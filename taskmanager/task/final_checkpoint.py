"""What a task that has no more input must still wait for.

What was processed after the last complete checkpoint is not final: sinks make it visible when they are told that a
checkpoint which holds it is complete. So a task that has processed everything waits for a checkpoint that it took
after that. A task that was stopped by a savepoint waits for that savepoint. Pure: events in, one question out.
"""

from __future__ import annotations

__all__ = ["FinalCheckpoint"]


class FinalCheckpoint:
    """The end of one task, as far as checkpoints are concerned."""

    __slots__ = ("_candidates", "_drained", "_ended", "_required", "_satisfied", "_stops")

    def __init__(self, *, required: bool) -> None:
        """:param required: there will be checkpoints, and the task may not end without one."""
        self._required = required
        self._ended = False
        self._drained = False
        self._stops: set[int] = set()
        self._candidates: set[int] = set()
        self._satisfied = False

    @property
    def ended(self) -> bool:
        """The task's data has ended or was stopped for good."""
        return self._ended

    @property
    def finished(self) -> bool:
        """All of the input was processed: after a restore there is nothing left to do."""
        return self._drained

    @property
    def held(self) -> bool:
        """A savepoint that stops the job was taken: whether the task goes on depends on what becomes of it."""
        return bool(self._stops) and not self._satisfied and not self._ended

    @property
    def stopped(self) -> bool:
        """A savepoint that stops the job is complete: nothing more is to be read."""
        return self._satisfied

    @property
    def may_end(self) -> bool:
        """The task has nothing to wait for any more, once :attr:`ended`."""
        return self._satisfied or not (self._required or self._candidates)

    @property
    def is_final(self) -> bool:
        """All that the task did is in a complete checkpoint."""
        return self._ended and self._satisfied

    @property
    def is_missing(self) -> bool:
        """A checkpoint is needed that nobody has begun."""
        return self._required and not self._satisfied

    def on_taken(self, checkpoint_id: int, *, stop: bool) -> None:
        """The task has taken a checkpoint.

        :param stop: it is a savepoint after which the job is to stop where it is.
        """
        if stop and not self._ended:
            self._stops.add(checkpoint_id)
        if stop or self._ended:
            self._candidates.add(checkpoint_id)

    def on_ended(self, *, drained: bool) -> None:
        """There is no more data.

        :param drained: all of it was processed, not merely stopped.
        """
        self._ended = True
        self._drained = drained
        self._required = self._required and drained

    def on_completed(self, checkpoint_id: int) -> None:
        """A checkpoint, and with it all earlier ones, is complete."""
        if any(each <= checkpoint_id for each in self._candidates):
            self._satisfied = True

    def on_failed(self, checkpoint_id: int) -> None:
        """A checkpoint will never be complete."""
        self._candidates.discard(checkpoint_id)
        self._stops.discard(checkpoint_id)
