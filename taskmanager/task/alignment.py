"""When a task takes a checkpoint: which barriers have come, which are missed, which channels wait.

Pure: barriers, ends of channels and notices in, actions out. One rule covers all modes. A checkpoint is taken when each
channel has brought its barrier or has ended. A channel that brings a newer barrier will never bring an older one, so
whatever still waited for that channel is lost; and an aligned checkpoint holds back the channels that have brought
their barrier, so that nothing that came behind it gets into the snapshot.

An unaligned checkpoint is taken at its first barrier; what comes before the barriers that are missed then belongs to
it, and only with the last of them it is known what that is. It waits, as an aligned one does, for the channels whose
barriers must stay in line.

A source is the case without channels: what is triggered is taken at once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from millstream.common.records import CheckpointBarrier

__all__ = ["Action", "Alignment", "AllKnown", "Block", "Lost", "TakeSnapshot", "UnblockAll"]

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
    """All that belongs to the checkpoint has been processed, and with aligned ones nothing else.

    :ivar unaligned: it holds besides what is under way: :class:`AllKnown` follows.
    :ivar missing: of an unaligned one: the channels that have not brought their barrier.
    """

    barrier: CheckpointBarrier
    unaligned: bool = False
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AllKnown:
    """Nothing more that comes belongs to the unaligned checkpoint."""

    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The checkpoint cannot be taken any more."""

    checkpoint_id: int
    reason: str


Action: TypeAlias = "Block | UnblockAll | TakeSnapshot | AllKnown | Lost"


@dataclass(slots=True)
class _Pending:
    barrier: CheckpointBarrier
    aligned: bool
    unaligned: bool = False
    arrived: set[int] = field(default_factory=set)
    blocks: bool = False  # channels wait for it
    taken: bool = False  # of an unaligned one: barriers are missed still


class Alignment:
    """The barriers of one task; events are methods, whose actions are to be carried out in their order."""

    __slots__ = ("_aborted", "_in_line", "_last", "_newest", "_open", "_pending")

    def __init__(self, channels: int, in_line: Collection[int] = ()) -> None:
        """:param in_line: channels whose barriers never overtake."""
        self._open = set(range(channels))
        self._in_line = frozenset(in_line)
        self._newest = [0] * channels  # what each channel has brought
        self._pending: dict[int, _Pending] = {}  # ascending
        self._aborted: set[int] = set()  # whose barriers are still to come, perhaps
        self._last = 0

    @property
    def pending(self) -> list[int]:
        """Checkpoints that wait for barriers."""
        return list(self._pending)

    def is_taken(self, checkpoint_id: int) -> bool:
        """The snapshot of an unaligned checkpoint was taken, and it waits for barriers."""
        pending = self._pending.get(checkpoint_id)
        return pending is not None and pending.taken

    def is_known(self, checkpoint_id: int) -> bool:
        """Nothing is to be awaited for the checkpoint before its snapshot is taken, if it is."""
        return checkpoint_id <= self._last or checkpoint_id in self._aborted

    def on_barrier(
        self, channel: int, barrier: CheckpointBarrier, *, aligned: bool, unaligned: bool = False
    ) -> list[Action]:
        """A channel has brought a barrier.

        :param unaligned: it asks for an unaligned checkpoint, from the start or because it has overtaken.
        """
        number = barrier.checkpoint_id
        actions: list[Action] = []
        for older in [each for each in self._pending if each < number]:
            if channel not in self._pending[older].arrived:
                actions.extend(self._lose(older, number))
        self._newest[channel] = max(self._newest[channel], number)
        newest = max((self._newest[each] for each in self._open), default=0)
        if number not in self._pending and newest > number > self._last and number not in self._aborted:
            # Another channel has brought a newer one, and not this: it never will.
            self._forget(number)
            return [*actions, _lost(number, newest)]
        pending = self._begin(barrier, aligned=aligned, unaligned=unaligned)
        if pending is not None and channel in self._open:
            pending.arrived.add(channel)
            if pending.aligned and not self._may_be_taken(pending):
                pending.blocks = True
                actions.append(Block(channel))
        return [*actions, *self._taken()]

    def on_trigger(self, barrier: CheckpointBarrier, *, aligned: bool, unaligned: bool = False) -> list[Action]:
        """The task itself was told to begin a checkpoint; if it is aligned it counts when all channels have ended."""
        self._begin(barrier, aligned=aligned, unaligned=unaligned)
        return self._taken()

    def on_timeout(self, barrier: CheckpointBarrier) -> list[Action]:
        """The barriers of a checkpoint, of which one at least is known to come, were in line for too long."""
        self._begin(barrier, aligned=True, unaligned=True)
        return self._taken()

    def on_seen(self, channel: int, checkpoint_id: int) -> list[Action]:
        """Where a channel's barrier, or its end, stands is known, though it was not processed yet."""
        pending = self._pending.get(checkpoint_id)
        if pending is None or not pending.taken:
            return []
        pending.arrived.add(channel)
        return self._taken()

    def on_end(self, channel: int) -> list[Action]:
        """A channel has ended: it owes no barrier."""
        self._open.discard(channel)
        return self._taken()

    def on_aborted(self, checkpoint_id: int) -> list[Action]:
        """The checkpoint is not wanted any more; barriers of it that are on their way mean nothing."""
        if checkpoint_id > self._last:
            self._forget(checkpoint_id)
        return self._drop(checkpoint_id) if checkpoint_id in self._pending else []

    def _forget(self, checkpoint_id: int) -> None:
        self._aborted.add(checkpoint_id)
        if len(self._aborted) > _MOST_ABORTED:
            self._aborted.remove(min(self._aborted))

    def _begin(self, barrier: CheckpointBarrier, *, aligned: bool, unaligned: bool) -> _Pending | None:
        number = barrier.checkpoint_id
        pending = self._pending.get(number)
        if pending is None:
            if number <= self._last or number in self._aborted:
                return None
            pending = self._pending[number] = _Pending(barrier, aligned)
            self._pending = dict(sorted(self._pending.items()))
        pending.unaligned = pending.unaligned or unaligned
        return pending

    def _may_be_taken(self, pending: _Pending) -> bool:
        if pending.taken:
            return True
        if not pending.unaligned:
            return self._open <= pending.arrived
        return self._open & self._in_line <= pending.arrived

    def _lose(self, older: int, newer: int) -> list[Action]:
        dropped = self._drop(older)
        self._forget(older)
        return [*dropped, _lost(older, newer)]

    def _drop(self, checkpoint_id: int) -> list[Action]:
        # No two aligned checkpoints hold channels at once: a channel that is held brings no further barrier, and any
        # other channel's newer barrier drops the older checkpoint.
        return [UnblockAll()] if self._pending.pop(checkpoint_id).blocks else []

    def _taken(self) -> list[Action]:
        actions: list[Action] = []
        for number, pending in list(self._pending.items()):
            if number not in self._pending or not self._may_be_taken(pending):
                continue
            if not pending.taken:
                if pending.unaligned:  # what is kept of channels is kept for one checkpoint at a time
                    for older in [each for each, one in self._pending.items() if each < number and one.unaligned]:
                        actions.extend(self._lose(older, number))
                missing = tuple(sorted(self._open - pending.arrived))
                actions.append(TakeSnapshot(pending.barrier, pending.unaligned, missing))
                if pending.blocks:
                    pending.blocks = False
                    actions.append(UnblockAll())
                pending.taken = True
                self._last = max(self._last, number)
                self._aborted = {each for each in self._aborted if each > number}
            if self._open <= pending.arrived:
                del self._pending[number]
                if pending.unaligned:
                    actions.append(AllKnown(number))
        return actions


def _lost(checkpoint_id: int, newer: int) -> Lost:
    return Lost(
        checkpoint_id, f"the barrier of checkpoint {newer} came where that of checkpoint {checkpoint_id} was awaited"
    )
