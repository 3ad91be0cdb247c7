"""What others want of a task while it works: it answers between two pieces of work, in order.

A letter lies in the mailbox until the task's loop comes by; whoever puts one in wakes the task, whatever it waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.records import CheckpointBarrier
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.taskmanager.network.wakeup import Wakeup

__all__ = ["AlignmentTimeout", "CheckpointNotice", "CheckpointTrigger", "Letter", "Mailbox", "OvertakingBarrier"]


@dataclass(frozen=True, slots=True)
class CheckpointTrigger:
    """Begin a checkpoint."""

    checkpoint_id: int
    options: CheckpointOptions


@dataclass(frozen=True, slots=True)
class CheckpointNotice:
    """What became of a checkpoint."""

    checkpoint_id: int
    completed: bool


@dataclass(frozen=True, slots=True)
class OvertakingBarrier:
    """A barrier has come ahead of its channel's data."""

    channel: int
    barrier: CheckpointBarrier


@dataclass(frozen=True, slots=True)
class AlignmentTimeout:
    """The barriers of a checkpoint have been in line for too long."""

    barrier: CheckpointBarrier


Letter: TypeAlias = "CheckpointTrigger | CheckpointNotice | OvertakingBarrier | AlignmentTimeout"


class Mailbox:
    """For the slot's event loop only.

    :ivar letters: those that were not answered yet; empty most of the time, which is what the task's loop looks at.
    """

    __slots__ = ("_arrived", "_wake", "letters")

    def __init__(self, wake: Callable[[], None]) -> None:
        """:param wake: makes the task look, if it waits."""
        self.letters: deque[Letter] = deque()
        self._arrived = Wakeup()
        self._wake = wake

    def put(self, letter: Letter) -> None:
        """Leave a letter."""
        self.letters.append(letter)
        self._arrived.notify()
        self._wake()

    def forget(self, checkpoint_id: int) -> None:
        """The checkpoint is not wanted any more: it need not be begun."""
        for letter in [each for each in self.letters if isinstance(each, CheckpointTrigger)]:
            if letter.checkpoint_id == checkpoint_id:
                self.letters.remove(letter)

    async def wait(self) -> None:
        """Return when there is a letter."""
        while not self.letters:
            await self._arrived.wait()
