"""KeyedCoProcessFunction, and CoProcessFunction on two keyed inputs: state and timers of the key, which both share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.common.graph.operator_spec import CoProcessSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
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
from millstream.taskmanager.operators.process_context import KeyedProcessContext
from millstream.taskmanager.operators.process_loop import ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.two_input.keyed_timers import KeyedTimers
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["KeyedCoProcessOperator"]

_METHODS = ("process_element1", "process_element2")


class KeyedCoProcessOperator(Operator):
    """Calls the method of its input for each record, and ``on_timer`` for each timer.

    In a batch job the records wait until both inputs have ended; then each key has its turn alone: its records in the
    order of their timestamps, of equal ones the first input's first, then all its timers.
    """

    slices_itself = True

    def __init__(self, spec: CoProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        keys = (spec.key_selector1, spec.key_selector2)
        self._function = TwoInputFunction(spec.function, _METHODS[0], keys, context)
        backend = self._function.backend
        assert backend is not None  # there are key selectors
        self._backend = backend
        service = InternalTimerService(backend, context.processing_time, alarms=not spec.batch)
        self._collector = ResultCollector(spec.output_type)
        self._context = KeyedProcessContext(backend, service, self._collector)
        self._loop = ProcessLoop(self._collector, self._context, backend)
        self._calls = [self._loop.bind(getattr(spec.function, method)) for method in _METHODS]
        self._timers = KeyedTimers(service, self._loop, self._context, getattr(spec.function, "on_timer", None))
        self._input = 0
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
        return self._process(batch, 0)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._process(batch, 1)

    def _process(self, batch: RecordBatch, index: int) -> Iterable[Output]:
        if self._waiting is not None:
            keys = self._function.keys(batch, index)
            of_batch = keys_of(keys, batch.values) if batch.keys is None else batch.keys
            self._waiting.add(of_batch, [(index, value) for value in batch.values], batch.timestamps)
            return ()
        self._input = index
        self._context.domain = None
        return self._function.run(self._loop, self._calls[index], batch, index)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if self._waiting is None:
            return self._timers.advance(watermark)
        return self._process_keys(self._waiting, watermark)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        return self._timers.wake(now_ms) if self._waiting is None else ()

    def _process_keys(self, waiting: KeySortedRecords, watermark: Watermark) -> Iterator[Output]:
        """Batch mode: give each key its turn, and forget it."""
        if watermark.timestamp == MAX_TIMESTAMP:
            for key, values, timestamps in waiting.drain():
                values, timestamps = _first_input_first(values, timestamps)
                yield from self._timers.turn(self._loop.run(self._call_either, values, timestamps, [key] * len(values)))
                self._backend.forget_keys()
        yield watermark

    def _call_either(self, tagged: tuple[int, Any], context: Any) -> Any:
        return self._calls[tagged[0]](tagged[1], context)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, "key_by", self._loop.failed_key(error))
        value, key = failed
        domain = self._context.domain
        if domain is not None:
            return FailureSite(self._info, "on_timer", FiredTimer(key, value, domain))
        index = self._input
        if self._waiting is not None:
            index, value = value
        return FailureSite(self._info, _METHODS[index], value)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out


def _first_input_first(
    values: list[Any], timestamps: list[int | None] | None
) -> tuple[list[Any], list[int | None] | None]:
    """Sort one key's records, which are in the order of their timestamps, by input where those are equal."""
    if timestamps is None:
        return sorted(values, key=_input_of), None
    pairs = sorted(
        zip(values, timestamps, strict=True),
        key=lambda pair: (MIN_TIMESTAMP - 1 if pair[1] is None else pair[1], pair[0][0]),
    )
    return [value for value, _ in pairs], [timestamp for _, timestamp in pairs]


def _input_of(tagged: tuple[int, Any]) -> int:
    return tagged[0]
