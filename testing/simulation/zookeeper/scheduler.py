"""What moves the model of ZooKeeper: time, delays, chance and cuts, from outside.

In a simulation they come from its seed (:mod:`millstream.testing.simulation.zookeeper.in_simulation`). In a test on
an ordinary event loop (:class:`LoopScheduler`) nothing is delayed but to the loop's next turn, and nothing is left to
chance.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["RESOLUTION_S", "LoopScheduler", "Scheduler"]

RESOLUTION_S = 1e-6
"""What is scheduled may come early by less."""


class Scheduler(Protocol):
    """Time, delays, chance and cuts."""

    @property
    def random(self) -> random.Random: ...

    @property
    def now(self) -> float:
        """Seconds; runs evenly."""
        ...

    @property
    def now_ms(self) -> int:
        """The servers' time of day, in milliseconds since the Unix epoch."""
        ...

    def at(self, delay: float, action: Callable[[], None]) -> Callable[[], None]:
        """Do something in ``delay`` seconds, those of the same moment in order. Returns what forgets it."""
        ...

    def latency(self, sender: str, receiver: str) -> float:
        """How many seconds the next packet from host to host takes."""
        ...

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Packets from host to host do not arrive at present."""
        ...


class LoopScheduler:
    """Runs the model on the event loop that runs when it is used."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    @property
    def random(self) -> random.Random:
        return self._random

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def at(self, delay: float, action: Callable[[], None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        return (loop.call_later(delay, action) if delay > 0 else loop.call_soon(action)).cancel

    def latency(self, sender: str, receiver: str) -> float:
        return 0.0

    def is_cut(self, sender: str, receiver: str) -> bool:
        return False
