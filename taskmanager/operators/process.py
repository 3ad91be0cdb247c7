"""ProcessFunction on a stream without keys."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.graph.operator_spec import ProcessSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.process_context import ProcessContext
from millstream.taskmanager.operators.process_loop import NoKeys, ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.unkeyed_timer_service import UnkeyedTimerService
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["ProcessOperator"]

_PROCESS_ELEMENT = "process_element"


class ProcessOperator(Operator):
    """Calls ``process_element`` for each record. There is no keyed state, and there are no timers."""

    slices_itself = True

    def __init__(self, spec: ProcessSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._function = UserFunction(spec.function, _PROCESS_ELEMENT, context)
        self._timers = UnkeyedTimerService(context.processing_time)
        self._collector = ResultCollector(spec.output_type)
        self._loop = ProcessLoop(self._collector, ProcessContext(self._timers, self._collector), NoKeys())
        self._call = self._loop.bind(self._function.call)

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._loop.run(self._call, batch.values, batch.timestamps, None)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._timers.watermark = watermark.timestamp
        return (watermark,)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, _PROCESS_ELEMENT)
        return FailureSite(self._info, _PROCESS_ELEMENT, failed[0])

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out
