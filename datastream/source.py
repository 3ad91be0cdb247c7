"""Sources that run on the slot's event loop.

A :class:`Source` is what the user passes to ``from_source``; each subtask makes a :class:`SourceReader` of it. A
reader never blocks: it hands out a batch of what is there now, or says when to come again. (A source that has to
block is a :class:`~millstream.datastream.functions.SourceFunction`, which gets a thread of its own.)

How the input is divided among the subtasks is the reader's own affair, decided from its index and the parallelism by
a rule that all readers follow alike (for example: block ``i`` belongs to subtask ``i % parallelism``).

At a checkpoint each reader says what it has not read yet, as *splits*. When the job goes on from it, that is how the
input is divided, in place of the rule: the splits of all readers together are dealt out evenly among the new ones,
however many those are, and none is given to two. What a reader has handed out before the checkpoint was taken is not
in its splits, and everything after that is: the position is right behind the last record of the last batch.

What all readers have to know after a restore (which files were found, for example) is *shared state*: the items of all
readers together are given to each of the new ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from millstream.common.records import RecordBatch

__all__ = ["Boundedness", "InputStatus", "Source", "SourceReader", "SourceReaderContext"]


class Boundedness(Enum):
    """Whether a source ends by itself."""

    BOUNDED = "BOUNDED"
    CONTINUOUS_UNBOUNDED = "CONTINUOUS_UNBOUNDED"


class InputStatus(Enum):
    """What a reader says when it has no batch to give."""

    NOTHING_AVAILABLE = "NOTHING_AVAILABLE"
    END_OF_INPUT = "END_OF_INPUT"


@dataclass(frozen=True, slots=True)
class SourceReaderContext:
    """What a reader knows of its place.

    :ivar index_of_subtask: 0-based.
    :ivar max_records_per_batch: a batch should hold at most this many records.
    """

    index_of_subtask: int
    parallelism: int
    max_parallelism: int
    max_records_per_batch: int
    configuration: dict[str, str]


class SourceReader(ABC):
    """Reads one subtask's share of a source. All methods are called on the slot's event loop, never concurrently."""

    def start(self) -> None:  # noqa: B027  # optional hook
        """Called once, before anything else and after a restore; open files and connections here."""

    @abstractmethod
    def poll(self) -> RecordBatch | InputStatus:
        """Return the next records at once, without blocking for long.

        An empty batch is allowed and means "call me again". After ``NOTHING_AVAILABLE`` the task waits for
        :meth:`wait_available`.
        """

    async def wait_available(self) -> None:  # noqa: B027  # optional hook
        """Return when :meth:`poll` may have something. Cancelled when the task is."""

    def snapshot_state(self) -> Sequence[Any]:
        """Return what is left to read, as picklable splits that any reader of this source can take over.

        Called between two calls of :meth:`poll`, also after the end of the input. What the splits are made of must not
        change afterwards.
        """
        return ()

    def restore_state(self, splits: Sequence[Any]) -> None:  # noqa: B027  # optional hook
        """Read these splits, in place of what the first division would give; called before :meth:`start`.

        Called whenever the source goes on from a checkpoint that it was part of: with none if there are more readers
        than splits, or if all is read.
        """

    def snapshot_shared_state(self) -> Sequence[Any]:
        """Return what each reader must know after a restore; picklable. The readers' items together should be all."""
        return ()

    def restore_shared_state(self, items: Sequence[Any]) -> None:  # noqa: B027  # optional hook
        """Take over the shared items of all readers; called right before :meth:`restore_state`."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class Source(ABC):
    """Where a stream begins."""

    @property
    @abstractmethod
    def boundedness(self) -> Boundedness:
        """Whether the source ends by itself."""

    @abstractmethod
    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        """Make the reader of one subtask."""
