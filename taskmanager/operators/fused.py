"""Contiguous stateless operators of a chain, run as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain as chain_iterables
from itertools import islice
from time import perf_counter_ns
from typing import Any

from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.detached import IMMUTABLE, may_hold_results, owned
from millstream.taskmanager.operators.function_state import takes_part_in_checkpoints
from millstream.taskmanager.operators.fused_stage import FILTER, FLAT_MAP, MAP, StageStep
from millstream.taskmanager.operators.generated import FailedLine, frame_variables, record_at
from millstream.taskmanager.operators.inlining import inline_expression
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.output_conversion import OutputConversion
from millstream.taskmanager.operators.stage import Stage, spread
from millstream.taskmanager.operators.user_function import UserFunction, gets_runtime_context, is_generator_callable

__all__ = ["FusedOperator", "StatelessSpec", "fusable", "is_lazy", "sees_keys"]

StatelessSpec = MapSpec | FilterSpec | FlatMapSpec


def fusable(spec: Any) -> bool:
    """Whether an operator may become a part of a :class:`FusedOperator` together with others.

    On a keyed stream too, if the function cannot get at the state of the key. One that takes part in checkpoints is run
    alone: what is snapshotted belongs to one operator.
    """
    if not isinstance(spec, (MapSpec, FilterSpec, FlatMapSpec)):
        return False
    return not sees_keys(spec) and not takes_part_in_checkpoints(spec.function)


def sees_keys(spec: StatelessSpec) -> bool:
    """Whether the function may get at the state of the record's key."""
    return spec.key_selector is not None and gets_runtime_context(spec.function, _kind(spec))


def _kind(spec: StatelessSpec) -> str:
    if isinstance(spec, MapSpec):
        return MAP
    return FILTER if isinstance(spec, FilterSpec) else FLAT_MAP


def is_lazy(spec: Any) -> bool:
    """Whether it is a flat_map whose function is a generator: one record may give any number, one at a time."""
    if not isinstance(spec, FlatMapSpec):
        return False
    method = getattr(spec.function, "flat_map", None)
    return is_generator_callable(method if callable(method) else spec.function)


def _conversion(spec: StatelessSpec) -> OutputConversion | None:
    return None if isinstance(spec, FilterSpec) or spec.output_type is None else OutputConversion(spec.output_type)


class FusedOperator(Operator):
    """Maps, filters and flat_maps in one generated function per stage.

    A flat_map over a generator ends a stage: it is iterated in bounded pieces, by C code, before the next stage. An
    operator with an output type is a stage of its own, whose results are converted all at once.
    """

    def __init__(self, parts: Sequence[tuple[StatelessSpec, OperatorContext]]) -> None:
        self.infos = tuple(context.info for _, context in parts)
        self._kinds = [_kind(spec) for spec, _ in parts]
        self._functions = [
            UserFunction(spec.function, kind, context) for (spec, context), kind in zip(parts, self._kinds, strict=True)
        ]
        self._conversions = [_conversion(spec) for spec, _ in parts]
        self._inline = all(context.inline for _, context in parts)
        self._inlined: set[int] = set()
        self._opened = 0
        self._current = len(parts) - 1
        self._lazy_tail = is_lazy(parts[-1][0])
        self._stages = self._plan(range(len(parts) - 1 if self._lazy_tail else len(parts)))
        self.slices_itself = self._lazy_tail and not self._stages
        self._sizer = BatchSizer()
        self._lazy_out = 0
        self._lazy_holds = self._lazy_tail and may_hold_results(self._functions[-1].call)

    def _plan(self, indexes: Sequence[int]) -> list[Stage]:
        stages: list[Stage] = []
        steps: list[StageStep] = []
        selective = False
        for index in indexes:
            kind = self._kinds[index]
            typed = self._conversions[index] is not None
            if steps and (typed or (kind != MAP and selective)):
                stages.append(Stage(steps))
                steps = []
            selective = kind != MAP or (selective and bool(steps))
            call = self._functions[index].call
            inline = inline_expression(call, 1) if self._inline and kind != FLAT_MAP else None
            if inline is not None:
                self._inlined.add(index)
            holds = inline is None and kind != FILTER and may_hold_results(call)
            steps.append(StageStep(index, kind, call, inline, holds))
            if typed:
                # Alone, so that it can be told which record gave the result that is refused.
                stages.append(Stage(steps, self._conversions[index]))
                steps = []
        if steps:
            stages.append(Stage(steps))
        return stages

    def functions(self) -> Iterable[UserFunction]:
        return self._functions

    def open(self) -> None:
        for index in range(len(self._functions) - 1, -1, -1):
            self._current = index
            self._opened += 1
            self._functions[index].open()

    def close(self) -> None:
        first_error: BaseException | None = None
        failed = 0
        for index in range(len(self._functions) - self._opened, len(self._functions)):
            self._current = index
            try:
                self._functions[index].close()
            except BaseException as error:  # noqa: BLE001  # the others are to be closed too; raised below
                if first_error is None:
                    first_error, failed = error, index
        self._opened = 0
        if first_error is not None:
            self._current = failed
            raise first_error

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        values = batch.values
        timestamps: Any = batch.timestamps
        for stage in self._stages:
            values, timestamps = stage.run(values, timestamps)
        if not values:
            return ()
        if self._lazy_tail:
            conversion = self._conversions[-1]
            if conversion is not None:
                return self._lazily_typed(values, timestamps, conversion)
            return self._lazily(values, timestamps)
        return (RecordBatch(values, timestamps),)

    def _lazily(self, values: list[Any], timestamps: list[int | None] | None) -> Iterable[RecordBatch]:
        function = self._functions[-1].call
        sizer = self._sizer
        it = iter(values)
        # Calling a generator function runs nothing of it, so no exception of the user's can be lost inside map().
        flat: Any
        if timestamps is None:
            flat = chain_iterables.from_iterable(map(function, it))
            # A generator has variables of its own, even if the function has nothing else.
            flat = map(owned, flat) if self._lazy_holds else (v if type(v) in IMMUTABLE else owned(v) for v in flat)
        else:
            flat = (
                (owned(value), timestamp)
                for record, timestamp in zip(it, timestamps, strict=True)
                for value in function(record)
            )
        while True:
            began = perf_counter_ns()
            wanted = sizer.limit
            out = list(islice(flat, wanted))
            count = len(out)
            sizer.update(count, perf_counter_ns() - began)
            self._lazy_out += count
            if count:
                if timestamps is None:
                    yield RecordBatch(out)
                else:
                    yield RecordBatch([pair[0] for pair in out], [pair[1] for pair in out])
            if count < wanted:
                return

    def _lazily_typed(
        self, values: list[Any], timestamps: list[int | None] | None, conversion: OutputConversion
    ) -> Iterable[RecordBatch]:
        """Like :meth:`_lazily`, but it is known which result is of which record."""

        def piece() -> RecordBatch:
            self._lazy_out += len(out)
            last = first + len(ends)
            stamps = None if timestamps is None else spread(timestamps[first:last], ends)
            return RecordBatch(conversion.convert(out, values[first:last], ends), stamps)

        function = self._functions[-1].call
        sizer = self._sizer
        it = iter(values)
        first = 0  # record of the piece
        out: list[Any] = []
        ends: list[int] = []
        limit = room = sizer.limit
        began = perf_counter_ns()
        for record in it:
            results = map(owned, function(record))
            out.extend(islice(results, room))
            count = len(out)
            ends.append(count)
            room = limit - count
            while not room:
                sizer.update(limit, perf_counter_ns() - began)
                yield piece()
                began = perf_counter_ns()
                limit = sizer.limit
                first += len(ends) - 1
                out = list(islice(results, limit))  # what the record has left
                ends = [len(out)]
                room = limit - len(out)
        if out:
            sizer.update(len(out), perf_counter_ns() - began)
            yield piece()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self.infos[self._current], phase)
        for index, conversion in enumerate(self._conversions):
            refused = NO_RECORD if conversion is None else conversion.refused(error)
            if refused is not NO_RECORD:
                return FailureSite(self.infos[index], self._kinds[index], refused)
        first = 0
        for stage in self._stages:
            failed = stage.failed_line(error)
            if failed is None:
                first += stage.before + stage.after
                continue
            index = failed.tag if failed.tag is not None else len(self.infos) - 1
            argument = self._argument(index, first, failed)
            replay = None
            if failed.direct and argument is not NO_RECORD and self._kinds[index] != FLAT_MAP:
                replay = partial(self._functions[index].call, argument)
            return FailureSite(self.infos[index], self._kinds[index], argument, replay)
        found = frame_variables(error, FusedOperator._lazily.__code__)
        found = found or frame_variables(error, FusedOperator._lazily_typed.__code__)
        return FailureSite(self.infos[-1], self._kinds[-1], record_at(found.get("values"), found.get("it")))

    def _argument(self, index: int, first: int, failed: FailedLine) -> Any:
        """The record that operator ``index`` was given: the variable of the closest earlier one in its stage.

        :param first: the first operator of the stage.
        """
        variables = failed.variables
        for earlier in range(index - 1, -1, -1):
            if self._kinds[earlier] != FILTER and f"v{earlier}" in variables:
                return variables[f"v{earlier}"]
        if "v" in variables:
            return variables["v"]
        # Python 3.12 and later forget a comprehension's variables when it fails.
        if index not in self._inlined and failed.first_argument is not NO_RECORD:
            return failed.first_argument
        argument = record_at(variables.get("values"), variables.get("it"))
        for earlier in range(first, index):
            if argument is NO_RECORD or self._kinds[earlier] == FILTER:
                continue
            # An expression may be evaluated again; what a function did, it may do only once.
            argument = self._again(earlier, argument) if earlier in self._inlined else NO_RECORD
        return argument

    def _again(self, index: int, argument: Any) -> Any:
        try:
            return self._functions[index].call(argument)
        except Exception:  # noqa: BLE001  # operators of the user's own classes; the failure itself is what matters
            return NO_RECORD

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        index = 0
        for stage in self._stages:
            for _ in range(stage.before):
                yield self.infos[index], stage.records_in
                index += 1
            for _ in range(stage.after):
                yield self.infos[index], stage.records_out
                index += 1
        if self._lazy_tail:
            yield self.infos[index], self._lazy_out
