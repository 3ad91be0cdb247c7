"""Sources that run on the slot's event loop.

A :class:`Source` is what the user passes to ``from_source``; each subtask makes a :class:`SourceReader` of it. A
reader never blocks: it hands out a batch of what is there now, or says when to come again. (A source that has to
block is a :class:`~millstream.datastream.functions.SourceFunction`, which gets a thread of its own.)

How the input is divided among the subtasks is the reader's own affair, decided from its index and the parallelism by
a rule that all readers follow alike (for example: block ``i`` belongs to subtask ``i % parallelism``).
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
        """Return the reader's position, as picklable splits that any reader of this source can take over."""
        return ()

    def restore_state(self, splits: Sequence[Any]) -> None:  # noqa: B027  # optional hook
        """Take over these splits; called before :meth:`start`."""

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
