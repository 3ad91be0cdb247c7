"""What a sink's writer has handed over and is not committed yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.datastream.sink import CommitOutcome, CommitRequest, Committer
from millstream.taskmanager.operators.operator import Pause

__all__ = ["Committable", "Committables"]

_log = logging.getLogger(__name__)

_COMMIT_DUE: Final = FaultPoint(
    "sink.commit-due", "a checkpoint is complete, nothing of it is committed by a sink", MillstreamError
)
_COMMITTED: Final = FaultPoint(
    "sink.committed", "a sink has committed what was due, its task does not know that", MillstreamError
)

_MAX_RETRIES = 10
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class Committable:
    """A committable in the state of a sink.

    :ivar checkpoint_id: the checkpoint that it became part of; ``None``: none yet.
    """

    value: Any
    checkpoint_id: int | None = None


class Committables:
    """Keeps the committables of one subtask in order and commits them.

    :param name: the sink's, for messages.
    :ivar total: committables that came so far, those of a restored checkpoint included.
    :ivar successful: that were committed, now or before: committers do not tell.
    :ivar failed: that never will be.
    :ivar retried: attempts that were put off.
    """

    def __init__(self, committer: Committer, name: str) -> None:
        self._committer = committer
        self._name = name
        self._waiting: list[Committable] = []
        """Part of no checkpoint that is known to be complete."""
        self._due: list[CommitRequest] = []
        self.total = 0
        self.successful = 0
        self.failed = 0
        self.retried = 0

    def add(self, values: Iterable[Any], checkpoint_id: int | None = None) -> None:
        """The writer has handed these over, for the checkpoint that is being taken."""
        added = [Committable(value, checkpoint_id) for value in values]
        self.total += len(added)
        self._waiting.extend(added)

    def restore(self, committables: Sequence[Committable]) -> None:
        """These belong to the checkpoint that the job goes on from, which is complete."""
        self.total += len(committables)
        self._due.extend(CommitRequest(each.value, each.checkpoint_id) for each in committables)

    def all(self) -> list[Committable]:
        """What a snapshot must hold: everything that is not known to be committed."""
        due = [Committable(request.get_committable(), request.checkpoint_id) for request in self._due]
        return due + self._waiting

    def __len__(self) -> int:
        return len(self._due) + len(self._waiting)

    @property
    def has_due(self) -> bool:
        """Whether some are still to be committed that may be."""
        return bool(self._due)

    def completed(self, checkpoint_id: int | None) -> None:
        """All up to this checkpoint may be committed; ``None``: all."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if checkpoint_id is None or (each.checkpoint_id is not None and each.checkpoint_id <= checkpoint_id):
                self._due.append(CommitRequest(each.value, each.checkpoint_id))
            else:
                self._waiting.append(each)

    def attempt(self) -> None:
        """Commit what is due, once. What is to be tried again stays due.

        :raises MillstreamError: it was tried too often.
        """
        if not self._due:
            return
        # Should the committer raise, all of them stay due: they are in the state of the checkpoint too.
        _COMMIT_DUE.reach()
        self._committer.commit(tuple(self._due))
        _COMMITTED.reach()
        again = []
        for request in self._due:
            self._count(request.outcome)
            if request.outcome is CommitOutcome.FAILED:
                _log.error(
                    "sink %s: %.200r of checkpoint %s was not committed and never will be: %s",
                    self._name,
                    request.get_committable(),
                    request.checkpoint_id,
                    request.error,
                    exc_info=request.error,
                )
            elif request.outcome is CommitOutcome.RETRY:
                retries = request.get_number_of_retries()
                if retries >= _MAX_RETRIES:
                    raise MillstreamError(
                        f"sink {self._name!r}: {request.get_committable()!r:.200} of checkpoint "
                        f"{request.checkpoint_id} could not be committed in {retries + 1} attempts: the committer "
                        "asked each time to try again later"
                    )
                again.append(CommitRequest(request.get_committable(), request.checkpoint_id, retries + 1))
        self._due = again

    def _count(self, outcome: CommitOutcome) -> None:
        if outcome is CommitOutcome.FAILED:
            self.failed += 1
        elif outcome is CommitOutcome.RETRY:
            self.retried += 1
        else:
            self.successful += 1

    def commit(self) -> Iterator[Pause]:
        """Commit what is due, as often as it takes; the task waits meanwhile."""
        self.attempt()
        while self._due:
            retries = max(request.get_number_of_retries() for request in self._due)
            yield Pause(partial(asyncio.sleep, min(_FIRST_DELAY_S * 2.0 ** (retries - 1), _LONGEST_DELAY_S)))
            self.attempt()

    def close(self) -> None:
        """Let go of the committer."""
        self._committer.close()
