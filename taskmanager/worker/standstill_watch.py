"""Ends a worker process that stands still (SIGSTOP, a terminal's Ctrl-Z): else its job would wait for it for ever.

That it stands still is told by the kernel. Silence would not do: a worker whose user code blocks for an hour says
nothing all the time either, and does what it should.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from millstream.common.config import HeartbeatOptions

__all__ = ["StandstillWatch"]

_SLICES: Final = 5


class StandstillWatch:
    """Watches one worker process.

    :param timeout_s: so long it may stand still.
    :param give_up: is called once with what is wrong with it, in words, when it stands still for longer.
    """

    def __init__(self, timeout_s: float, give_up: Callable[[str], None]) -> None:
        self._timeout_s = timeout_s
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._slices_left = 0

    def stopped(self) -> None:
        """It stands still from now on."""
        if self._timer is None:
            # In slices: if this process stands still too, the whole time must not be over at once when both go on.
            self._slices_left = _SLICES
            self._wait()

    def goes_on(self) -> None:
        """It runs again, or has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = self._loop.call_later(self._timeout_s / _SLICES, self._slice_over)

    def _slice_over(self) -> None:
        self._slices_left -= 1
        if self._slices_left:
            self._wait()
        else:
            self._timer = None
            self._give_up(f"it stood still for {self._timeout_s:g} s ({HeartbeatOptions.TIMEOUT.key})")
