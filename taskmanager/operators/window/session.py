"""Sessions that fire once, at their end: windows by the gaps between the elements of a key, made fast.

Nothing is scheduled per element (see :mod:`.sessions`), and elements are added by a loop that is generated for the
user's functions (see :mod:`.session_loops`). Results are what the general operator would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from math import inf
from operator import is_
from time import perf_counter_ns
from typing import Any

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.window.dynamic_session_windows import (
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    check_gap,
    extraction_of,
)
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.no_timestamp import check_timestamp, no_timestamp_error
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.session_windows import EventTimeSessionWindows, ProcessingTimeSessionWindows
from millstream.datastream.window.time_window import TimeWindow
from millstream.taskmanager.operators.aggregate import RollingAggregate
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.generated import FailedLine, GeneratedFunction, record_at
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
    WindowCalls,
    compile_results,
)
from millstream.taskmanager.operators.window.session_loops import (
    GAP,
    PLACE,
    STAMP,
    Gap,
    compile_adding_to_sessions,
)
from millstream.taskmanager.operators.window.sessions import CONTENTS, END, START, Session, Sessions
from millstream.taskmanager.operators.window.window_contexts import (
    WindowStateStore,
    WindowTimes,
)
from millstream.taskmanager.operators.window.window_function_call import WindowFunctionCall
from millstream.taskmanager.operators.window.window_layout import INCREMENTAL, SESSIONS, keep_layout, restored_layout
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, NamespaceHolder

__all__ = ["SessionWindowOperator", "sessions_apply"]

_TRIGGERS: dict[type, type] = {
    EventTimeSessionWindows: EventTimeTrigger,
    DynamicEventTimeSessionWindows: EventTimeTrigger,
    ProcessingTimeSessionWindows: ProcessingTimeTrigger,
    DynamicProcessingTimeSessionWindows: ProcessingTimeTrigger,
}
_ASSIGN = "assign_windows"
_PHASES = {HASH: KEY, GAP: _ASSIGN, STAMP: _ASSIGN, PLACE: _ASSIGN}
_GONE_OFF = -1


def sessions_apply(spec: WindowSpec) -> bool:
    """Whether :class:`SessionWindowOperator` can run a window operator."""
    trigger_class = _TRIGGERS.get(type(spec.assigner))
    if trigger_class is None or spec.evictor is not None:
        return False
    return spec.trigger is None or type(spec.trigger) is trigger_class


class SessionWindowOperator(Operator):
    """Built-in session windows with their default trigger, keyed or over all elements."""

    def __init__(self, spec: WindowSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._assigner = spec.assigner
        self._event_time = bool(spec.assigner.is_event_time())
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
        self._timers = self._backend.timers("session-event-time" if self._event_time else "session-processing-time")
        self._key = (
            None
            if spec.key_selector is None
            else UserFunction(spec.key_selector, "get_key", context, KEY, state_name="key")
        )
        self._kind = spec.kind
        self._function: UserFunction | None = None
        self._get_result: Callable[[Any], Any] | None = None
        create: Callable[[], Any] | None = None
        merge: Callable[[Any, Any], Any] = _extended
        self._merging = "merge"
        if spec.kind == REDUCE:
            phase = spec.function.kind if isinstance(spec.function, RollingAggregate) else REDUCE
            self._function = UserFunction(spec.function, "reduce", context, phase, state_name=INCREMENTAL)
            merge = self._function.call
            self._merging = phase
        elif spec.kind == "aggregate":
            self._function = UserFunction(spec.function, "add", context, state_name=INCREMENTAL)
            create = spec.function.create_accumulator
            merge = spec.function.merge
            self._get_result = spec.function.get_result
        self._sessions = Sessions(LoadedValues(self._backend, " window-sessions"), self._timers, self._lateness, merge)
        self._calls = WindowCalls(
            None if self._key is None else self._key.call,
            spec.kind,
            None if self._function is None else self._function.call,
            create,
            context.inline,
        )
        self._gap = self._gap_of(spec.assigner)
        self._loops: dict[bool, GeneratedFunction] = {}
        self._phase = RESULT
        self._times = WindowTimes(context.processing_time)
        self._window_function: WindowFunctionCall | None = None
        if spec.window_function is not None:
            state = WindowStateStore(self._backend, NamespaceHolder(), merging=True)
            self._window_function = WindowFunctionCall.of(
                spec, context, self._backend, state, self._times, self._collector
            )
            self._phase = self._window_function.phase
        self._results = None if self._get_result is None else compile_results(self._get_result, inline=context.inline)
        self._advance(MIN_TIMESTAMP)

    @staticmethod
    def _gap_of(assigner: Any) -> Gap:
        if isinstance(assigner, (EventTimeSessionWindows, ProcessingTimeSessionWindows)):
            return Gap(assigner.session_gap)
        return Gap(0, extraction_of(assigner.extractor), partial(check_gap, extractor=assigner.extractor))

    def initialize_state(self) -> None:
        restored_layout(self._context, SESSIONS, self._kind)
        if self._event_time:
            self._advance(restored_watermark(self._context.state))
            watermarks = {kept.watermark for kept in kept_watermarks(self._context.state)}
            if self._lateness and len(watermarks) > 1:
                self._sessions.fire_again()
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        keep_layout(self._context.state, SESSIONS, self._kind)
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
        return self._process(batch) if self._sessions.stored.in_memory else self._process_fetched(batch)

    def _process_fetched(self, batch: RecordBatch) -> Iterator[Output]:
        keys = batch.keys
        if keys is None:
            values = batch.values
            keys = [KEY_OF_ALL] * len(values) if self._key is None else keys_of(self._key.call, values)
        distinct = dict.fromkeys(keys)
        self._sessions.stored.fetch(distinct)
        yield from self._process(RecordBatch(batch.values, batch.timestamps, keys))
        self._sessions.stored.keep(distinct)

    def _process(self, batch: RecordBatch) -> Iterable[Output]:
        values = batch.values
        it = iter(values)
        columns: list[Any] = [it]
        now = 0
        if not self._event_time:
            now = self._processing_time.now_ms()
        else:
            columns.append(repeat(None) if batch.timestamps is None else batch.timestamps)
        if batch.keys is not None:
            columns.append(batch.keys)
        rows = it if len(columns) == 1 else zip(*columns, strict=False)  # the timestamps may have no end
        add = partial(self._add, self._loop(batch.keys is not None), values, it, rows, now)
        fired = add()
        if fired is not None:
            return self._collector.pump(self._add_and_fire(fired, values, it, add))
        self._set_alarm()
        return tuple(self._collector.pieces())  # late records, if they go somewhere

    def _loop(self, keyed_batch: bool) -> GeneratedFunction:
        loop = self._loops.get(keyed_batch)
        if loop is None:
            loop = self._loops[keyed_batch] = compile_adding_to_sessions(
                self._calls,
                self._gap,
                self._sessions,
                self._place,
                stamped=self._event_time,
                kept=self._lateness > 0,
                keyed_batch=keyed_batch,
            )
        return loop

    def _add(
        self, loop: GeneratedFunction, values: list[Any], it: Iterator[Any], rows: Iterator[Any], now: int
    ) -> tuple[Any, Session] | None:
        """Add elements until there are no more (``None``), or one has come to a session that has fired."""
        fired: tuple[Any, Session] | None
        try:
            fired = loop.call(values, it, rows, self._sessions.over, now)
        except TypeError as error:
            failed = loop.failed_line(error)
            if failed is not None and failed.tag == STAMP and failed.variables["timestamp"] is None:
                raise no_timestamp_error(self._assigner) from error
            raise
        return fired

    def _add_and_fire(
        self,
        fired: tuple[Any, Session] | None,
        values: list[Any],
        it: Iterator[Any],
        add: Callable[[], tuple[Any, Session] | None],
    ) -> Iterator[tuple[int, Any]]:
        """Evaluate the sessions that have fired already once more for each element that is added to them."""
        while fired is not None:
            value = record_at(values, it)  # read from the frame by locate(), as is the phase
            phase = self._phase
            key, session = fired
            self._collector.timestamp = last = session[END] - 1
            yield last, self._evaluate(key, session, ends=False)
            del value, phase
            fired = add()

    def _place(self, key: Any, value: Any, timestamp: int, end: int) -> Session | None:
        """Find or make the session of an element; give away the element if it is late."""
        if self._event_time:
            check_timestamp(timestamp, self._assigner)
        session = self._sessions.place(key, timestamp, end)
        if session is None:
            if self._late_tag:
                self._collector.late(self._late_tag, value, timestamp)
            else:
                self._late_dropped += 1
        return session

    # ------------------------------------------------------------------------------------------------ time

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        now: float = watermark.timestamp
        if self._event_time and now <= self._times.watermark:
            return (watermark,)  # after a restore: event time had come farther before
        self._advance(watermark.timestamp)
        if not self._event_time:
            if not self._batch or now != MAX_TIMESTAMP:
                return (watermark,)
            now = inf  # in a batch job processing time stands still until the input has ended, and then is over
        first = self._timers.first()
        return (watermark,) if first is None or first > now else self._fire(now, watermark)

    def _advance(self, watermark: int) -> None:
        self._times.watermark = watermark
        if self._event_time:
            self._sessions.advance(watermark)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._event_time or self._batch:
            return ()  # it came for nothing
        self._alarm = _GONE_OFF
        # Until its last millisecond is over, elements come that belong to a session.
        return self._fire(now_ms - 1, None)

    def _fire(self, now: float, watermark: Watermark | None) -> Iterator[Output]:
        """Evaluate the sessions whose time has come, and remove those that have ended."""
        if self._window_function is None:
            yield from self._results_until(now)
        else:
            yield from self._collector.pump(self._evaluations_until(now, self._window_function.clear))
        self._set_alarm()
        if watermark is not None:
            yield watermark

    def _results_until(self, now: float) -> Iterator[RecordBatch]:
        """The incremental results themselves, in pieces."""
        sizer = self._sizer
        contents: list[Any] = []
        lasts: list[int | None] = []
        limit = sizer.limit
        began = perf_counter_ns()
        for _, session, fires, _ends in self._sessions.due(now):
            if session is not None:
                if not fires or session[CONTENTS] is None:
                    continue
                contents.append(session[CONTENTS])
                lasts.append(session[END] - 1)
                if len(contents) < limit:
                    continue
            # else there is nothing yet, but it is time to look at the clock
            piece = self._results_of(contents, lasts)
            sizer.update(len(contents), perf_counter_ns() - began)
            yield piece
            contents, lasts = [], []
            limit = sizer.limit
            began = perf_counter_ns()
        yield self._results_of(contents, lasts)

    def _results_of(self, values: list[Any], lasts: list[int | None]) -> RecordBatch:
        convert = self._collector.convert
        if self._results is not None:
            values = self._results.call(values)
            if any(map(is_, values, repeat(None))):  # no result
                lasts = [last for value, last in zip(values, lasts, strict=True) if value is not None]
                values = [value for value in values if value is not None]
        if convert is not None:
            values = list(map(convert, values))
        if self._lateness:
            # What is kept is added to later, maybe in place.
            values = [value if type(value) in IMMUTABLE else detached(value) for value in values]
        self._records_out += len(values)
        return RecordBatch(values, lasts)

    def _evaluations_until(self, now: float, clear: Callable[[TimeWindow], None] | None) -> Iterator[tuple[int, Any]]:
        """For each session, its last timestamp and what the window function returns."""
        for key, session, fires, ends in self._sessions.due(now):
            if session is None:
                yield 0, None
                continue
            self._collector.timestamp = last = session[END] - 1
            if fires:
                phase = self._phase  # read from the frame by locate()
                yield last, self._evaluate(key, session, ends=ends)
            if ends and clear is not None:
                phase = "clear"
                self._backend.key = key
                clear(TimeWindow(session[START], session[END]))
                yield last, None
                del phase

    def _evaluate(self, key: Any, session: Session, *, ends: bool) -> Any:
        """The results of a session; ``None``: there is nothing in it."""
        contents = session[CONTENTS]
        if contents is not None and self._results is not None:
            contents = self._results.call([contents])[0]
        if contents is None:
            return None
        if self._window_function is None:
            return (contents if type(contents) in IMMUTABLE else detached(contents),)
        self._backend.key = key
        if self._kind != "list":
            contents = [contents]
        elif not ends:
            contents = contents[:]  # later elements are not to show up in what was handed out
        return self._window_function.evaluate(key, TimeWindow(session[START], session[END]), contents)

    def _set_alarm(self) -> None:
        if self._event_time or self._batch:
            return
        first = self._timers.first()
        alarm = None if first is None else first + 1
        if alarm != self._alarm:
            self._alarm = alarm
            self._processing_time.wake_at(alarm)

    # ------------------------------------------------------------------------------------------------ the rest

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        for loop in self._loops.values():
            failed = loop.failed_line(error) or (error.__cause__ and loop.failed_line(error.__cause__))
            if failed:
                return self._site(failed, error)
        unkeyed = failed_record(error)
        if unkeyed is not NO_RECORD:
            return FailureSite(self._info, KEY, unkeyed)
        found = ResultCollector.variables_of_call(error)
        record = found.get("value", NO_RECORD)
        ending = None if self._results is None else self._results.failed_line(error)
        if ending is None:
            return FailureSite(self._info, found.get("phase", self._phase), record)
        replay: Callable[[], Any] | None = None
        accumulator = record_at(ending.variables.get("accumulators"), ending.variables.get("it"))
        if ending.direct and accumulator is not NO_RECORD and self._get_result is not None:
            replay = partial(self._get_result, accumulator)
        return FailureSite(self._info, RESULT, record, replay)

    def _site(self, failed: FailedLine, error: BaseException) -> FailureSite:
        found = failed.variables
        record = record_at(found.get("values"), found.get("it"))
        phase = _PHASES.get(failed.tag, failed.tag)
        if failed.tag == PLACE and Sessions.was_merging(error):
            return FailureSite(self._info, self._merging, record)
        if failed.tag == REDUCE and self._function is not None:
            phase = self._function.phase
        replay: Callable[[], Any] | None = None
        if failed.direct and record is not NO_RECORD:
            if failed.tag == KEY and self._key is not None:
                replay = partial(self._key.call, record)
            elif failed.tag == GAP and self._gap.extract is not None:
                replay = partial(self._gap.extract, record)
            elif failed.tag == REDUCE and self._function is not None:
                replay = partial(self._function.call, found["old"], record)
            elif failed.tag == ADD and self._function is not None:
                replay = partial(self._function.call, record, found["accumulator"])
            elif failed.tag == CREATE:
                replay = self._calls.create
        return FailureSite(self._info, phase, record, replay)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out + self._collector.records_out

    def late_records_dropped(self) -> int:
        return self._late_dropped


def _extended(first: list[Any], second: list[Any]) -> list[Any]:
    first.extend(second)
    return first
