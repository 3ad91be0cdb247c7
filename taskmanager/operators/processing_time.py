"""An operator's view of the wall clock: what time it is, and an alarm.

An operator has at most one alarm; whoever needs more keeps a queue of times and sets the alarm to the first. When it
goes off, the task calls the operator's ``on_wake`` between two other calls, so that timers never interleave with
records. :meth:`ProcessingTimeService.wake` is the same at once, for what ends elsewhere (a user's coroutine).
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["ManualProcessingTime", "ProcessingTimeService"]


class ProcessingTimeService(Protocol):
    """One operator's clock and alarm. For the slot's event loop only."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    def wake_at(self, time_ms: int | None) -> None:
        """Set the alarm to a time, in place of the earlier one; one that has passed goes off at once. ``None``: off."""
        ...

    def wake(self) -> None:
        """Have ``on_wake`` called soon; the alarm stays as it is. Several calls before that count as one."""
        ...


class ManualProcessingTime:
    """A clock that is moved by hand, for tests.

    :ivar alarm: when it goes off; ``None``: it is off. Whoever moves the clock looks at it and calls ``on_wake``.
    :ivar woken: :meth:`wake` was called; who has called ``on_wake`` sets it back.
    """

    __slots__ = ("_now_ms", "alarm", "woken")

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self.alarm: int | None = None
        self.woken = False

    def now_ms(self) -> int:
        return self._now_ms

    def wake_at(self, time_ms: int | None) -> None:
        self.alarm = time_ms

    def wake(self) -> None:
        self.woken = True

    def set_now(self, now_ms: int) -> None:
        """Move the clock forward.

        :raises ValueError: that would be backward.
        """
        if now_ms < self._now_ms:
            raise ValueError(f"a clock does not run backward: from {self._now_ms} to {now_ms} ms")
        self._now_ms = now_ms
