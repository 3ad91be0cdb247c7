"""What a task needs of its source, whichever kind it is."""

from __future__ import annotations

from typing import Protocol

from millstream.common.records import Marker, RecordBatch
from millstream.taskmanager.operators.operator import FailureSite, OperatorInfo

__all__ = ["END_OF_INPUT", "EndOfInput", "SourceDriver"]


class EndOfInput:
    """Said by a source that has given everything."""

    __slots__ = ()


END_OF_INPUT = EndOfInput()


class SourceDriver(Protocol):
    """A running source. Used from the slot's event loop.

    :ivar opened: :meth:`open` was called and :meth:`close` was not; kept by the task.
    """

    info: OperatorInfo
    records_out: int
    opened: bool

    def open(self) -> None:
        """Open the user's source; user code."""
        ...

    def poll(self) -> RecordBatch | Marker | EndOfInput | None:
        """Return what is there now, ``None`` for nothing; user code. Also called when the source's alarm rings."""
        ...

    async def wait(self) -> None:
        """Return when :meth:`poll` may have something, or :meth:`wake` was called."""
        ...

    def wake(self) -> None:
        """Make a :meth:`wait` that is under way return."""
        ...

    def processed(self, records: int, elapsed_ns: int) -> None:
        """The records of a batch have gone through the chain in this time."""
        ...

    async def stop(self) -> None:
        """Make the source come to an end, without error, whatever it does now. Called once, before :meth:`close`."""
        ...

    def close(self) -> None:
        """Close the user's source; user code."""
        ...

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        """Say where ``error`` happened."""
        ...
