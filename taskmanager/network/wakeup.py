"""Lets one task of the event loop wait until something may have changed."""

from __future__ import annotations

import asyncio

__all__ = ["Wakeup"]


class Wakeup:
    """A signal without a memory: whoever waits looks again at what he waits for."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return at the next :meth:`notify`. Look at the condition before, without awaiting in between."""
        future = self._future
        if future is None or future.done():
            future = self._future = asyncio.get_running_loop().create_future()
        # Several may wait; one that is cancelled must not take the future from the others.
        await asyncio.shield(future)

    def notify(self) -> None:
        """Wake all who wait."""
        future = self._future
        if future is not None:
            self._future = None
            if not future.done():
                future.set_result(None)
