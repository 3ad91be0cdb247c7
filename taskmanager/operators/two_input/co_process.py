"""CoProcessFunction on two inputs without keys."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.graph.operator_spec import CoProcessSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.process_context import ProcessContext
from millstream.taskmanager.operators.process_loop import NoKeys, ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.unkeyed_timer_service import UnkeyedTimerService
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["CoProcessOperator"]

_METHODS = ("process_element1", "process_element2")


class CoProcessOperator(Operator):
    """Calls the method of its input for each record. There is no keyed state, and there are no timers."""

    slices_itself = True

    def __init__(self, spec: CoProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._function = TwoInputFunction(spec.function, _METHODS[0], (None, None), context)
        self._timers = UnkeyedTimerService(context.processing_time)
        self._collector = ResultCollector(spec.output_type)
        self._loop = ProcessLoop(self._collector, ProcessContext(self._timers, self._collector), NoKeys())
        self._calls = [self._loop.bind(getattr(spec.function, method)) for method in _METHODS]
        self._input = 0

    def functions(self) -> Iterable[UserFunction]:
        return (self._function.function,)

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._input = 0
        return self._loop.run(self._calls[0], batch.values, batch.timestamps, None)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._input = 1
        return self._loop.run(self._calls[1], batch.values, batch.timestamps, None)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._timers.watermark = watermark.timestamp
        return (watermark,)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, _METHODS[self._input])
        return FailureSite(self._info, _METHODS[self._input], failed[0])

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out
