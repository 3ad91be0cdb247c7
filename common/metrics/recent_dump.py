"""One look at the metrics for several reporters that ask at about the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from millstream.common.wire.metrics_pb2 import MetricDump

__all__ = ["RecentDump"]

_FRESH_SECONDS: Final = 0.5


class RecentDump:
    """Collects the process's metrics when asked, unless it did so a moment ago or is at it.

    :param collect: collects them.
    :param monotonic: seconds on a clock that never goes backwards.
    """

    __slots__ = ("_collect", "_collected_at", "_dump", "_monotonic", "_under_way")

    def __init__(
        self, collect: Callable[[], Awaitable[MetricDump]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._collect = collect
        self._monotonic = monotonic
        self._dump: MetricDump | None = None
        self._collected_at = 0.0
        self._under_way: asyncio.Task[MetricDump] | None = None

    async def get(self) -> MetricDump:
        """The metrics, at most half a second old. That one who asks gives up does not disturb the others."""
        if self._dump is not None and self._monotonic() - self._collected_at < _FRESH_SECONDS:
            return self._dump
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.get_running_loop().create_task(self._collected(), name="metrics for reporters")
            self._under_way.add_done_callback(_seen)
        return await asyncio.shield(self._under_way)

    async def close(self) -> None:
        """Give up what is under way."""
        if self._under_way is not None and not self._under_way.done():
            self._under_way.cancel()
            await asyncio.wait({self._under_way})

    async def _collected(self) -> MetricDump:
        dump = await self._collect()
        self._dump, self._collected_at = dump, self._monotonic()
        return dump


def _seen(task: asyncio.Task[MetricDump]) -> None:
    """Whoever waits gets the failure; where everybody gave up, asyncio need not complain."""
    if not task.cancelled():
        task.exception()
