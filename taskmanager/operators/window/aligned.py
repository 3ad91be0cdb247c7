"""Tumbling and sliding windows of time that fire once, at their end: the common case, made fast.

All keys have the same windows, so nothing is set or scheduled per key: contents are kept by window and then by key,
and the heap has one entry per window (see :mod:`.aligned_windows`). Records are added by a loop that is generated for
the user's functions (see :mod:`.aligned_loops`). Results are what the general operator would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from time import perf_counter_ns
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.no_timestamp import check_timestamp, no_timestamp_error
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.sliding_windows import SlidingEventTimeWindows, SlidingProcessingTimeWindows
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.tumbling_windows import TumblingEventTimeWindows, TumblingProcessingTimeWindows
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.generated import FailedLine, GeneratedFunction, record_at
from millstream.taskmanager.operators.operator import (
    NO_RECORD,
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.restored_watermark import (
    keep_watermark,
    kept_watermarks,
    restored_watermark,
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
    SLICE,
    UNKNOWN_KEY,
    WindowCalls,
    compile_adding,
    compile_results,
)
from millstream.taskmanager.operators.window.aligned_windows import AlignedWindows, DueWindow
from millstream.taskmanager.operators.window.window_contexts import (
    WindowStateStore,
    WindowTimes,
)
from millstream.taskmanager.operators.window.window_function_call import WindowFunctionCall
from millstream.taskmanager.operators.window.window_layout import (
    ALIGNED,
    CONTENTS,
    EVENT_TIMERS,
    GENERAL,
    INCREMENTAL,
    PROCESSING_TIMERS,
    contents_descriptor,
    keep_layout,
    restored_layout,
    watermark_by_key,
)
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, NamespaceHolder

__all__ = ["AlignedWindowOperator", "aligned_applies"]

_TRIGGERS: dict[type, type] = {
    TumblingEventTimeWindows: EventTimeTrigger,
    SlidingEventTimeWindows: EventTimeTrigger,
    TumblingProcessingTimeWindows: ProcessingTimeTrigger,
    SlidingProcessingTimeWindows: ProcessingTimeTrigger,
}
_PHASES = {HASH: KEY, SLICE: "assign_windows"}
_GONE_OFF = -1


def aligned_applies(spec: WindowSpec, context: OperatorContext) -> bool:
    """Whether :class:`AlignedWindowOperator` can run a window operator."""
    trigger_class = _TRIGGERS.get(type(spec.assigner))
    if trigger_class is None or spec.evictor is not None:
        return False
    if spec.trigger is not None and type(spec.trigger) is not trigger_class:
        return False
    return isinstance(context.state.keyed(), HeapKeyedStateBackend)


class AlignedWindowOperator(Operator):
    """Built-in tumbling and sliding windows with their default trigger, keyed or over all elements."""

    def __init__(self, spec: WindowSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._assigner = spec.assigner
        self._event_time = bool(spec.assigner.is_event_time())
        self._sliding = isinstance(spec.assigner, (SlidingEventTimeWindows, SlidingProcessingTimeWindows))
        self._lateness = spec.allowed_lateness_ms if self._event_time else 0
        self._late_tag = spec.late_output_tag
        self._batch = spec.batch
        self._processing_time = context.processing_time
        self._alarm: int | None = None
        self._late_dropped = 0
        self._records_out = 0
        self._sizer = BatchSizer()
        self._collector = ResultCollector(spec.output_type)
        self._context = context
        self._backend = context.state.keyed()
        assert isinstance(self._backend, HeapKeyedStateBackend)  # see aligned_applies()
        self._windows = AlignedWindows(
            self._backend.table(CONTENTS).namespaces,
            spec.assigner.size,
            spec.assigner.slide if self._sliding else None,
            spec.assigner.offset,
            self._lateness,
            partial(check_timestamp, assigner=spec.assigner),
        )
        self._key = (
            None
            if spec.key_selector is None
            else UserFunction(spec.key_selector, "get_key", context, KEY, state_name="key")
        )
        self._kind = spec.kind
        self._function: UserFunction | None = None
        self._create: Callable[[], Any] | None = None
        self._get_result: Callable[[Any], Any] | None = None
        if spec.kind == REDUCE:
            self._function = UserFunction(spec.function, "reduce", context, state_name=INCREMENTAL)
        elif spec.kind == "aggregate":
            self._function = UserFunction(spec.function, "add", context, state_name=INCREMENTAL)
            self._create = spec.function.create_accumulator
            self._get_result = spec.function.get_result
        self._calls = WindowCalls(
            None if self._key is None else self._key.call,
            spec.kind,
            None if self._function is None else self._function.call,
            self._create,
            context.inline,
        )
        # As what the general operator has, so that the backend knows what it stores.
        described = spec.function if spec.kind == "aggregate" else self._calls.fold
        self._backend.get_state(contents_descriptor(spec.kind, described), NamespaceHolder())
        self._loops: dict[bool, GeneratedFunction] = {}
        self._single = compile_adding(self._calls, stamped=False, sliding=False, keyed_batch=True)
        self._phase = RESULT
        self._times = WindowTimes(context.processing_time)
        self._window_function: WindowFunctionCall | None = None
        if spec.window_function is not None:
            self._namespace = NamespaceHolder()
            state = WindowStateStore(self._backend, self._namespace, merging=False)
            self._window_function = WindowFunctionCall.of(
                spec, context, self._backend, state, self._times, self._collector
            )
            self._phase = self._window_function.phase
        self._results = (
            None
            if self._get_result is None
            else compile_results(self._get_result, inline=context.inline, without_none=True)
        )

    def initialize_state(self) -> None:
        found = restored_layout(self._context, ALIGNED, self._kind)
        if found is not None:
            now = restored_watermark(self._context.state) if self._event_time else MIN_TIMESTAMP
            self._times.watermark = now
            self._windows.restore(now, self._fired_by_timers(now) if found == GENERAL else self._fired_before(now))
        super().initialize_state()

    def _fired_before(self, now: int) -> dict[TimeWindow, set[Any]]:
        """The keys whose watermark was farther than ``now``, by the windows that had fired for them."""
        watermarks = [kept.watermark for kept in kept_watermarks(self._context.state)]
        farthest = max(watermarks, default=now)
        if not self._event_time or farthest <= now:
            return {}
        watermark_of = watermark_by_key(self._context.state)
        return {
            window: {key for key in panes if watermark_of(key) >= window.end - 1}
            for window, panes in self._contents().items()
            if now < window.end - 1 <= farthest
        }

    def _fired_by_timers(self, now: int) -> dict[TimeWindow, set[Any]]:
        """The same for a snapshot of the general operator: keys and windows without a timer for the end have fired.
        Timers are not needed any more.
        """
        waiting: set[Any] = set()
        for name in (EVENT_TIMERS, PROCESSING_TIMERS):
            timers = self._backend.timers(name)
            if self._event_time and name == EVENT_TIMERS:
                waiting = {entry for time, entry in timers.items() if time == entry[1].max_timestamp()}  # type: ignore[index]  # key and window
            timers.clear()
        contents = self._contents()
        for window in contents:
            if type(window) is not TimeWindow:
                raise MillstreamError(
                    f"operator {self._info.name!r}: the snapshot has {type(window).__name__}s where the program has "
                    "windows of time now; restore it with the windows that it was taken with, or give the operator "
                    "another uid and let its old state be dropped (--allowNonRestoredState)"
                )
        if not self._event_time:
            return {}
        return {
            window: {key for key in panes if (key, window) not in waiting}
            for window, panes in contents.items()
            if window.end - 1 > now
        }

    def _contents(self) -> dict[Any, dict[Any, Any]]:
        assert isinstance(self._backend, HeapKeyedStateBackend)  # see aligned_applies()
        return self._backend.table(CONTENTS).namespaces

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        keep_layout(self._context.state, ALIGNED, self._kind)
        if self._event_time:
            keep_watermark(self._context.state, self._times.watermark)

    def open(self) -> None:
        for function in self.functions():
            function.open()
        self._set_alarm()

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
        if not self._event_time:
            return self._add_now(batch) if batch.values else ()
        timestamps = batch.timestamps
        if timestamps is None:
            timestamps = [None] * len(batch.values)
        loop = self._loop(batch.keys is not None)
        try:
            rest = loop.call(batch.values, timestamps, self._windows.slice_of, batch.keys)
        except TypeError as error:
            failed = loop.failed_line(error)
            if failed is not None and failed.tag == SLICE and failed.variables["timestamp"] is None:
                raise no_timestamp_error(self._assigner) from None
            raise
        return self._collector.pump(self._add_rest(rest)) if rest else ()

    def _add_now(self, batch: RecordBatch) -> Iterable[Output]:
        """Add records to the windows of this moment."""
        panes = self._windows.slice_of(self._processing_time.now_ms())[2]
        if panes is not None:  # else between two windows
            self._loop(batch.keys is not None).call(batch.values, None, panes, batch.keys)
            self._set_alarm()
        return ()

    def _loop(self, keyed_batch: bool) -> GeneratedFunction:
        loop = self._loops.get(keyed_batch)
        if loop is None:
            loop = self._loops[keyed_batch] = compile_adding(
                self._calls, stamped=self._event_time, sliding=self._sliding, keyed_batch=keyed_batch
            )
        return loop

    def _add_rest(self, rest: list[tuple[Any, int, Any]]) -> Iterator[tuple[int, Any]]:
        """Add records to those of their windows that have fired already and are still kept: they fire once more.

        To the others they have been added.
        """
        windows = self._windows
        now = windows.now
        key_of = _key_of_all if self._key is None else self._key.call
        phase = KEY  # read from the frame by locate()
        for value, timestamp, key in rest:
            late = True
            for start in windows.starts_of(timestamp):
                last = windows.last_timestamp(start)
                if last > now:
                    late = False
                    if windows.has_fired(start):
                        if key is UNKNOWN_KEY:
                            key = key_of(value)
                        self._single.call([value], None, windows.panes(start), [key])
                        windows.fire_for(start, key)
                    continue
                if windows.cleanup_time(start) <= now:
                    break  # as have all before it
                late = False
                if key is UNKNOWN_KEY:
                    key = key_of(value)
                panes = windows.panes(start)
                self._single.call([value], None, panes, [key])
                phase = self._phase
                self._collector.timestamp = last
                yield last, self._evaluate(windows.window(start), key, panes[key])
                phase = KEY
            if late and timestamp + self._lateness <= now:
                if self._late_tag:
                    self._collector.late(self._late_tag, value, timestamp)
                else:
                    self._late_dropped += 1
        del phase

    # ------------------------------------------------------------------------------------------------ time

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        windows = self._windows
        now = watermark.timestamp
        if self._event_time and now <= windows.now:
            return (watermark,)  # after a restore: event time had come farther before
        self._times.watermark = now
        if self._event_time:
            windows.advance(now)
        elif not self._batch or now != MAX_TIMESTAMP:
            return (watermark,)
        # else in a batch job processing time stands still until the input has ended, and then is over for good
        first = windows.first_time()
        return (watermark,) if first is None or first > now else self._fire(now, watermark)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._event_time or self._batch:
            return ()  # it came for nothing
        self._alarm = _GONE_OFF
        # Until its last millisecond is over, elements come that belong to a window.
        return self._fire(now_ms - 1, None)

    def _fire(self, now: int, watermark: Watermark | None) -> Iterator[Output]:
        """Evaluate the windows whose time has come, and remove those that have ended."""
        clear = None if self._window_function is None else self._window_function.clear
        for window in self._windows.due(now):
            if window.fires:
                if self._window_function is None:
                    yield from self._results_of(window)
                else:
                    yield from self._collector.pump(self._evaluate_all(window))
            if window.ends and clear is not None:
                yield from self._collector.pump(self._clear_all(window, clear))
        self._set_alarm()
        if watermark is not None:
            yield watermark

    def _results_of(self, window: DueWindow) -> Iterator[RecordBatch]:
        """The incremental results themselves, in pieces."""
        sizer = self._sizer
        convert = self._collector.convert
        panes = window.to_evaluate()
        last = window.end - 1
        left = len(panes)
        accumulators = iter(panes.values())
        while left:
            began = perf_counter_ns()
            count = min(left, sizer.limit)
            left -= count
            values = list(islice(accumulators, count)) if left else list(accumulators)
            if self._results is not None:
                values = self._results.call(values)
            else:
                values = [value for value in values if value is not None]
            if convert is not None:
                values = list(map(convert, values))
            if not window.ends:
                # What is kept is added to later, maybe in place.
                values = [value if type(value) in IMMUTABLE else detached(value) for value in values]
            sizer.update(count, perf_counter_ns() - began)
            self._records_out += len(values)
            yield RecordBatch(values, [last] * len(values))

    def _evaluate_all(self, window: DueWindow) -> Iterator[tuple[int, Any]]:
        """For each key of a window, its last timestamp and what the window function returns."""
        last = window.end - 1
        evaluated = TimeWindow(window.start, window.end)
        phase = self._phase  # read from the frame by locate()
        for key, contents in window.to_evaluate().items():
            self._collector.timestamp = last
            yield last, self._evaluate(evaluated, key, contents)
        del phase

    def _evaluate(self, window: TimeWindow, key: Any, contents: Any) -> Any:
        """The results of a key's window."""
        if self._results is not None:
            contents = next(iter(self._results.call([contents])), None)
        if contents is None:
            return None  # nothing to evaluate, as in the general operator
        if self._window_function is None:
            return (contents if type(contents) in IMMUTABLE else detached(contents),)
        self._backend.key = key
        self._namespace.current = window
        if self._kind != "list":
            contents = [contents]
        elif self._lateness:
            contents = contents[:]  # later elements are not to show up in what was handed out
        return self._window_function.evaluate(key, window, contents)

    def _clear_all(self, window: DueWindow, clear: Callable[[TimeWindow], None]) -> Iterator[tuple[int, Any]]:
        """Tell the window function that a window has ended, for each of its keys."""
        ended = self._namespace.current = TimeWindow(window.start, window.end)
        last = window.end - 1
        phase = "clear"  # read from the frame by locate()
        for key in window.panes:
            self._backend.key = key
            clear(ended)
            yield last, None
        del phase

    def _set_alarm(self) -> None:
        if self._event_time or self._batch:
            return
        first = self._windows.first_time()
        alarm = None if first is None else first + 1
        if alarm != self._alarm:
            self._alarm = alarm
            self._processing_time.wake_at(alarm)

    # ------------------------------------------------------------------------------------------------ the rest

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        for loop in (*self._loops.values(), self._single, self._results):
            failed = loop and (loop.failed_line(error) or (error.__context__ and loop.failed_line(error.__context__)))
            if failed:
                return self._site(failed)
        found = ResultCollector.variables_of_call(error)
        return FailureSite(self._info, found.get("phase", self._phase), found.get("value", NO_RECORD))

    def _site(self, failed: FailedLine) -> FailureSite:
        found = failed.variables
        record = record_at(found.get("accumulators" if failed.tag == RESULT else "values"), found.get("it"))
        phase = _PHASES.get(failed.tag, failed.tag)
        replay: Callable[[], Any] | None = None
        if failed.direct and record is not NO_RECORD:
            if failed.tag == KEY and self._key is not None:
                replay = partial(self._key.call, record)
            elif failed.tag == REDUCE and self._function is not None:
                replay = partial(self._function.call, found["old"], record)
            elif failed.tag == ADD and self._function is not None:
                replay = partial(self._function.call, record, found["accumulator"])
            elif failed.tag == CREATE:
                replay = self._create
            elif failed.tag == RESULT and self._get_result is not None:
                replay = partial(self._get_result, record)
        return FailureSite(self._info, phase, record, replay)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out + self._collector.records_out

    def timers_fired(self) -> int:
        return self._windows.evaluated

    def late_records_dropped(self) -> int:
        return self._late_dropped


def _key_of_all(_value: Any) -> int:
    return KEY_OF_ALL
