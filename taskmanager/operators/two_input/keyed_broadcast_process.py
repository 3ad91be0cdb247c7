"""KeyedBroadcastProcessFunction: a keyed input, with its keys' state and timers, beside a broadcast one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from millstream.common.graph.operator_spec import BroadcastProcessSpec
from millstream.common.records import MAX_TIMESTAMP, RecordBatch, Watermark
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
from millstream.taskmanager.operators.process_loop import ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.two_input.broadcast_context import BroadcastContext, ReadOnlyContext
from millstream.taskmanager.operators.two_input.broadcast_state import BroadcastStates
from millstream.taskmanager.operators.two_input.keyed_timers import KeyedTimers
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.keyed_state_backend import NO_KEY

__all__ = ["KeyedBroadcastProcessOperator"]

_PROCESS_ELEMENT = "process_element"
_PROCESS_BROADCAST_ELEMENT = "process_broadcast_element"


class KeyedBroadcastProcessOperator(Operator):
    """Calls ``process_element`` for the keyed records, ``process_broadcast_element`` for the broadcast ones, and
    ``on_timer`` for timers.

    In a batch job the keyed records wait until both inputs have ended, so that they see all that was broadcast; then
    each key has its turn alone: its records in the order of their timestamps, then all its timers.
    """

    slices_itself = True

    def __init__(self, spec: BroadcastProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._function = TwoInputFunction(spec.function, _PROCESS_ELEMENT, (spec.key_selector, None), context)
        backend = self._function.backend
        assert backend is not None  # there is a key selector
        self._backend = backend
        self._states = BroadcastStates(spec.state_descriptors, context.state)
        service = InternalTimerService(backend, context.processing_time, alarms=not spec.batch)
        self._collector = collector = ResultCollector(spec.output_type)
        self._context = ReadOnlyContext(service, collector, self._states, backend)
        self._loop = ProcessLoop(collector, self._context, backend)
        broadcast = BroadcastContext(service, collector, self._states, backend)
        self._broadcast_loop = ProcessLoop(collector, broadcast, backend)
        self._process_element = self._loop.bind(spec.function.process_element)
        self._process_broadcast_element = self._broadcast_loop.bind(spec.function.process_broadcast_element)
        self._timers = KeyedTimers(service, self._loop, self._context, getattr(spec.function, "on_timer", None))
        self._phase = _PROCESS_ELEMENT
        self._waiting = KeySortedRecords(context.state) if spec.batch else None

    def functions(self) -> Iterable[UserFunction]:
        return (self._function.function,)

    def initialize_state(self) -> None:
        if self._waiting is not None:
            self._waiting.initialize()
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        if self._waiting is not None:
            self._waiting.snapshot()

    def open(self) -> None:
        self._function.open()
        self._timers.service.set_alarm()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._phase = _PROCESS_ELEMENT
        self._context.domain = None
        if self._waiting is not None:
            keys = self._function.keys(batch, 0)
            of_batch = keys_of(keys, batch.values) if batch.keys is None else batch.keys
            self._waiting.add(of_batch, batch.values, batch.timestamps)
            return ()
        return self._function.run(self._loop, self._process_element, batch, 0)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._phase = _PROCESS_BROADCAST_ELEMENT
        self._context.domain = None
        # Broadcast records have no key: whoever uses keyed state for one is told so.
        keys = [NO_KEY] * len(batch)
        return self._broadcast_loop.run(self._process_broadcast_element, batch.values, batch.timestamps, keys)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if self._waiting is None:
            return self._timers.advance(watermark)
        return self._process_keys(self._waiting, watermark)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        return self._timers.wake(now_ms) if self._waiting is None else ()

    def _process_keys(self, waiting: KeySortedRecords, watermark: Watermark) -> Iterator[Output]:
        """Batch mode: give each key its turn, and forget it."""
        if watermark.timestamp == MAX_TIMESTAMP:
            self._phase = _PROCESS_ELEMENT
            for key, values, timestamps in waiting.drain():
                records = self._loop.run(self._process_element, values, timestamps, [key] * len(values))
                yield from self._timers.turn(records)
                self._backend.forget_keys()
        yield watermark

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error) or self._broadcast_loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, "key_by", self._loop.failed_key(error))
        value, key = failed
        domain = self._context.domain
        if domain is not None:
            return FailureSite(self._info, "on_timer", FiredTimer(key, value, domain))
        return FailureSite(self._info, self._phase, value)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out
