"""A source whose reader runs on the slot's event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from millstream.common.records import Marker, RecordBatch
from millstream.datastream.source import InputStatus, SourceReader, SourceReaderContext, SplitFinished, SplitRecords
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, OperatorContext
from millstream.taskmanager.operators.timestamps import TimestampsOperator
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.task.source_driver import END_OF_INPUT, EndOfInput
from millstream.taskmanager.task.source_watermarks import SourceAlignment
from millstream.taskmanager.task.split_requests import SplitRequests

__all__ = ["ReaderSource"]

_log = logging.getLogger(__name__)

_IMPATIENCE_S = 0.001
_SPLITS = " splits"
_SHARED = " shared"


class ReaderSource:
    """Polls a :class:`~millstream.datastream.source.SourceReader`.

    :ivar waits_for_splits: the reader has read all that it was given, and the enumerator has not ended.
    :ivar splits_processed: splits that the reader said it has finished.
    """

    def __init__(
        self,
        source: Any,
        context: OperatorContext,
        configuration: dict[str, str],
        alignment: SourceAlignment | None = None,
        *,
        restored: bool = False,
        requests: SplitRequests | None = None,
        timestamps: TimestampsOperator | None = None,
    ) -> None:
        """:param restored: the source is in the checkpoint that the task goes on from, maybe without splits for it.

        :param requests: for the readers of a source with an enumerator: how they ask it.
        :param timestamps: what makes the watermarks, if the source has a strategy.
        """
        self.info = context.info
        self.records_out = 0
        self.opened = False
        self._source = source
        self._alignment = alignment
        self._now_ms = context.processing_time.now_ms
        self.splits_processed = 0
        self._states = context.state
        self._restored = restored
        self._requests = requests
        self._timestamps = timestamps
        self._splits_to_come = requests is not None
        self.waits_for_splits = False
        self._context = SourceReaderContext(
            index_of_subtask=context.task.subtask_index,
            parallelism=context.task.parallelism,
            max_parallelism=context.task.max_parallelism,
            max_records_per_batch=MAX_BATCH_RECORDS,
            configuration=configuration,
        )
        if requests is not None:
            self._context = replace(self._context, send_split_request=requests.ask)
        self._reader: SourceReader | None = None
        self._empty_polls = 0
        self._waiting: asyncio.Task[None] | None = None
        self._wakeup = asyncio.Event()
        self._waking: asyncio.Future[None] | None = None

    def initialize_state(self) -> None:
        """The reader takes its splits over when it is opened."""

    def open(self) -> None:
        if self._alignment is not None:
            self._alignment.open()
        reader: SourceReader = self._source.create_reader(self._context)
        self._reader = reader
        if self._restored:
            states = self._states.operator()
            reader.restore_shared_state(states.items(_SHARED) or [])
            splits = states.items(_SPLITS) or []
            if self._requests is None:
                reader.restore_state(splits)
            elif splits:
                reader.add_splits(splits)
        reader.start()

    def add_splits(self, splits: Sequence[Any]) -> None:
        """The enumerator has assigned splits; user code."""
        if self._reader is None or self._requests is None:
            raise RuntimeError(f"source {self.info.name!r} got splits, but does not read")
        self._requests.answered()
        self.waits_for_splits = False
        self._reader.add_splits(splits)

    def no_more_splits(self) -> None:
        """The enumerator has ended; user code. Nothing if that is known."""
        if not self._splits_to_come:
            return
        self._splits_to_come = self.waits_for_splits = False
        if self._requests is not None:
            self._requests.close()
        if self._reader is not None:
            self._reader.notify_no_more_splits()

    def poll(self) -> RecordBatch | Marker | EndOfInput | None:
        if self._reader is None:
            raise RuntimeError(f"source {self.info.name!r} was polled before it was opened")
        if self._alignment is not None and self._alignment.holds_back():
            return None
        given = self._reader.poll()
        if given is InputStatus.END_OF_INPUT:
            if not self._splits_to_come:
                return END_OF_INPUT
            self.waits_for_splits = True
            return None
        if given is InputStatus.NOTHING_AVAILABLE:
            self._empty_polls += 1
            return None
        self._empty_polls = 0
        if not isinstance(given, RecordBatch):
            given = self._of_split(given)
        self.records_out += len(given.values)
        return given

    def _of_split(self, given: object) -> RecordBatch:
        """What a reader says of one of its splits."""
        if isinstance(given, SplitRecords) and isinstance(given.batch, RecordBatch):
            if self._timestamps is not None:
                self._timestamps.begin_split(given.split_id)
            return given.batch
        if isinstance(given, SplitFinished):
            self.splits_processed += 1
            if self._timestamps is not None:
                self._timestamps.end_split(given.split_id)
            return RecordBatch([])
        raise TypeError(
            f"{type(self._reader).__qualname__}.poll() returned {type(given).__qualname__}; "
            "it must return a RecordBatch, SplitRecords, SplitFinished or an InputStatus"
        )

    # ---------------------------------------------------------------- for metrics

    @property
    def alignment(self) -> SourceAlignment | None:
        """What holds it back for other sources."""
        return self._alignment

    def now_ms(self) -> int:
        """The source's processing time."""
        return self._now_ms()

    def pending_records(self) -> int | None:
        """Records that wait to be read, if the reader knows."""
        return None if self._reader is None else self._reader.pending_records()

    def pending_bytes(self) -> int | None:
        """Bytes that wait to be read, if the reader knows."""
        return None if self._reader is None else self._reader.pending_bytes()

    def emit_event_time_lag_ms(self) -> int | None:
        """How old the last records were when they were emitted; ``None``: they have no timestamps."""
        return None if self._timestamps is None else self._timestamps.emit_lag_ms

    # ---------------------------------------------------------------- what the task calls

    async def wait(self) -> None:
        reader = self._reader
        if reader is None:
            return
        if self._alignment is not None and self._alignment.holding:
            await self._wakeup.wait()
            self._wakeup.clear()
            return
        # A wait that a wake-up cut short goes on: cancelling it could lose what the user's coroutine holds.
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = asyncio.get_running_loop().create_task(reader.wait_available())
        if not self._wakeup.is_set():
            # A future, not a task that waits for the event: this is done for each record of a slow stream.
            waking = self._waking = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait({waiting, waking}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._waking = None
        self._wakeup.clear()
        if not waiting.done():
            return
        self._waiting = None
        waiting.result()
        if self._empty_polls > 1:
            await asyncio.sleep(_IMPATIENCE_S)  # it says that there is something, but there was not

    def wake(self) -> None:
        self._wakeup.set()
        if self._waking is not None and not self._waking.done():
            self._waking.set_result(None)

    def processed(self, records: int, elapsed_ns: int) -> None:
        """The chain slices batches by cost, and the reader knows its largest batch."""

    def claim(self) -> bool:
        return True  # it does nothing between two polls

    def hand_back(self) -> None:
        """It was not held up."""

    def emitted(self) -> RecordBatch | Marker | None:
        return None

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        if self._reader is not None:
            states = self._states.operator()
            states.put_items(_SPLITS, list(self._reader.snapshot_state()))
            shared = list(self._reader.snapshot_shared_state())
            # No checkpoint is possible where a reader that has finished takes its part of a union with it.
            if shared or states.items(_SHARED):
                states.put_items(_SHARED, shared, OperatorStateMode.UNION)

    def checkpoint_complete(self, checkpoint_id: int) -> None:
        self._notify("notify_checkpoint_complete", checkpoint_id)

    def checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._notify("notify_checkpoint_aborted", checkpoint_id)

    def _notify(self, hook: str, checkpoint_id: int) -> None:
        call = getattr(self._reader, hook, None)
        if callable(call):
            call(checkpoint_id)

    async def drain(self) -> list[RecordBatch | Marker]:
        await self.stop()
        return []

    async def stop(self) -> None:
        if self._alignment is not None:
            self._alignment.close()
        if self._requests is not None:
            self._requests.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
            if not waiting.cancelled() and waiting.exception() is not None:
                _log.debug(
                    "%s: wait_available() raised when it was cancelled", self.info.name, exc_info=waiting.exception()
                )

    def close(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        return FailureSite(self.info, phase)
