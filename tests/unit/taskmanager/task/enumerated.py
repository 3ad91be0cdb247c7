"""A source whose enumerator hands out ranges of numbers on request, for the task tests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.records import RecordBatch
from millstream.common.time import Duration
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.datastream.split_enumerator import SplitEnumerator, SplitEnumeratorContext

LOG: list[Any] = []
"""What enumerators were told."""

Range = tuple[int, int]


class RangeSource(Source):
    """Ranges ``(first number, number after the last)``, each for whoever asks first.

    :param period: also assign one to each reader so often, ms.
    :param failing: the method of the enumerator that fails.
    """

    def __init__(self, ranges: Sequence[Range], *, endless: bool = False, period: int = 0, failing: str = "") -> None:
        self.ranges = list(ranges)
        self.endless = endless
        self.period = period
        self.failing = failing

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED if self.endless else Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return RangeReader(context.max_records_per_batch, context.send_split_request)

    def create_enumerator(self, context: SplitEnumeratorContext) -> SplitEnumerator:
        return RangeEnumerator(self, context, self.ranges)

    def restore_enumerator(self, context: SplitEnumeratorContext, items: Sequence[Any]) -> SplitEnumerator:
        return RangeEnumerator(self, context, items)


class RangeEnumerator(SplitEnumerator):
    def __init__(self, source: RangeSource, context: SplitEnumeratorContext, ranges: Sequence[Range]) -> None:
        self.source = source
        self.context = context
        self.ranges = deque(ranges)

    def fail(self, where: str) -> None:
        if where == self.source.failing:
            raise LookupError(where)

    def start(self) -> None:
        LOG.append(("start", self.context.current_parallelism, list(self.context.registered_readers)))
        self.fail("start")
        if self.source.period:
            self.context.call_periodically(self.discover, Duration.of_millis(self.source.period))

    def add_reader(self, subtask_id: int) -> None:
        LOG.append(("reader", subtask_id, list(self.context.registered_readers)))

    def discover(self) -> None:
        self.fail("call_periodically")
        for reader in self.context.registered_readers:
            if self.ranges:
                self.context.assign_splits({reader: [self.ranges.popleft()]})

    def handle_split_request(self, subtask_id: int) -> None:
        LOG.append(("request", subtask_id))
        self.fail("handle_split_request")
        if self.ranges:
            self.context.assign_split(self.ranges.popleft(), subtask_id)
        elif not self.source.endless:
            self.context.signal_no_more_splits(subtask_id)

    def snapshot_state(self) -> Sequence[Any]:
        if self.source.failing == "snapshot_state":
            self.context.assign_split((0, 1), 0)
        return list(self.ranges)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        LOG.append(("complete", checkpoint_id))

    def close(self) -> None:
        LOG.append("close")


class RangeReader(SourceReader):
    """Asks when it has nothing to read."""

    def __init__(self, batch: int, ask: Callable[[], None]) -> None:
        self.batch = batch
        self.ask = ask
        self.ranges: deque[Range] = deque()

    def start(self) -> None:
        if not self.ranges:
            self.ask()

    def poll(self) -> RecordBatch | InputStatus:
        if not self.ranges:
            return InputStatus.END_OF_INPUT
        first, end = self.ranges.popleft()
        following = min(first + self.batch, end)
        if following < end:
            self.ranges.appendleft((following, end))
        if not self.ranges:
            self.ask()
        return RecordBatch(list(range(first, following)))

    async def wait_available(self) -> None:
        await asyncio.Event().wait()

    def add_splits(self, splits: Sequence[Range]) -> None:
        LOG.append(("splits", list(splits)))
        self.ranges.extend(splits)

    def notify_no_more_splits(self) -> None:
        LOG.append("no more")

    def snapshot_state(self) -> Sequence[Any]:
        return list(self.ranges)
