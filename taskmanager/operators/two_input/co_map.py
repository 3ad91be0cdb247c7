"""Runs a ``CoMapFunction`` or a ``CoFlatMapFunction``: each record by the method for its input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from millstream.common.graph.operator_spec import CoFlatMapSpec, CoMapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.two_input.two_input_function import TwoInputFunction
from millstream.taskmanager.operators.user_function import positional_capacity

__all__ = ["CoMapOperator"]


class CoMapOperator(Operator):
    """Gives what the methods return. With key selectors they see the state of the record's key."""

    slices_itself = True

    def __init__(self, spec: CoMapSpec | CoFlatMapSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._collector = ResultCollector(spec.output_type)
        maps = isinstance(spec, CoMapSpec)
        names = ("map1", "map2") if maps else ("flat_map1", "flat_map2")
        keys = (spec.key_selector1, spec.key_selector2)
        self._function = TwoInputFunction(spec.function, names[0], keys, context, self._collector)
        calls = [getattr(spec.function, name) for name in names]
        self._sides = [
            self._function.side(index, names[index], _one_result(call) if maps else self._results(call))
            for index, call in enumerate(calls)
        ]

    def _results(self, call: Callable[..., Any]) -> Callable[[Any], Any]:
        if positional_capacity(call, 1) < 2:
            return call
        collector = self._collector

        def collecting(value: Any) -> Any:
            return call(value, collector)

        return collecting

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        calls = self._function.calls(batch, self._sides[0])
        return self._collector.pump(calls, batch.timestamps is not None)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        calls = self._function.calls(batch, self._sides[1])
        return self._collector.pump(calls, batch.timestamps is not None)

    def snapshot(self) -> Any:
        backend = self._function.backend
        return None if backend is None else backend.snapshot()

    def restore(self, snapshot: Any) -> None:
        if self._function.backend is not None:
            self._function.backend.restore(snapshot)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return self._function.locate(error, phase) or FailureSite(self._info, self._sides[0].method)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out


def _one_result(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def one(value: Any) -> Any:
        result = call(value)
        return None if result is None else (result,)

    return one
