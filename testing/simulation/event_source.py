"""The source of a checked stream: its events at a pace, from any place on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Any

from millstream.common.records import RecordBatch
from millstream.common.time import Duration
from millstream.common.watermark_strategy import (
    TimestampAssigner,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
)
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.datastream.split_enumerator import SplitEnumerator, SplitEnumeratorContext
from millstream.testing.simulation.events import Event, event
from millstream.testing.simulation.job_spec import StreamSpec

__all__ = ["EnumeratedEventSource", "EventSource", "event_source", "watermarks"]

_MOST_PER_BATCH = 8


_PAUSE_S = 0.8
_IDLE_MS = 200


def event_source(stream: StreamSpec) -> Source:
    """Return the source of a stream."""
    return EnumeratedEventSource(stream) if stream.enumerated else EventSource(stream)


class EventSource(Source):
    """A stream's events; those of one key are in one split."""

    def __init__(self, stream: StreamSpec) -> None:
        self._stream = stream

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        mine = range(context.index_of_subtask, self._stream.splits, context.parallelism)
        return _EventReader(self._stream, mine)


class _EventReader(SourceReader):
    """Its state is pairs of the next number of a split, and the split. The one that is behind comes first, so that
    the watermark does not make its events late.
    """

    def __init__(self, stream: StreamSpec, splits: Sequence[int]) -> None:
        self._stream = stream
        self._left = [(split, split) for split in splits]
        self._due = 0.0

    def start(self) -> None:
        self._due = asyncio.get_running_loop().time()

    def poll(self) -> RecordBatch | InputStatus:
        stream, left = self._stream, self._left
        now = asyncio.get_running_loop().time()
        events: list[Event] = []
        while left and self._due <= now and len(events) < _MOST_PER_BATCH:
            number, split = left[0]
            if number >= stream.count:
                heappop(left)
                continue
            events.append(event(stream, number))
            if number == stream.pause_at:
                self._due += _PAUSE_S
            # Each split has its share of the pace, whoever reads it.
            self._due += stream.splits / (stream.per_second * len(left))
            heapreplace(left, (number + stream.splits, split))
        if events:
            return RecordBatch(events)
        return InputStatus.NOTHING_AVAILABLE if left else InputStatus.END_OF_INPUT

    async def wait_available(self) -> None:
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))

    def snapshot_state(self) -> Sequence[Any]:
        return tuple(self._left)

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._left = [(number, split) for number, split in splits]
        heapify(self._left)


class EnumeratedEventSource(Source):
    """The same, with an enumerator: whoever asks first gets the first split."""

    def __init__(self, stream: StreamSpec) -> None:
        self._stream = stream

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _AssignedReader(self._stream, context)

    def create_enumerator(self, context: SplitEnumeratorContext) -> SplitEnumerator:
        return _Dealer(context, range(self._stream.splits))

    def restore_enumerator(self, context: SplitEnumeratorContext, items: Sequence[Any]) -> SplitEnumerator:
        return _Dealer(context, items)


class _Dealer(SplitEnumerator):
    def __init__(self, context: SplitEnumeratorContext, splits: Iterable[int]) -> None:
        self._context = context
        self._left = deque(splits)

    def handle_split_request(self, subtask_id: int) -> None:
        if self._left:
            split = self._left.popleft()
            self._context.assign_split((split, split), subtask_id)
        else:
            self._context.signal_no_more_splits(subtask_id)

    def snapshot_state(self) -> Sequence[Any]:
        return tuple(self._left)


class _AssignedReader(SourceReader):
    """Reads when all splits are dealt out: one that came later would be behind the watermark."""

    def __init__(self, stream: StreamSpec, context: SourceReaderContext) -> None:
        self._reader = _EventReader(stream, ())
        self._request = context.send_split_request
        self._all_dealt_out = asyncio.Event()
        self._started = False

    def start(self) -> None:
        self._started = True
        self._request()

    def add_splits(self, splits: Sequence[Any]) -> None:
        self._reader.restore_state([*self._reader.snapshot_state(), *splits])
        if self._started:
            self._request()

    def notify_no_more_splits(self) -> None:
        self._reader.start()
        self._all_dealt_out.set()

    def poll(self) -> RecordBatch | InputStatus:
        return self._reader.poll() if self._all_dealt_out.is_set() else InputStatus.NOTHING_AVAILABLE

    async def wait_available(self) -> None:
        if self._all_dealt_out.is_set():
            await self._reader.wait_available()
        else:
            await self._all_dealt_out.wait()

    def snapshot_state(self) -> Sequence[Any]:
        return self._reader.snapshot_state()


class _EventTime(TimestampAssigner):
    def extract_timestamp(self, value: Event, record_timestamp: int) -> int:
        return value.timestamp


class _AfterEachEvent(WatermarkGenerator):
    """What is late does not depend on when watermarks are made if one comes after each event."""

    def __init__(self, delay_ms: int) -> None:
        self._delay_ms = delay_ms
        self._latest = -(2**62)

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        self._latest = max(self._latest, event_timestamp)
        output.emit_watermark(self._latest - self._delay_ms - 1)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


def watermarks(stream: StreamSpec) -> WatermarkStrategy:
    """Return how a stream's event time goes on.

    A reader gives events in the order of their numbers, so that no event is further back than the stream's disorder,
    but for those that are meant to be late.
    """
    delay_ms = stream.disorder_ms
    if stream.late_every:
        strategy = WatermarkStrategy.for_generator(_AfterEachEvent(delay_ms))
    else:
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(delay_ms))
    if stream.pause_at is not None:
        strategy = strategy.with_idleness(Duration.of_millis(_IDLE_MS))
    return strategy.with_timestamp_assigner(_EventTime())
