"""An event loop on which waiting takes no time: when nothing is ready, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["run"]


class _Selector(selectors.DefaultSelector):
    """Jumps instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        if not ready and timeout is not None and timeout > 0:
            self.jumped += timeout
        return ready


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _Selector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.jumped


def run(test: Callable[[], Coroutine[Any, Any, None]], seconds: float = 3600.0) -> None:
    """Run a test on a new loop of this kind, for so long by its clock at most. Nothing on it may use threads."""
    loop = _VirtualTimeLoop()
    try:
        loop.run_until_complete(asyncio.wait_for(test(), seconds))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
