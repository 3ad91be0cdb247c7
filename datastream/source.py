"""Sources that run on the slot's event loop.

A :class:`Source` is what the user passes to ``from_source``; each subtask makes a :class:`SourceReader` of it. A
reader never blocks: it hands out a batch of what is there now, or says when to come again. (A source that has to
block is a :class:`~millstream.datastream.functions.SourceFunction`, which gets a thread of its own.)

How the input is divided among the subtasks is either the reader's own affair, decided from its index and the
parallelism by a rule that all readers follow alike (for example: block ``i`` belongs to subtask ``i % parallelism``).
Or the source has a :class:`~millstream.datastream.split_enumerator.SplitEnumerator`, which gives splits to the readers
while they read.

At a checkpoint each reader says what it has not read yet, as *splits*. When the job goes on from it, that is how the
input is divided, in place of the rule: the splits of all readers together are dealt out evenly among the new ones,
however many those are, and none is given to two. What a reader has handed out before the checkpoint was taken is not
in its splits, and everything after that is: the position is right behind the last record of the last batch.

The readers of a source with an enumerator get their splits by :meth:`SourceReader.add_splits`: those of the checkpoint
before they start, and then what the enumerator assigns.

What all readers have to know after a restore (which files were found, for example) is *shared state*: the items of all
readers together are given to each of the new ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.split_enumerator import SplitEnumerator, SplitEnumeratorContext

__all__ = [
    "Boundedness",
    "InputStatus",
    "Source",
    "SourceReader",
    "SourceReaderContext",
    "SplitFinished",
    "SplitRecords",
    "has_enumerator",
]


class Boundedness(Enum):
    """Whether a source ends by itself."""

    BOUNDED = "BOUNDED"
    CONTINUOUS_UNBOUNDED = "CONTINUOUS_UNBOUNDED"


class InputStatus(Enum):
    """What a reader says when it has no batch to give.

    ``END_OF_INPUT`` of a reader whose source has an enumerator means: all splits that it was given are read. The task
    asks again when there is another one, and ends when there will be none.
    """

    NOTHING_AVAILABLE = "NOTHING_AVAILABLE"
    END_OF_INPUT = "END_OF_INPUT"


@dataclass(slots=True)
class SplitRecords:
    """The next records, and the split that they are from.

    Each split has a watermark generator of its own then, and the subtask's watermark is the lowest of those of its
    splits: for readers that read several splits in turn, each of which has its own pace.

    :ivar split_id: the reader's name for it.
    """

    split_id: Hashable
    batch: RecordBatch


@dataclass(frozen=True, slots=True)
class SplitFinished:
    """Nothing more comes from a split: the watermark does not wait for it any longer."""

    split_id: Hashable


def _nobody_to_ask() -> None:
    raise RuntimeError("send_split_request() was called, but the source has no enumerator (create_enumerator)")


@dataclass(frozen=True, slots=True)
class SourceReaderContext:
    """What a reader knows of its place.

    :ivar index_of_subtask: 0-based.
    :ivar max_records_per_batch: a batch should hold at most this many records.
    :ivar send_split_request: asks the enumerator for a split; nothing while it has not answered an earlier request.
    """

    index_of_subtask: int
    parallelism: int
    max_parallelism: int
    max_records_per_batch: int
    configuration: dict[str, str]
    send_split_request: Callable[[], None] = _nobody_to_ask


class SourceReader(ABC):
    """Reads one subtask's share of a source. All methods are called on the slot's event loop, never concurrently."""

    def start(self) -> None:  # noqa: B027  # optional hook
        """Called once, before anything else and after a restore; open files and connections here."""

    @abstractmethod
    def poll(self) -> RecordBatch | SplitRecords | SplitFinished | InputStatus:
        """Return the next records at once, without blocking for long.

        A reader that says which split its records are from says so of all of them. An empty batch is allowed and means
        "call me again". After ``NOTHING_AVAILABLE`` the task waits for :meth:`wait_available`.
        """

    def pending_records(self) -> int | None:
        """How many records wait to be read, as far as that is known without asking; shown as ``pendingRecords``."""
        return None

    def pending_bytes(self) -> int | None:
        """How many bytes wait to be read, as far as that is known without asking; shown as ``pendingBytes``."""
        return None

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

    def add_splits(self, splits: Sequence[Any]) -> None:
        """Read these splits too; for sources with an enumerator, in place of :meth:`restore_state`.

        Called before :meth:`start` with what the checkpoint holds for this reader, and later with what it is assigned.
        """
        raise NotImplementedError(
            f"{type(self).__qualname__} has no add_splits(), which readers of a source with an enumerator need"
        )

    def notify_no_more_splits(self) -> None:  # noqa: B027  # optional hook
        """The enumerator has ended: no splits will be added."""

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

    def create_enumerator(self, context: SplitEnumeratorContext) -> SplitEnumerator:
        """Make the enumerator; a source that has this method has one, and others divide their input by a rule."""
        raise NotImplementedError(f"{type(self).__qualname__} has no enumerator")

    def restore_enumerator(self, context: SplitEnumeratorContext, items: Sequence[Any]) -> SplitEnumerator:
        """Make the enumerator again, from what ``snapshot_state()`` of one before returned."""
        raise NotImplementedError(
            f"{type(self).__qualname__} has create_enumerator(), but no restore_enumerator(), so it cannot go on from "
            "a checkpoint"
        )


def has_enumerator(source: Source) -> bool:
    """Whether the source's input is divided by an enumerator."""
    return type(source).create_enumerator is not Source.create_enumerator
