"""The alarms of a task's operators: they ring on the event loop, and the task answers between two pieces of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.clock import Clock

__all__ = ["Alarm"]


class Alarm:
    """One operator's clock and alarm; implements
    :class:`~millstream.taskmanager.operators.processing_time.ProcessingTimeService`.

    :param ring: called on the event loop when ``on_wake`` is due, once until :meth:`answer`.
    """

    __slots__ = ("_clock", "_due", "_handle", "_ring", "_rung")

    def __init__(self, clock: Clock, ring: Callable[[Alarm], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._rung = False

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def wake_at(self, time_ms: int | None) -> None:
        if time_ms == self._due and (self._handle is not None or time_ms is None):
            return
        self._cancel()
        self._due = time_ms
        if time_ms is None:
            return
        if time_ms <= self._clock.now_ms():
            # Not by way of the event loop: what is due already comes before the next record, and so also before the
            # end of the input, after which no alarm is answered.
            self._due = None
            self.wake()
        else:
            self._set(time_ms)

    def wake(self) -> None:
        if not self._rung:
            self._rung = True
            self._ring(self)

    def answer(self) -> int:
        """The operator is woken now; returns the time."""
        self._rung = False
        return self._clock.now_ms()

    def close(self) -> None:
        """Never ring again."""
        self._rung = True
        self._cancel()

    def _set(self, time_ms: int) -> None:
        # The two clocks need not agree to the millisecond: what rings too early is set again.
        delay = max(time_ms - self._clock.now_ms(), 0) / 1000
        self._handle = asyncio.get_running_loop().call_later(delay, self._on_time)

    def _on_time(self) -> None:
        self._handle = None
        due = self._due
        if due is None:
            return
        if self._clock.now_ms() < due:
            self._set(due)
            return
        self._due = None
        self.wake()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
