"""Runs a ``CoMapFunction`` or a ``CoFlatMapFunction``: each record by the method for its input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from millstream.common.graph.operator_spec import CoFlatMapSpec, CoMapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.process_loop import NoKeys, ProcessLoop
from millstream.taskmanager.operators.result_collector import ResultCollector, takes_collector
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["CoMapOperator"]


class _Time:
    """All that the loop's context is needed for here."""

    current_timestamp: int | None = None


class CoMapOperator(Operator):
    """Gives what the methods return. With key selectors they see the state of the record's key."""

    slices_itself = True

    def __init__(self, spec: CoMapSpec | CoFlatMapSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        maps = isinstance(spec, CoMapSpec)
        self._methods = ("map1", "map2") if maps else ("flat_map1", "flat_map2")
        keys = (spec.key_selector1, spec.key_selector2)
        self._function = TwoInputFunction(spec.function, self._methods[0], keys, context)
        self._collector = ResultCollector(spec.output_type)
        self._loop = ProcessLoop(self._collector, _Time(), self._function.backend or NoKeys())
        calls = [getattr(spec.function, method) for method in self._methods]
        self._calls = [_one_result(call) if maps else self._results(call) for call in calls]
        self._input = 0

    def _results(self, call: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        collector = self._collector

        def given(value: Any, _time: _Time) -> Any:
            return call(value)

        def collected(value: Any, time: _Time) -> Any:
            collector.timestamp = time.current_timestamp
            return call(value, collector)

        return collected if takes_collector(call, 1) else given

    def functions(self) -> Iterable[UserFunction]:
        return (self._function.function,)

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._process(batch, 0)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._process(batch, 1)

    def _process(self, batch: RecordBatch, index: int) -> Iterable[Output]:
        self._input = index
        return self._function.run(self._loop, self._calls[index], batch, index)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._loop.failed_call(error)
        if failed is None:
            return FailureSite(self._info, "key_by", self._loop.failed_key(error))
        return FailureSite(self._info, self._methods[self._input], failed[0])

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out


def _one_result(call: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def one(value: Any, _time: _Time) -> Any:
        result = call(value)
        return None if result is None else (result,)

    return one
