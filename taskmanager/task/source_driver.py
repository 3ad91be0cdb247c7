"""What a task needs of its source, whichever kind it is."""

from __future__ import annotations

from typing import Protocol

from millstream.common.records import Marker, RecordBatch
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, OperatorInfo

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

    def initialize_state(self) -> None:
        """Get ready to go on from what was restored, if anything was; user code. Before :meth:`open`."""
        ...

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

    def claim(self) -> bool:
        """Make the source stand still between two records, for what has to do with checkpoints.

        False: it is in the midst of something. It wakes the task when it is done, to ask again; poll on until then.
        """
        ...

    def hand_back(self) -> None:
        """After a :meth:`claim` that was granted: the source may go on."""
        ...

    def emitted(self) -> RecordBatch | Marker | None:
        """While the source is claimed: what it gave before that and :meth:`poll` has not returned, piece by piece."""
        ...

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        """Put the source's position into its state, all that it emitted has been handed on; user code."""
        ...

    def checkpoint_complete(self, checkpoint_id: int) -> None:
        """A checkpoint is complete; user code."""
        ...

    def checkpoint_aborted(self, checkpoint_id: int) -> None:
        """A checkpoint will never be complete; user code."""
        ...

    async def drain(self) -> list[RecordBatch | Marker]:
        """Make the source end as if there were no more input; return what it gave last."""
        ...

    async def stop(self) -> None:
        """Make the source come to an end, without error, whatever it does now. Called before :meth:`close`."""
        ...

    def close(self) -> None:
        """Close the user's source; user code."""
        ...

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        """Say where ``error`` happened."""
        ...
