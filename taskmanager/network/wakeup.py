"""Lets one task of the event loop wait until something may have changed."""

from __future__ import annotations

import asyncio

__all__ = ["Wakeup"]


class Wakeup:
    """A signal without a memory: whoever waits looks again at what he waits for."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Return at the next :meth:`notify`. Look at the condition before, without awaiting in between."""
        # A future for each: one who is cancelled takes nothing from the others.
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._waiting:  # not notified meanwhile
                self._waiting.remove(future)
            raise

    def notify(self) -> None:
        """Wake all who wait."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
