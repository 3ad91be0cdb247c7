"""Sinks that ``sink_to`` takes: a :class:`Sink` makes one :class:`SinkWriter` per subtask.

What a writer has written may become visible outside at once, or in two steps: a :class:`CommittingSinkWriter` hands
over what is written (*committables*), and the sink's :class:`Committer` makes it visible when it is known that it will
not be written again. When that is, the engine decides. There are no checkpoints in this version, so it is at the end
of the input where all of the job's sources end by themselves, and else as soon as the writer hands it over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.typeinfo import TypeInformation

__all__ = ["Committer", "CommittingSinkWriter", "Sink", "SinkWriter", "SupportsCommitter", "WriterContext"]


@dataclass(slots=True)
class WriterContext:
    """What a writer knows of the record it writes; one object is reused for all records.

    :ivar timestamp: the record's event timestamp in ms, or ``None``.
    :ivar current_watermark: ms.
    :ivar processing_time: the wall clock in ms, looked at once for records that come together.
    """

    timestamp: int | None = None
    current_watermark: int = -(2**63)
    processing_time: int = 0


class SinkWriter(ABC):
    """Writes one subtask's records."""

    @abstractmethod
    def write(self, value: Any, context: WriterContext) -> None:
        """Write one record (or keep it until :meth:`flush`)."""

    def flush(self, end_of_input: bool) -> None:  # noqa: B027  # optional hook
        """Write out all that is kept. Called at checkpoints and at the end of the input."""

    def on_processing_time(self, now_ms: int) -> int | None:
        """Do what is due by the clock. Called first when the subtask starts, then at the times that were asked for.

        :returns: when to be called again, ms since the Unix epoch; ``None``: never.
        """
        return None

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class CommittingSinkWriter(SinkWriter):
    """A writer whose output is made visible by a :class:`Committer`."""

    @abstractmethod
    def prepare_commit(self) -> Sequence[Any]:
        """Hand over what is written and complete, each piece once. It can be pickled, and survives :meth:`close`.

        After ``flush(True)`` that is all there is.
        """

    def discard(self) -> None:  # optional hook
        """Throw away what was written and not handed over: the job has failed, and will write all of it again.

        Called before :meth:`close`, after which nothing else is. Not called where the input may be the only copy.
        """


class Committer(ABC):
    """Makes visible what writers have handed over."""

    @abstractmethod
    def commit(self, committables: Sequence[Any]) -> None:
        """Make these visible. What was committed before, by an earlier attempt, is passed over."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class Sink(ABC):
    """Where a stream ends."""

    @abstractmethod
    def create_writer(self, index_of_subtask: int, parallelism: int) -> SinkWriter:
        """Make the writer of one subtask."""

    def for_input_type(self, input_type: TypeInformation) -> Sink:
        """The sink for a stream of this type; ``sink_to`` asks where the type is known. As a rule the sink itself."""
        return self


class SupportsCommitter(ABC):
    """What a :class:`Sink` is too whose writers are :class:`CommittingSinkWriter` s."""

    @abstractmethod
    def create_committer(self) -> Committer:
        """Make the committer of one subtask."""
