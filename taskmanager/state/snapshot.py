"""A snapshot in two parts: what must happen at the barrier, and what need not.

At the barrier a backend makes sure that later changes cannot touch what it is going to write
(:meth:`~millstream.taskmanager.state.keyed_state_backend.KeyedStateBackend.start_snapshot`): this is the pause of the
task, and it is short. The rest, a :class:`RunningSnapshot`, is done in a thread while records flow again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from millstream.common.checkpoint.streams import SnapshotStreams

__all__ = ["CANONICAL", "NATIVE", "RunningSnapshot", "SnapshotOptions"]

CANONICAL = "CANONICAL"
"""The format that every backend reads."""
NATIVE = "NATIVE"
"""The backend's own format, perhaps incremental."""

H_co = TypeVar("H_co", covariant=True)


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """How a snapshot is to be.

    :ivar format: :data:`CANONICAL` or :data:`NATIVE`.
    :ivar full: refer to no file of an earlier checkpoint.
    :ivar incremental: files may be shared between checkpoints.
    :ivar compressed: with snappy.
    :ivar savepoint: it belongs to the user: nothing may be shared with it.
    """

    checkpoint_id: int = 0
    format: str = CANONICAL
    full: bool = False
    incremental: bool = False
    compressed: bool = False
    savepoint: bool = False


class RunningSnapshot(Protocol, Generic[H_co]):
    """The part of a snapshot that is written beside the task's work."""

    def write(self, streams: SnapshotStreams) -> H_co:
        """Write it; blocks, in a thread. Called at most once.

        :raises Exception: a value of the user's cannot be serialised, or the streams raise.
        """
        ...

    def discard(self) -> None:
        """It is not wanted any more: free what it holds. From any thread, at any time, also twice or after a write."""
        ...
