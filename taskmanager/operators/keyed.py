"""Map, filter and flat_map on a keyed stream, whose function may use the state of the key it works for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter_ns
from typing import Any

from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.key_selection import failed_record, keys_of
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.prefetching import with_state_of
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.keyed_state_backend import NO_KEY

__all__ = ["KeyedOperator"]


class KeyedOperator(Operator):
    """Sets the current key before each call.

    All three kinds run as one generator of results, from which bounded pieces are taken.
    """

    slices_itself = True

    def __init__(self, spec: MapSpec | FilterSpec | FlatMapSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        if isinstance(spec, MapSpec):
            self._kind = "map"
        else:
            self._kind = "filter" if isinstance(spec, FilterSpec) else "flat_map"
        self._key = UserFunction(spec.key_selector, "get_key", context, "key_by")
        self._function = UserFunction(spec.function, self._kind, context)
        self._backend = context.state.keyed()
        self._function.runtime_context.use_backend(self._backend)
        if not isinstance(spec, FilterSpec) and spec.output_type is not None:
            self._function.call = _converting(self._function.call, spec.output_type.conversion(), self._kind)
        self._sizer = BatchSizer()
        self._records_out = 0

    def open(self) -> None:
        self._key.open()
        self._function.open()

    def close(self) -> None:
        self._backend.key = NO_KEY
        try:
            self._function.close()
        finally:
            self._key.close()

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        self._backend.clean_up_for_records(len(batch.values))
        if self._backend.in_memory:
            return self._process(batch)
        keys = keys_of(self._key.call, batch.values) if batch.keys is None else batch.keys
        keyed = RecordBatch(batch.values, batch.timestamps, keys)
        return with_state_of(self._backend, keys, self._process(keyed))

    def _process(self, batch: RecordBatch) -> Iterator[RecordBatch]:
        stamped = batch.timestamps is not None
        results = self._results(batch)
        done = False
        while not done:
            began = perf_counter_ns()
            wanted = self._sizer.limit
            values: list[Any] = []
            timestamps: list[int | None] = []
            taken = 0
            for timestamp, produced in results:
                taken += 1
                for value in produced:
                    values.append(value)
                    timestamps.append(timestamp)
                if taken >= wanted or len(values) >= wanted:
                    break
            else:
                done = True
            self._sizer.update(max(taken, len(values)), perf_counter_ns() - began)
            self._records_out += len(values)
            yield RecordBatch(values, timestamps if stamped else None)

    def _results(self, batch: RecordBatch) -> Iterator[tuple[int | None, Iterable[Any]]]:
        """Give each record's timestamp and what the function made of it."""
        values = batch.values
        timestamps = batch.timestamps
        keys = batch.keys
        it = iter(values)
        key_of = self._key.call
        call = self._function.call
        kind = self._kind
        backend = self._backend
        phase = "key_by"  # read from the frame by locate()
        for index, value in enumerate(it):
            phase = "key_by"
            backend.key = key_of(value) if keys is None else keys[index]
            phase = kind
            produced = call(value)
            timestamp = None if timestamps is None else timestamps[index]
            if kind == "map":
                yield timestamp, (owned(produced),)
            elif kind == "filter":
                if produced:
                    yield timestamp, (value,)
            elif produced is not None:
                yield from ((timestamp, (owned(each),)) for each in produced)
        del phase

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        unkeyed = failed_record(error)
        if unkeyed is not NO_RECORD:
            return FailureSite(self._info, "key_by", unkeyed)
        found = frame_variables(error, KeyedOperator._results.__code__)
        record = record_at(found.get("values"), found.get("it"))
        return FailureSite(self._info, found.get("phase", self._kind), record)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out


def _converting(call: Callable[[Any], Any], convert: Callable[[Any], Any], kind: str) -> Callable[[Any], Any]:
    """Put the conversion of results behind a function."""

    def one(value: Any) -> Any:
        return convert(call(value))

    def several(value: Any) -> Any:
        results = call(value)
        return None if results is None else map(convert, results)

    return one if kind == "map" else several
