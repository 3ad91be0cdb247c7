"""KeyedProcessFunction: records with the state and the timers of their key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.common.graph.operator_spec import ProcessSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.time_domain import TimeDomain
from millstream.taskmanager.operators.internal_timer_service import FiredTimer, InternalTimerService
from millstream.taskmanager.operators.key_selection import keys_of
from millstream.taskmanager.operators.key_sorted_records import KeySortedRecords
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.prefetching import with_state_of
from millstream.taskmanager.operators.process_context import KeyedProcessContext
from millstream.taskmanager.operators.process_loop import ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.keyed_state_backend import NO_KEY

__all__ = ["KeyedProcessOperator"]

_PROCESS_ELEMENT = "process_element"
_ON_TIMER = "on_timer"


class KeyedProcessOperator(Operator):
    """Calls ``process_element`` for each record and ``on_timer`` for each timer.

    A ``ProcessFunction`` runs here as well if its stream has keys. In a batch job the records wait until the input has
    ended; then each key has its turn alone: its records in the order of their timestamps, then all its timers.
    """

    slices_itself = True

    def __init__(self, spec: ProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._key = UserFunction(spec.key_selector, "get_key", context, "key_by")
        self._function = UserFunction(spec.function, _PROCESS_ELEMENT, context)
        self._backend = context.state.keyed()
        self._function.runtime_context.use_backend(self._backend)
        self._timers = InternalTimerService(self._backend, context.processing_time, alarms=not spec.batch)
        self._collector = ResultCollector(spec.output_type)
        self._context = KeyedProcessContext(self._backend, self._timers, self._collector)
        self._loop = ProcessLoop(self._collector, self._context, self._backend, inline=context.inline)
        self._process_element = self._loop.bind(self._function.call)
        self._on_timer = self._loop.bind(getattr(spec.function, _ON_TIMER, _nothing))
        self._waiting = KeySortedRecords(context.state) if spec.batch else None

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def initialize_state(self) -> None:
        if self._waiting is not None:
            self._waiting.initialize()
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        if self._waiting is not None:
            self._waiting.snapshot()

    def open(self) -> None:
        self._key.open()
        self._function.open()
        self._timers.set_alarm()

    def close(self) -> None:
        self._backend.key = NO_KEY
        try:
            self._function.close()
        finally:
            self._key.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        if self._waiting is not None:
            keys = keys_of(self._key.call, batch.values) if batch.keys is None else batch.keys
            self._waiting.add(keys, batch.values, batch.timestamps)
            return ()
        self._context.domain = None
        self._backend.clean_up_for_records(len(batch.values))
        if not self._backend.in_memory:
            keys = keys_of(self._key.call, batch.values) if batch.keys is None else batch.keys
            outputs = self._loop.run(self._process_element, batch.values, batch.timestamps, keys)
            return with_state_of(self._backend, keys, outputs)
        keys_or_selector = self._key.call if batch.keys is None else batch.keys
        return self._loop.run(self._process_element, batch.values, batch.timestamps, keys_or_selector)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if self._waiting is not None:
            return self._process_keys(watermark)
        self._timers.watermark = watermark.timestamp
        first = self._timers.event.first()
        if first is None or first > watermark.timestamp:
            return (watermark,)
        return self._advance(watermark)

    def _advance(self, watermark: Watermark) -> Iterator[Output]:
        yield from self._fire(TimeDomain.EVENT_TIME, watermark.timestamp)
        yield watermark

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        first = self._timers.processing.first()
        if self._waiting is not None or first is None:
            return ()
        if first > now_ms:
            self._timers.set_alarm()
            return ()
        return self._wake(now_ms)

    def _wake(self, now_ms: int) -> Iterator[Output]:
        yield from self._fire(TimeDomain.PROCESSING_TIME, now_ms)
        self._timers.set_alarm()

    def _fire(self, domain: TimeDomain, now: int) -> Iterator[Output]:
        queue = self._timers.event if domain is TimeDomain.EVENT_TIME else self._timers.processing
        self._context.domain = domain
        return self._loop.fire(self._on_timer, queue.pop_due_keys(now))

    def _process_keys(self, watermark: Watermark) -> Iterator[Output]:
        """Batch mode: give each key its turn, and forget it."""
        if self._waiting is not None and watermark.timestamp == MAX_TIMESTAMP:
            for key, values, timestamps in self._waiting.drain():
                self._timers.watermark = MIN_TIMESTAMP
                self._context.domain = None
                yield from self._loop.run(self._process_element, values, timestamps, [key] * len(values))
                self._timers.watermark = MAX_TIMESTAMP
                yield from self._fire(TimeDomain.EVENT_TIME, MAX_TIMESTAMP)
                yield from self._fire(TimeDomain.PROCESSING_TIME, MAX_TIMESTAMP)
                self._backend.forget_keys()
        yield watermark

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, "key_by", self._loop.failed_key(error))
        value, key = failed
        if self._context.domain is None:
            return FailureSite(self._info, _PROCESS_ELEMENT, value)
        return FailureSite(self._info, _ON_TIMER, FiredTimer(key, value, self._context.domain))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out


def _nothing(timestamp: int, context: Any) -> None:
    """Stands for the ``on_timer`` of a function that has none."""
