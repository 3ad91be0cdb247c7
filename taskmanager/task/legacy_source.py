"""A ``SourceFunction``, whose blocking ``run`` has a thread of its own.

The hand-over is one list that never changes its identity: the thread appends, the loop copies what is there and
deletes that many from the front. Both are single operations on the list, so no lock is needed per record. The loop is
woken only if it waits, so a slow source is served at once and a fast one hands over large batches. When the list is
full, the thread waits; how much is "full" follows from how fast the records are processed.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from typing import Any

from millstream.common.records import Marker, RecordBatch, WatermarkStatus
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, OperatorContext
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.task.checkpoint_lock import CheckpointLock
from millstream.taskmanager.task.interrupt import TaskInterrupted, raise_in_thread
from millstream.taskmanager.task.legacy_source_context import EmittedMarker, LegacySourceContext, StampedRecord
from millstream.taskmanager.task.source_driver import END_OF_INPUT, EndOfInput
from millstream.taskmanager.task.source_watermarks import INGESTION_TIME, PROCESSING_TIME

__all__ = ["LegacySource"]

_log = logging.getLogger(__name__)

_MIN_CAPACITY = 16
_MAX_CAPACITY = 16_384
_FIRST_CAPACITY = 1_024
_BUFFERED_NS = 20_000_000
"""The buffer should hold no more than what is processed in this time."""
_CLAIM_AGAIN_S = 0.002
_INTERRUPT_AFTER_S = 0.5
_ABANDON_AFTER_S = 5.0


class LegacySource:
    """Runs the function and takes what it emits."""

    def __init__(self, function: Any, context: OperatorContext, characteristic: str = "EventTime") -> None:
        """:param characteristic: in another than event time the function's timestamps and watermarks are dropped."""
        self.info = context.info
        self.records_out = 0
        self.opened = False
        self.capacity = _FIRST_CAPACITY
        self.pending: list[Any] = []
        self.waiting = False
        self.special = False
        self.cancelled = False
        self.lock = CheckpointLock(self.wake)
        self._function = UserFunction(function, "run", context)
        self._cancel = getattr(function, "cancel", None)
        self._name = f"source {context.info.name} ({context.task.subtask_index + 1}/{context.task.parallelism})"
        self._room = threading.Event()
        self._available = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._done = False
        self._claimed = False
        self._retry: asyncio.TimerHandle | None = None
        self._error: BaseException | None = None
        self._markers: list[RecordBatch | Marker] = []
        self._idle = False
        self._event_time = characteristic not in (PROCESSING_TIME, INGESTION_TIME)
        self._tells_idleness = characteristic != PROCESSING_TIME

    # ---------------------------------------------------------------- the loop's side

    def initialize_state(self) -> None:
        self._function.initialize_state()

    def open(self) -> None:
        self._function.open()

    def start(self) -> None:
        """Start the thread; called when all operators are open."""
        self._loop = asyncio.get_running_loop()
        # With the task's context: what is logged there comes from this task.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name=self._name, daemon=True)
        self._thread.start()

    @property
    def thread_ident(self) -> int | None:
        """Of the thread in which ``run`` runs, while it does."""
        return None if self._thread is None or self._done else self._thread.ident

    def poll(self) -> RecordBatch | Marker | EndOfInput | None:
        if self._markers:
            return self._markers.pop(0)
        # What was appended before `done` was set is seen below; so `done` has to be read first.
        done = self._done
        if self.pending:
            self._take_pending()
            return self._markers.pop(0)
        if done:
            if self._error is not None:
                raise self._error
            return END_OF_INPUT
        return None

    def claim(self) -> bool:
        if self.cancelled or self._done:
            return True  # nobody runs any more
        self._claimed = self.lock.claim()
        # Also where it is not granted: a thread that waits for room does not let go of the lock.
        if self.pending:
            self._take_pending()
        if not self._claimed and self._retry is None and self._loop is not None:
            self._retry = self._loop.call_later(_CLAIM_AGAIN_S, self._claim_again)
        return self._claimed

    def _claim_again(self) -> None:
        self._retry = None
        self.wake()

    def hand_back(self) -> None:
        if self._claimed:
            self._claimed = False
            self.lock.hand_back()

    def emitted(self) -> RecordBatch | Marker | None:
        return self._markers.pop(0) if self._markers else None

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        self._function.snapshot_state(checkpoint)

    def checkpoint_complete(self, checkpoint_id: int) -> None:
        self._function.notify_checkpoint_complete(checkpoint_id)

    def checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._function.notify_checkpoint_aborted(checkpoint_id)

    async def drain(self) -> list[RecordBatch | Marker]:
        await self.stop()
        if self.pending:
            self._take_pending()
        last, self._markers = self._markers, []
        return last

    async def wait(self) -> None:
        self._available.clear()
        self.waiting = True
        if self.pending or self._done:
            self.waiting = False
            return
        await self._available.wait()

    def processed(self, records: int, elapsed_ns: int) -> None:
        if self.cancelled:
            return
        fitting = records * _BUFFERED_NS // max(elapsed_ns, 1)
        # A few records tell little about a fast chain.
        if fitting < self.capacity or records * 4 >= self.capacity:
            self.capacity = max(_MIN_CAPACITY, min(_MAX_CAPACITY, self.capacity * 2, fitting))

    async def stop(self) -> None:
        thread = self._thread
        if thread is None:
            return
        self.cancelled = True
        self.capacity = 0
        self._room.set()
        self.lock.give_up()
        if self._retry is not None:
            self._retry.cancel()
        if not self._done:
            self._call_cancel()
            if not await self._has_ended(_INTERRUPT_AFTER_S):
                if thread.ident is not None:
                    raise_in_thread(thread.ident, TaskInterrupted)
                if not await self._has_ended(_ABANDON_AFTER_S):
                    _log.warning(
                        "%s does not return from run() after cancel(): its thread is left behind; it can emit no more. "
                        "run() should look regularly whether cancel() was called",
                        self._name,
                    )
                    return
        thread.join(1.0)  # it has only its last line to run

    def close(self) -> None:
        self._function.close()

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        return FailureSite(self.info, "run" if phase == "poll" else phase)

    def _call_cancel(self) -> None:
        if not callable(self._cancel):
            return
        try:
            self._cancel()
        except Exception:  # noqa: BLE001  # the task ends anyway
            _log.warning("cancel() of %s failed", self._name, exc_info=True)

    async def _has_ended(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except asyncio.TimeoutError:  # not the builtin in Python 3.10
            return False
        return True

    def _take_pending(self) -> None:
        """Move what the thread has emitted so far to where the loop takes it from."""
        pending = self.pending
        count = len(pending)
        taken = pending[:count]
        del pending[:count]
        if not self._room.is_set():
            self._room.set()
        if self.special:
            self._sort_out(taken)
        else:
            self.records_out += count
            self._markers.append(RecordBatch(taken))

    def _sort_out(self, taken: list[Any]) -> None:
        """Part records without and with timestamps and markers, in their order."""
        values: list[Any] = []
        timestamps: list[int | None] = []
        stamped = False

        def end_batch() -> None:
            nonlocal values, timestamps, stamped
            if values:
                self._markers.append(RecordBatch(values, timestamps if stamped else None))
                self.records_out += len(values)
            values, timestamps, stamped = [], [], False

        for item in taken:
            kind = type(item)
            if kind is EmittedMarker:
                end_batch()
                self._markers.append(item.marker)
            elif kind is StampedRecord:
                stamped = True
                values.append(item.value)
                timestamps.append(item.timestamp)
            else:
                values.append(item)
                timestamps.append(None)
        end_batch()

    # ---------------------------------------------------------------- the thread's side

    def _run(self) -> None:
        try:
            self._run_function()
        except TaskInterrupted:
            _log.debug("%s was interrupted when it had returned already", self._name)
        finally:
            self._done = True
            self._tell(self._on_ended)

    def _run_function(self) -> None:
        try:
            self._function.call(LegacySourceContext(self, event_time=self._event_time))
        except TaskInterrupted as error:
            if not self.cancelled:
                self._error = error
        except BaseException as error:  # noqa: BLE001  # whatever it is, the task fails with it
            if self.cancelled:
                _log.debug("%s raised after its cancellation", self._name, exc_info=True)
            else:
                self._error = error

    def _on_ended(self) -> None:
        self._ended.set()
        self._available.set()

    def _tell(self, method: Any) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(method)
        except RuntimeError:  # the loop is closed: nobody waits any more
            _log.debug("%s outlived its worker's loop", self._name)

    def wake(self) -> None:
        """Make the loop look; for both threads."""
        self.waiting = False
        self._tell(self._available.set)

    def block(self) -> None:
        """Wait until the buffer has room.

        :raises TaskInterrupted: the source is to end.
        """
        while True:
            if self.cancelled:
                raise TaskInterrupted("the source was cancelled")
            self._room.clear()
            if len(self.pending) < self.capacity:
                return
            if self.cancelled:
                continue
            self._room.wait()

    def put(self, item: Any) -> None:
        """Hand over anything but a plain record."""
        self.special = True
        self.pending.append(item)
        if self.waiting:
            self.wake()
        if len(self.pending) >= self.capacity:
            self.block()

    def mark_idle(self) -> None:
        """The source has nothing for a while."""
        if not self._idle and self._tells_idleness:
            self._idle = True
            self.put(EmittedMarker(WatermarkStatus(idle=True)))

    def mark_active(self) -> None:
        """The source emits again."""
        if self._idle:
            self._idle = False
            self.put(EmittedMarker(WatermarkStatus(idle=False)))
