"""Sees to it that a cancelled task ends: first patience, then interrupts, then the end of its worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["CancellationWatchdog"]

_FIRST_INTERRUPT_S = 0.5


class CancellationWatchdog:
    """Watches one cancelled attempt until it is stopped.

    :param interval_s: between two interrupts.
    :param timeout_s: then ``give_up`` is called; 0: never.
    :param interrupt: breaks into user code that blocks.
    """

    def __init__(
        self, interval_s: float, timeout_s: float, interrupt: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        self._interval_s = max(interval_s, 0.01)
        self._interrupt = interrupt
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_FIRST_INTERRUPT_S, self._interrupt_again)
        self._end_timer = self._loop.call_later(timeout_s, give_up) if timeout_s > 0 else None

    def stop(self) -> None:
        """The attempt has ended."""
        self._timer.cancel()
        if self._end_timer is not None:
            self._end_timer.cancel()

    def _interrupt_again(self) -> None:
        self._timer = self._loop.call_later(self._interval_s, self._interrupt_again)
        self._interrupt()
