"""When a task takes a checkpoint: which barriers have come, which are missed, which channels wait.

Pure: barriers, ends of channels and notices in, actions out. One rule covers all modes. A checkpoint is taken when each
channel has brought its barrier or has ended. A channel that brings a newer barrier will never bring an older one, so
whatever still waited for that channel is lost; and an aligned checkpoint holds back the channels that have brought
their barrier, so that nothing that came behind it gets into the snapshot.

A source is the case without channels: what is triggered is taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from millstream.common.records import CheckpointBarrier

__all__ = ["Action", "Alignment", "Block", "Lost", "TakeSnapshot", "UnblockAll"]

_MOST_ABORTED = 128


@dataclass(frozen=True, slots=True)
class Block:
    """Take nothing more from a channel."""

    channel: int


@dataclass(frozen=True, slots=True)
class UnblockAll:
    """Let all channels go on."""


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """All that belongs to the checkpoint has been processed, and with aligned ones nothing else."""

    barrier: CheckpointBarrier


@dataclass(frozen=True, slots=True)
class Lost:
    """The checkpoint cannot be taken any more."""

    checkpoint_id: int
    reason: str


Action: TypeAlias = "Block | UnblockAll | TakeSnapshot | Lost"


@dataclass(slots=True)
class _Pending:
    barrier: CheckpointBarrier
    aligned: bool
    arrived: set[int] = field(default_factory=set)
    blocks: bool = False  # channels wait for it


class Alignment:
    """The barriers of one task; events are methods, whose actions are to be carried out in their order."""

    __slots__ = ("_aborted", "_last", "_newest", "_open", "_pending")

    def __init__(self, channels: int) -> None:
        self._open = set(range(channels))
        self._newest = [0] * channels  # what each channel has brought
        self._pending: dict[int, _Pending] = {}  # ascending
        self._aborted: set[int] = set()  # whose barriers are still to come, perhaps
        self._last = 0

    @property
    def pending(self) -> list[int]:
        """Checkpoints that wait for barriers."""
        return list(self._pending)

    def on_barrier(self, channel: int, barrier: CheckpointBarrier, *, aligned: bool) -> list[Action]:
        """A channel has brought a barrier."""
        number = barrier.checkpoint_id
        actions: list[Action] = []
        for older in [each for each in self._pending if each < number]:
            if channel not in self._pending[older].arrived:
                actions.extend(self._drop(older))
                actions.append(_lost(older, number))
                self._forget(older)
        self._newest[channel] = max(self._newest[channel], number)
        newest = max((self._newest[each] for each in self._open), default=0)
        if number not in self._pending and newest > number > self._last and number not in self._aborted:
            # Another channel has brought a newer one, and not this: it never will.
            self._forget(number)
            return [*actions, _lost(number, newest)]
        pending = self._begin(barrier, aligned=aligned)
        if pending is not None and channel in self._open:
            pending.arrived.add(channel)
            if pending.aligned and not self._complete(pending):
                pending.blocks = True
                actions.append(Block(channel))
        return [*actions, *self._taken()]

    def on_trigger(self, barrier: CheckpointBarrier, *, aligned: bool) -> list[Action]:
        """The task itself was told to begin a checkpoint; it counts when all channels have ended."""
        self._begin(barrier, aligned=aligned)
        return self._taken()

    def on_end(self, channel: int) -> list[Action]:
        """A channel has ended: it owes no barrier."""
        self._open.discard(channel)
        return self._taken()

    def on_aborted(self, checkpoint_id: int) -> list[Action]:
        """The checkpoint is not wanted any more; barriers of it that are on their way mean nothing."""
        if checkpoint_id <= self._last:
            return []
        self._forget(checkpoint_id)
        return self._drop(checkpoint_id) if checkpoint_id in self._pending else []

    def _forget(self, checkpoint_id: int) -> None:
        self._aborted.add(checkpoint_id)
        if len(self._aborted) > _MOST_ABORTED:
            self._aborted.remove(min(self._aborted))

    def _begin(self, barrier: CheckpointBarrier, *, aligned: bool) -> _Pending | None:
        number = barrier.checkpoint_id
        if number <= self._last or number in self._aborted:
            return None
        pending = self._pending.get(number)
        if pending is None:
            pending = self._pending[number] = _Pending(barrier, aligned)
            self._pending = dict(sorted(self._pending.items()))
        return pending

    def _complete(self, pending: _Pending) -> bool:
        return self._open <= pending.arrived

    def _drop(self, checkpoint_id: int) -> list[Action]:
        # No two aligned checkpoints hold channels at once: a channel that is held brings no further barrier, and any
        # other channel's newer barrier drops the older checkpoint.
        return [UnblockAll()] if self._pending.pop(checkpoint_id).blocks else []

    def _taken(self) -> list[Action]:
        actions: list[Action] = []
        for number, pending in list(self._pending.items()):
            if self._complete(pending):
                unblocked = self._drop(number)
                self._last = number
                self._aborted = {each for each in self._aborted if each > number}
                actions.append(TakeSnapshot(pending.barrier))
                actions.extend(unblocked)
        return actions


def _lost(checkpoint_id: int, newer: int) -> Lost:
    return Lost(
        checkpoint_id, f"the barrier of checkpoint {newer} came where that of checkpoint {checkpoint_id} was awaited"
    )
