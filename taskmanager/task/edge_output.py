"""One output edge of a task: emits, flushes in time, and tells which user code failed on the way.

Partitioning and encoding call user code too (key selectors, partitioners, ``__reduce__``), so what comes out of a
:class:`~millstream.taskmanager.exchange.ResultWriter` is sorted here into failures of the exchange and of the user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import cloudpickle

from millstream.common.records import CheckpointBarrier, LatencyMarker, Marker, RecordBatch
from millstream.common.stable_hash import UnsupportedKeyTypeError
from millstream.taskmanager.exchange import ExchangeError, ResultWriter, UnderWay
from millstream.taskmanager.network.partitioners import PartitionerFunctionError
from millstream.taskmanager.network.value_serializer import RecordSerializationError
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, OperatorInfo
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.task_metrics import TaskTimes
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["EdgeOutput"]

_PHASES = {"get_key": "key_by", "partition": "partition"}


class EdgeOutput:
    """Wraps the writer of one edge.

    :ivar info: the operator whose output the edge takes.
    :param buffer_timeout_ms: 0: flush after each batch; -1: never but at the end; else at the latest after this time.
    :param on_failure: told what a flush by timer raised.
    """

    def __init__(
        self,
        writer: ResultWriter,
        info: OperatorInfo,
        buffer_timeout_ms: int,
        times: TaskTimes,
        section: UserCodeSection,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.writer = writer
        self.info = info
        self._timeout_ms = buffer_timeout_ms
        self._times = times
        self._section = section
        self._on_failure = on_failure
        self._dirty = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_room(self) -> bool:
        return self.writer.has_room

    async def wait_room(self) -> None:
        """See :class:`~millstream.taskmanager.operators.outlet.Outlet`."""
        await self.writer.wait_room()

    async def wait_consumed(self) -> None:
        """See :class:`~millstream.taskmanager.operators.outlet.Outlet`."""
        await self.writer.wait_consumed()

    def emit(self, batch: RecordBatch) -> None:
        """Send a batch on its way."""
        values = batch.values
        self._times.records_out += len(values)
        self._guarded(self.writer.emit, batch, values)
        self._dirty = True
        if self._timeout_ms == 0:
            self._flush()
        elif self._timeout_ms > 0 and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout_ms / 1000, self._on_timer)

    def broadcast(self, marker: Marker) -> None:
        """Send a marker after all that was emitted."""
        self._guarded(self.writer.broadcast, marker, [])
        self._dirty = True

    def sample(self, marker: LatencyMarker) -> None:
        """Send a mark after all that was emitted, to one of the consumers."""
        self._guarded(self.writer.sample, marker, [])
        self._dirty = True

    def overtake(self, barrier: CheckpointBarrier) -> list[UnderWay]:
        """Send a barrier ahead of all that is queued; return what it has overtaken."""
        return self._kept(lambda: self.writer.overtake(barrier))

    def announce(self, barrier: CheckpointBarrier) -> None:
        """Send a barrier after all that was emitted, and say so ahead of it."""
        self._guarded(self.writer.announce, barrier, [])

    def expedite(self, checkpoint_id: int) -> list[UnderWay]:
        """Let the announced barrier overtake what is still before it; return that."""
        return self._kept(lambda: self.writer.expedite(checkpoint_id))

    async def wait_sent(self, checkpoint_id: int) -> None:
        """Return when the announced barrier waits nowhere any more."""
        await self.writer.wait_sent(checkpoint_id)

    def hurry(self, on: bool) -> None:
        """See :class:`~millstream.taskmanager.operators.outlet.Outlet`."""
        self.writer.hurry(on)

    def _kept(self, call: Callable[[], list[UnderWay]]) -> list[UnderWay]:
        kept: list[UnderWay] = []
        self._guarded(lambda _none: kept.extend(call()), None, [])
        return kept

    def idle(self) -> None:
        """The task has nothing to do: what it has made should not wait for more."""
        if self._dirty and self._timeout_ms >= 0:
            self._flush()

    def finish(self) -> None:
        """Nothing more will be emitted."""
        self._cancel_timer()
        self._guarded(lambda _none: self.writer.finish(), None, [])

    def fail(self, reason: str) -> None:
        """The task did not end well."""
        self._cancel_timer()
        self.writer.fail(reason)

    def close(self) -> None:
        """Let go of everything."""
        self._cancel_timer()
        self.writer.close()

    def _flush(self) -> None:
        self._dirty = False
        self._guarded(lambda _none: self.writer.flush(), None, [])

    def _on_timer(self) -> None:
        self._timer = None
        if not self._dirty:
            return
        try:
            self._flush()
        except Exception as error:  # noqa: BLE001  # the task fails with it
            self._on_failure(error)
        except TaskInterrupted as error:
            self._on_failure(error)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _guarded(self, action: Callable[[Any], None], argument: Any, values: list[Any]) -> None:
        section = self._section
        section.enter(perf_counter_ns())
        try:
            action(argument)
        except BaseException as error:  # noqa: BLE001  # raised again below, when the section is left
            failure = error
        else:
            section.leave()
            return
        section.leave()
        self._raise(failure, values)

    def _raise(self, error: BaseException, values: list[Any]) -> None:
        if isinstance(error, (ExchangeError, TaskInterrupted)):
            raise error
        cause = error.__cause__ or error
        if isinstance(error, PartitionerFunctionError):
            site = FailureSite(self.info, _PHASES.get(error.phase, error.phase), error.record)
            raise UserCodeError(site, cause) from cause
        if isinstance(error, UnsupportedKeyTypeError):
            index = error.record_index
            record = values[index] if index is not None and index < len(values) else NO_RECORD
            raise UserCodeError(FailureSite(self.info, "key_by", record), error) from error
        if isinstance(error, RecordSerializationError):
            record = next((value for value in values if not _can_be_pickled(value)), NO_RECORD)
            raise UserCodeError(FailureSite(self.info, "serialize", record), error) from error
        raise error


def _can_be_pickled(value: Any) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001  # that is the question
        return False
    return True
