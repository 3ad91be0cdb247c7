"""The enumerator of a source: finds out what there is to read, and says which subtask reads it.

A source that is divided by a rule (see :mod:`~millstream.datastream.source`) needs none. One that finds its input while
it runs, or gives more to those that are faster, has one enumerator for all its readers. It runs in a task of its own,
at parallelism 1, in front of them: what it assigns flows to the readers as records do. So a checkpoint's barrier
separates what was assigned before it, which is then in the readers' state, from what was not, which is in the
enumerator's, and no split is ever lost or read twice. A reader never fails alone either: it and the enumerator go back
to the same checkpoint, so splits never come back to the enumerator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from millstream.common.time import Duration

__all__ = ["SplitEnumerator", "SplitEnumeratorContext"]


class SplitEnumeratorContext(Protocol):
    """What an enumerator knows of its source, and how it says who reads what."""

    @property
    def configuration(self) -> Mapping[str, str]:
        """The settings of the TaskManager with those of the job over them."""
        ...

    @property
    def current_parallelism(self) -> int:
        """How many readers there are."""
        ...

    @property
    def registered_readers(self) -> Sequence[int]:
        """The indexes of the readers that were announced by :meth:`SplitEnumerator.add_reader`, ascending."""
        ...

    def assign_split(self, split: Any, subtask_id: int) -> None:
        """Give a split, which must be picklable, to a reader.

        :raises ValueError: there is no such reader, or it was told that it gets no more.
        """
        ...

    def assign_splits(self, assignment: Mapping[int, Sequence[Any]]) -> None:
        """Give splits to several readers, by the index of each.

        :raises ValueError: as for :meth:`assign_split`.
        """
        ...

    def signal_no_more_splits(self, subtask_id: int) -> None:
        """A reader gets no further splits. When that was said of all, the enumerator has ended, and they learn it.

        :raises ValueError: there is no such reader.
        """
        ...

    def call_periodically(self, call: Callable[[], None], period: Duration) -> None:
        """Call something again and again: soon, and then each time this long after the call before. It must not block.

        :raises ValueError: the period is shorter than a millisecond.
        """
        ...


class SplitEnumerator(ABC):
    """Divides the input of a source. All methods are called on the slot's event loop, never concurrently.

    If ``notify_checkpoint_complete(checkpoint_id)`` or ``notify_checkpoint_aborted(checkpoint_id)`` is there, it is
    called as well.
    """

    def start(self) -> None:  # noqa: B027  # optional hook
        """Called once, before anything else and after a restore."""

    def add_reader(self, subtask_id: int) -> None:  # noqa: B027  # optional hook
        """A reader is there to be given splits; called once for each right after :meth:`start`."""

    @abstractmethod
    def handle_split_request(self, subtask_id: int) -> None:
        """A reader wants a split (it called ``context.send_split_request()``).

        Assign it one, or say that there are no more; if there will be one later, remember who asked: the request does
        not come again. After a restore no request of before counts any more.
        """

    def snapshot_state(self) -> Sequence[Any]:
        """Return, as picklable items, what is not assigned yet and what else is to be known after a restore.

        What was assigned before is the readers' affair. Nothing may be assigned in here.
        """
        return ()

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""
