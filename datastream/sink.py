"""Sinks that ``sink_to`` takes: a :class:`Sink` makes one :class:`SinkWriter` per subtask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

__all__ = ["Sink", "SinkWriter", "WriterContext"]


@dataclass(slots=True)
class WriterContext:
    """What a writer knows of the record it writes; one object is reused for all records.

    :ivar timestamp: the record's event timestamp in ms, or ``None``.
    :ivar current_watermark: ms.
    """

    timestamp: int | None = None
    current_watermark: int = -(2**63)


class SinkWriter(ABC):
    """Writes one subtask's records."""

    @abstractmethod
    def write(self, value: Any, context: WriterContext) -> None:
        """Write one record (or keep it until :meth:`flush`)."""

    def flush(self, end_of_input: bool) -> None:  # noqa: B027  # optional hook
        """Write out all that is kept. Called at checkpoints and at the end of the input."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class Sink(ABC):
    """Where a stream ends."""

    @abstractmethod
    def create_writer(self, index_of_subtask: int, parallelism: int) -> SinkWriter:
        """Make the writer of one subtask."""
