"""BroadcastProcessFunction: an input without keys beside a broadcast one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.common.graph.operator_spec import BroadcastProcessSpec
from millstream.common.records import MAX_TIMESTAMP, RecordBatch, Watermark
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.process_loop import NoKeys, ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.two_input.broadcast_context import BroadcastContext, ReadOnlyContext
from millstream.taskmanager.operators.two_input.broadcast_state import BroadcastStates
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.unkeyed_timer_service import UnkeyedTimerService
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["BroadcastProcessOperator"]

_PROCESS_ELEMENT = "process_element"
_PROCESS_BROADCAST_ELEMENT = "process_broadcast_element"
_WAITING = " waiting"


class BroadcastProcessOperator(Operator):
    """Calls ``process_element`` for the first input's records and ``process_broadcast_element`` for the second's.

    In a batch job the first input's records wait until both inputs have ended, so that they see all that was broadcast.
    """

    slices_itself = True

    def __init__(self, spec: BroadcastProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._state = context.state
        self._function = TwoInputFunction(spec.function, _PROCESS_ELEMENT, (None, None), context)
        self._states = BroadcastStates(spec.state_descriptors, context.state)
        self._timers = UnkeyedTimerService(context.processing_time)
        self._collector = ResultCollector(spec.output_type)
        keys = NoKeys()
        read_only = ReadOnlyContext(self._timers, self._collector, self._states)
        broadcast = BroadcastContext(self._timers, self._collector, self._states)
        self._loop = ProcessLoop(self._collector, read_only, keys)
        self._broadcast_loop = ProcessLoop(self._collector, broadcast, keys)
        self._process_element = self._loop.bind(spec.function.process_element)
        self._process_broadcast_element = self._broadcast_loop.bind(spec.function.process_broadcast_element)
        self._phase = _PROCESS_ELEMENT
        self._waiting: list[tuple[list[Any], list[int | None] | None]] | None = [] if spec.batch else None

    def functions(self) -> Iterable[UserFunction]:
        return (self._function.function,)

    def initialize_state(self) -> None:
        if self._waiting is not None:
            self._waiting.extend(self._state.operator().items(_WAITING) or ())
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        if self._waiting is not None:
            self._state.operator().put_items(_WAITING, self._waiting)

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        if self._waiting is not None:
            self._waiting.append((batch.values, batch.timestamps))
            return ()
        self._phase = _PROCESS_ELEMENT
        return self._loop.run(self._process_element, batch.values, batch.timestamps, None)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._phase = _PROCESS_BROADCAST_ELEMENT
        return self._broadcast_loop.run(self._process_broadcast_element, batch.values, batch.timestamps, None)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if self._waiting is not None and watermark.timestamp == MAX_TIMESTAMP:
            return self._process_waiting(self._waiting, watermark)
        self._timers.watermark = watermark.timestamp
        return (watermark,)

    def _process_waiting(
        self, waiting: list[tuple[list[Any], list[int | None] | None]], watermark: Watermark
    ) -> Iterator[Output]:
        self._phase = _PROCESS_ELEMENT
        waiting.reverse()
        while waiting:
            values, timestamps = waiting.pop()
            yield from self._loop.run(self._process_element, values, timestamps, None)
        self._timers.watermark = watermark.timestamp
        yield watermark

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error) or self._broadcast_loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, self._phase)
        return FailureSite(self._info, self._phase, failed[0])

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out
