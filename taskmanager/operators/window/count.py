"""Windows of so many elements of a key, one after the other, made fast.

A key holds how many elements it has had and what is in its current window, and elements are added by a loop that is
generated for the user's functions. Results are what the general operator would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.window.count_window import CountWindow
from millstream.datastream.window.count_windows import CountTumblingWindowAssigner
from millstream.taskmanager.operators.aggregate import RollingAggregate
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.generated import FailedLine, GeneratedFunction, Line, record_at
from millstream.taskmanager.operators.key_selection import failed_record, keys_of
from millstream.taskmanager.operators.loaded_values import LoadedValues
from millstream.taskmanager.operators.operator import (
    NO_RECORD,
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.user_function import UserFunction, close_all
from millstream.taskmanager.operators.window.aligned_loops import (
    ADD,
    CREATE,
    HASH,
    KEY,
    KEY_OF_ALL,
    REDUCE,
    RESULT,
    CallNames,
    WindowCalls,
)
from millstream.taskmanager.operators.window.held_contents import held_fold_lines
from millstream.taskmanager.operators.window.window_contexts import (
    WindowStateStore,
    WindowTimes,
)
from millstream.taskmanager.operators.window.window_function_call import WindowFunctionCall
from millstream.taskmanager.operators.window.window_layout import COUNTS, INCREMENTAL, keep_layout, restored_layout
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, NamespaceHolder

__all__ = ["CountWindowOperator", "counts_apply"]

_Pane = list[Any]
"""How many elements the key has had, and what is in its window; ``None``: nothing."""


def counts_apply(spec: WindowSpec) -> bool:
    """Whether :class:`CountWindowOperator` can run a window operator."""
    return type(spec.assigner) is CountTumblingWindowAssigner and spec.trigger is None and spec.evictor is None


def _compile_counting(
    calls: WindowCalls,
    get_result: Callable[[Any], Any] | None,
    by_key: dict[Any, _Pane],
    size: int,
    *,
    evaluated: bool,
    keyed_batch: bool,
) -> GeneratedFunction:
    """Return the loop ``(values, it, rows, out) -> (key, count, contents) or None``.

    ``it`` iterates over ``values``, and ``rows`` over ``it`` together with the keys, if they are known.

    :param get_result: makes the result of what is in a full window.
    :param evaluated: the loop ends early with each full window; call it again with the same ``rows`` to go on. Else
        results are appended to ``out``.
    """
    names = CallNames(calls.inline)
    key = str(KEY_OF_ALL) if calls.key is None or keyed_batch else names.call("key_of", calls.key, "value")
    lines = [
        Line(f"    for {'value, key' if keyed_batch else 'value'} in rows:"),
        *(() if keyed_batch else (Line(f"        key = {key}", KEY),)),
        Line("        pane = get(key)", HASH),
        Line("        if pane is None:"),
        Line("            pane = by_key[key] = [0, None]"),
        *held_fold_lines(calls, names, "pane[1]"),
        Line("        pane[0] = count = pane[0] + 1"),
        Line(f"        if not count % {size}:"),
        Line("            held = pane[1]"),
        Line("            pane[1] = None"),
    ]
    if get_result is not None:
        result = names.call("get_result", get_result, "held")
        lines += [Line("            if held is not None:"), Line(f"                held = {result}", RESULT)]
    if evaluated:
        lines.append(Line("            return key, count, held"))
    else:
        lines += [Line("            if held is not None:"), Line("                out.append(held)")]
    namespace = {
        **names.namespace,
        "get": by_key.get,
        "by_key": by_key,
        "IMMUTABLE": IMMUTABLE,
        "detached": detached,
    }
    parameters = ["get=get", "by_key=by_key", *names.parameters]
    head = Line(f"def generated(values, it, rows, out, {', '.join(parameters)}):")
    return GeneratedFunction("counts", [head, *lines, Line("    return None")], namespace)


class CountWindowOperator(Operator):
    """Windows of a number of elements that do not overlap, keyed or over all elements."""

    def __init__(self, spec: WindowSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._size: int = spec.assigner.window_size
        self._kind = spec.kind
        self._records_out = 0
        self._collector = ResultCollector(spec.output_type)
        self._context = context
        self._backend = context.state.keyed()
        self._panes = LoadedValues(self._backend, " window-counts")
        self._by_key: dict[Any, _Pane] = self._panes.by_key
        self._key = (
            None
            if spec.key_selector is None
            else UserFunction(spec.key_selector, "get_key", context, KEY, state_name="key")
        )
        self._function: UserFunction | None = None
        self._get_result: Callable[[Any], Any] | None = None
        create: Callable[[], Any] | None = None
        if spec.kind == REDUCE:
            phase = spec.function.kind if isinstance(spec.function, RollingAggregate) else REDUCE
            self._function = UserFunction(spec.function, "reduce", context, phase, state_name=INCREMENTAL)
        elif spec.kind == "aggregate":
            self._function = UserFunction(spec.function, "add", context, state_name=INCREMENTAL)
            create = spec.function.create_accumulator
            self._get_result = spec.function.get_result
        self._calls = WindowCalls(
            None if self._key is None else self._key.call,
            spec.kind,
            None if self._function is None else self._function.call,
            create,
            context.inline,
        )
        self._loops: dict[bool, GeneratedFunction] = {}
        self._phase = RESULT
        self._times = WindowTimes(context.processing_time)
        self._namespace = NamespaceHolder()
        self._window_function: WindowFunctionCall | None = None
        if spec.window_function is not None:
            state = WindowStateStore(self._backend, self._namespace, merging=False)
            self._window_function = WindowFunctionCall.of(
                spec, context, self._backend, state, self._times, self._collector
            )
            self._phase = self._window_function.phase

    def initialize_state(self) -> None:
        restored_layout(self._context, COUNTS, self._kind)
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        keep_layout(self._context.state, COUNTS, self._kind)

    def open(self) -> None:
        for function in self.functions():
            function.open()

    def close(self) -> None:
        self._backend.key = NO_KEY
        close_all(self.functions())

    def functions(self) -> Iterator[UserFunction]:
        for function in (self._key, self._function):
            if function is not None:
                yield function
        if self._window_function is not None:
            yield self._window_function.function

    # ------------------------------------------------------------------------------------------------ records

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._process(batch) if self._panes.in_memory else self._process_fetched(batch)

    def _process_fetched(self, batch: RecordBatch) -> Iterator[Output]:
        keys = batch.keys
        if keys is None:
            values = batch.values
            keys = [KEY_OF_ALL] * len(values) if self._key is None else keys_of(self._key.call, values)
        distinct = dict.fromkeys(keys)
        self._panes.fetch(distinct)
        yield from self._process(RecordBatch(batch.values, batch.timestamps, keys))
        self._panes.keep(distinct)

    def _process(self, batch: RecordBatch) -> Iterable[Output]:
        values = batch.values
        it = iter(values)
        rows = it if batch.keys is None else zip(it, batch.keys, strict=True)
        loop = self._loop(batch.keys is not None)
        if self._window_function is not None:
            return self._collector.pump(self._evaluations(self._window_function, loop, values, it, rows))
        results: list[Any] = []
        loop.call(values, it, rows, results)
        if not results:
            return ()
        if self._collector.convert is not None:
            results = list(map(self._collector.convert, results))
        self._records_out += len(results)
        return (RecordBatch(results, [MAX_TIMESTAMP] * len(results)),)

    def _loop(self, keyed_batch: bool) -> GeneratedFunction:
        loop = self._loops.get(keyed_batch)
        if loop is None:
            loop = self._loops[keyed_batch] = _compile_counting(
                self._calls,
                self._get_result,
                self._by_key,
                self._size,
                evaluated=self._window_function is not None,
                keyed_batch=keyed_batch,
            )
        return loop

    def _evaluations(
        self,
        function: WindowFunctionCall,
        loop: GeneratedFunction,
        values: list[Any],
        it: Iterator[Any],
        rows: Iterator[Any],
    ) -> Iterator[tuple[int, Any]]:
        """For each full window, what the window function returns."""
        while (full := loop.call(values, it, rows, None)) is not None:
            value = record_at(values, it)  # read from the frame by locate(), as is the phase
            key, count, contents = full
            window = CountWindow(count // self._size - 1)
            self._backend.key = key
            self._namespace.current = window
            self._collector.timestamp = MAX_TIMESTAMP
            if contents is not None:
                phase = function.phase
                inputs = contents if self._kind == "list" else [contents]
                yield MAX_TIMESTAMP, function.evaluate(key, window, inputs)
            if function.clear is not None:
                phase = "clear"
                function.clear(window)
                yield MAX_TIMESTAMP, None
                del phase
            del value

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._times.watermark = watermark.timestamp
        return (watermark,)

    # ------------------------------------------------------------------------------------------------ the rest

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        for loop in self._loops.values():
            failed = loop.failed_line(error)
            if failed is not None:
                return self._site(failed)
        unkeyed = failed_record(error)
        if unkeyed is not NO_RECORD:
            return FailureSite(self._info, KEY, unkeyed)
        found = ResultCollector.variables_of_call(error)
        return FailureSite(self._info, found.get("phase", self._phase), found.get("value", NO_RECORD))

    def _site(self, failed: FailedLine) -> FailureSite:
        found = failed.variables
        record = record_at(found.get("values"), found.get("it"))
        phase = KEY if failed.tag == HASH else failed.tag
        if failed.tag == REDUCE and self._function is not None:
            phase = self._function.phase
        replay: Callable[[], Any] | None = None
        if failed.direct and record is not NO_RECORD:
            if failed.tag == KEY and self._key is not None:
                replay = partial(self._key.call, record)
            elif failed.tag == REDUCE and self._function is not None:
                replay = partial(self._function.call, found["old"], record)
            elif failed.tag == ADD and self._function is not None:
                replay = partial(self._function.call, record, found["accumulator"])
            elif failed.tag == CREATE:
                replay = self._calls.create
            elif failed.tag == RESULT and self._get_result is not None:
                replay = partial(self._get_result, found["held"])
        return FailureSite(self._info, phase, record, replay)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out + self._collector.records_out
