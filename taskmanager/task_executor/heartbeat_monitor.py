"""Notices that somebody's heartbeats have stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["HeartbeatMonitor"]


class HeartbeatMonitor:
    """Calls ``on_timeout`` once if :meth:`beat` is not called for ``timeout_s`` seconds. Runs from its making."""

    def __init__(self, timeout_s: float, on_timeout: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._on_timeout = on_timeout
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(timeout_s, self._check)

    @property
    def timeout_s(self) -> float:
        return self._timeout_s

    def beat(self) -> None:
        """A heartbeat came."""
        self._last = self._loop.time()

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        due = self._last + self._timeout_s
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._check)
        else:
            self._timer = None
            self._on_timeout()
