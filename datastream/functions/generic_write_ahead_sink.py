"""Sinks for any outside system, which keep records in the job's state until they may be written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NoReturn

from millstream.datastream.functions.checkpoint_committer import CheckpointCommitter
from millstream.datastream.functions.sink_function import RichSinkFunction, SinkContext

__all__ = ["GenericWriteAheadSink"]


class GenericWriteAheadSink(RichSinkFunction):
    """Keeps the records between two checkpoints and sends them together when the second is complete.

    For systems without transactions. Records are written exactly once but for two cases, in which all of a checkpoint
    are sent once more: the worker dies inside :meth:`send_values`, and between that and the note that the checkpoint
    was sent. Both are harmless where ``send_values`` writes all or nothing and the committer's note in one transaction,
    or by key.

    It goes to ``add_sink``. Without checkpoints everything is sent when the input ends, as checkpoint 0.

    :param committer: remembers what was sent.
    :param job_id: under which name it does; ``None``: the job's, which stays the same when a job goes on from another
        one's savepoint.
    """

    def __init__(self, committer: CheckpointCommitter, job_id: str | None = None) -> None:
        if not isinstance(committer, CheckpointCommitter):
            raise TypeError(f"a write-ahead sink needs a CheckpointCommitter, not {committer!r}")
        self.committer = committer
        self.job_id = job_id

    @abstractmethod
    def send_values(self, values: Sequence[Any], checkpoint_id: int, timestamp: int) -> bool:
        """Write the records of a checkpoint, in the order in which they came.

        :param timestamp: when the checkpoint was triggered, ms.
        :returns: whether they are all written; ``False``: send them again later. If it raises, the job fails, and they
            are sent again after the restart.
        """

    def invoke(self, value: Any, context: SinkContext) -> NoReturn:
        """Not called: the engine keeps the records."""
        raise TypeError("the records of a write-ahead sink are kept by the engine: give it to add_sink()")
