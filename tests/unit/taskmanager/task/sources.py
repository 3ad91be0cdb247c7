"""Sources for the task tests. They live in a module, so that tests share state with them through it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext


class ListSource(Source):
    """Gives batches, then ends (or waits for ever)."""

    def __init__(self, batches: list[list[Any]], *, endless: bool = False) -> None:
        self.batches = batches
        self.endless = endless

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED if self.endless else Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _ListReader(list(self.batches), self.endless)


class _ListReader(SourceReader):
    def __init__(self, batches: list[list[Any]], endless: bool) -> None:
        self.batches = batches
        self.endless = endless

    def poll(self) -> RecordBatch | InputStatus:
        if self.batches:
            return RecordBatch(list(self.batches.pop(0)))
        return InputStatus.NOTHING_AVAILABLE if self.endless else InputStatus.END_OF_INPUT

    async def wait_available(self) -> None:
        await asyncio.Event().wait()


class EndlessSource(Source):
    """Always has something."""

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _EndlessReader()


class _EndlessReader(SourceReader):
    def poll(self) -> RecordBatch | InputStatus:
        return RecordBatch(list(range(100)))


class HeavySource(EndlessSource):
    """Has much to remember."""

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _HeavyReader()


class _HeavyReader(_EndlessReader):
    def snapshot_state(self) -> list[bytes]:
        return [b"x" * 10_000]


class FailingSource(Source):
    """Fails in the named method."""

    def __init__(self, where: str) -> None:
        self.where = where

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _FailingReader(self.where)


class _FailingReader(SourceReader):
    def __init__(self, where: str) -> None:
        self.where = where

    def start(self) -> None:
        self._fail("start")

    def poll(self) -> RecordBatch | InputStatus:
        self._fail("poll")
        return InputStatus.NOTHING_AVAILABLE if self.where == "wait_available" else InputStatus.END_OF_INPUT

    async def wait_available(self) -> None:
        self._fail("wait_available")

    def close(self) -> None:
        self._fail("close")

    def _fail(self, where: str) -> None:
        if where == self.where:
            raise StopIteration("poll") if where == "poll" else LookupError(where)


class CountingLegacy:
    """Emits numbers; remembers how it ended."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.running = True

    def run(self, ctx: Any) -> None:
        number = 0
        while self.running and number < self.count:
            with ctx.get_checkpoint_lock():
                ctx.collect(number)
            number += 1

    def cancel(self) -> None:
        self.running = False


class DeafLegacy:
    """Emits for ever and does not listen to cancel()."""

    def run(self, ctx: Any) -> None:
        number = 0
        while True:
            try:
                ctx.collect(number)
                number += 1
            except Exception:  # noqa: BLE001  # as stubborn users do
                continue

    def cancel(self) -> None:
        raise RuntimeError("deaf")


class SpinningLegacy:
    """Computes for ever without emitting."""

    def run(self, ctx: Any) -> None:
        while True:
            pass

    def cancel(self) -> None:
        return


class StampingLegacy:
    """Mixes all that a source can emit."""

    def run(self, ctx: Any) -> None:
        ctx.collect("a")
        ctx.collect_with_timestamp("b", 5)
        ctx.emit_watermark(5)
        ctx.emit_watermark(4)
        ctx.collect("c")
        ctx.mark_as_temporarily_idle()
        ctx.collect("d")

    def cancel(self) -> None:
        return


class FailingLegacy:
    """Fails after a few records."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, ctx: Any) -> None:
        ctx.collect(1)
        raise self.error

    def cancel(self) -> None:
        return


class GatedLegacy:
    """Emits one record each time that the test lets it."""

    gate = threading.Semaphore(0)
    stopped = threading.Event()

    def run(self, ctx: Any) -> None:
        while not GatedLegacy.stopped.is_set():
            if GatedLegacy.gate.acquire(timeout=0.05):
                ctx.collect("tick")

    def cancel(self) -> None:
        GatedLegacy.stopped.set()


class FeedSource(Source):
    """Gives what the test feeds it; its position is how many records it has given.

    :ivar restored: the splits that a reader was given; ``None``: none were.
    """

    def __init__(self, batches: list[list[Any]] | None = None) -> None:
        self.key = len(_FEEDS)
        _FEEDS.append(self)
        self.batches = list(batches or [])
        self.restored: list[Any] | None = None
        self.polled = 0
        self.fed = asyncio.Event()

    def __reduce__(self) -> Any:
        return _feed, (self.key,)

    def give(self, batch: list[Any]) -> None:
        """Let the reader have a batch."""
        self.batches.append(batch)
        self.fed.set()

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _FeedReader(self)


_FEEDS: list[FeedSource] = []


def _feed(key: int) -> FeedSource:
    return _FEEDS[key]


class _FeedReader(SourceReader):
    def __init__(self, feed: FeedSource) -> None:
        self.feed = feed
        self.position = 0
        self.started = False

    def start(self) -> None:
        self.started = True

    def poll(self) -> RecordBatch | InputStatus:
        self.feed.polled += 1
        if not self.feed.batches:
            return InputStatus.NOTHING_AVAILABLE
        batch = self.feed.batches.pop(0)
        self.position += len(batch)
        return RecordBatch(list(batch))

    async def wait_available(self) -> None:
        while not self.feed.batches:
            self.feed.fed.clear()
            await self.feed.fed.wait()

    def snapshot_state(self) -> list[Any]:
        return [self.position]

    def restore_state(self, splits: Any) -> None:
        assert not self.started
        self.feed.restored = list(splits)
        self.position = sum(splits)
