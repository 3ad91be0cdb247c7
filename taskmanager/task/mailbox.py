"""What others want of a task while it works: it answers between two pieces of work, in order.

A letter lies in the mailbox until the task's loop comes by; whoever puts one in wakes the task, whatever it waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TypeAlias

from millstream.common.metrics import Histogram
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
    :ivar received: letters that were put in so far.
    :ivar latency_ms: how long they lay there.
    """

    __slots__ = ("_arrived", "_put_at", "_wake", "latency_ms", "letters", "received")

    def __init__(self, wake: Callable[[], None]) -> None:
        """:param wake: makes the task look, if it waits."""
        self.letters: deque[Letter] = deque()
        self.received = 0
        self.latency_ms = Histogram()
        self._put_at: deque[int] = deque()  # of each letter, ``perf_counter_ns``
        self._arrived = Wakeup()
        self._wake = wake

    def put(self, letter: Letter) -> None:
        """Leave a letter."""
        self.letters.append(letter)
        self._put_at.append(perf_counter_ns())
        self.received += 1
        self._arrived.notify()
        self._wake()

    def take(self) -> Letter:
        """Take the first letter, to answer it.

        :raises IndexError: there is none.
        """
        letter = self.letters.popleft()
        self.latency_ms.update((perf_counter_ns() - self._put_at.popleft()) / 1_000_000)
        return letter

    def forget(self, checkpoint_id: int) -> None:
        """The checkpoint is not wanted any more: it need not be begun."""
        for index in reversed(range(len(self.letters))):
            letter = self.letters[index]
            if isinstance(letter, CheckpointTrigger) and letter.checkpoint_id == checkpoint_id:
                del self.letters[index]
                del self._put_at[index]

    async def wait(self) -> None:
        """Return when there is a letter."""
        while not self.letters:
            await self._arrived.wait()
