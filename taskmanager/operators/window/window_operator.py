"""Windows of any kind: with any assigner, trigger and evictor.

What belongs to a key and window, its *pane*, is kept in the operator's keyed state under the window as namespace: the
elements or what an incremental function made of them, and the trigger's state. Timers are set for key and window. When
the time that a window is kept for has passed, a timer of the operator's own removes all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window.count_windows import CountSlidingWindowAssigner, CountTumblingWindowAssigner
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.window_assigner import MergingWindowAssigner
from millstream.taskmanager.operators.key_selection import failed_record, keys_of
from millstream.taskmanager.operators.operator import (
    NO_RECORD,
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.prefetching import with_state_of
from millstream.taskmanager.operators.restored_watermark import keep_watermark, restored_watermark
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.runtime_context import OperatorRuntimeContext
from millstream.taskmanager.operators.user_function import UserFunction, close_all
from millstream.taskmanager.operators.window.merging_window_set import add_window
from millstream.taskmanager.operators.window.pane_contents import PaneContents
from millstream.taskmanager.operators.window.window_contexts import (
    OperatorAssignerContext,
    OperatorEvictorContext,
    OperatorTriggerContext,
    OperatorWindowContext,
    WindowStateStore,
    WindowTimes,
)
from millstream.taskmanager.operators.window.window_function_call import WindowFunctionCall
from millstream.taskmanager.operators.window.window_layout import (
    ALIGNED,
    CONTENTS,
    EVENT_TIMERS,
    GENERAL,
    MERGING,
    PROCESSING_TIMERS,
    keep_layout,
    restored_layout,
    watermark_by_key,
)
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, NamespaceHolder

__all__ = ["WindowOperator"]

_CONTINUE = TriggerResult.CONTINUE
_BREATH = 63
"""After so many records without a result the task gets a chance to look at the clock."""
_SEE_OPERATOR = ""
"""Stands in a generator's ``phase`` while the operator's own one says what is going on."""
_KEY_OF_ALL = 0


class WindowOperator(Operator):
    """Runs a :class:`WindowSpec`, keyed or over all elements."""

    slices_itself = True

    def __init__(self, spec: WindowSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._assigner = spec.assigner
        self._merging = isinstance(spec.assigner, MergingWindowAssigner)
        self._trigger = spec.assigner.get_default_trigger(None) if spec.trigger is None else spec.trigger
        self._event_time = bool(spec.assigner.is_event_time())
        self._lateness = spec.allowed_lateness_ms if self._event_time else 0
        self._late_tag = spec.late_output_tag
        self._batch = spec.batch
        # A window of a number of elements has all of them when it fires by that number, and is never seen again.
        self._ends_with_fire = spec.trigger is None and isinstance(
            spec.assigner, (CountTumblingWindowAssigner, CountSlidingWindowAssigner)
        )
        self._times = WindowTimes(context.processing_time)
        self._processing_time = context.processing_time
        self._late_dropped = 0

        self._context = context
        self._backend = context.state.keyed()
        self._event_timers = self._backend.timers(EVENT_TIMERS, namespaced=True)
        self._processing_timers = self._backend.timers(PROCESSING_TIMERS, namespaced=True)
        self._window = NamespaceHolder()
        self._state_window = NamespaceHolder()
        runtime_context = OperatorRuntimeContext(context)
        runtime_context.use_backend(self._backend)
        self._mappings: Any = self._backend.get_state(ValueStateDescriptor(" merging-window-set"))

        self._collector = ResultCollector(spec.output_type)
        self._assigner_context = OperatorAssignerContext(self._times, runtime_context)
        self._trigger_context = OperatorTriggerContext(
            self._times,
            self._backend,
            self._window,
            self._event_timers,
            self._processing_timers,
            self._set_alarm,
            runtime_context,
        )
        self._key = (
            None
            if spec.key_selector is None
            else UserFunction(spec.key_selector, "get_key", context, "key_by", state_name="key")
        )
        self._contents = PaneContents(
            spec, context, self._backend, self._state_window, OperatorEvictorContext(self._times, runtime_context)
        )
        self._function: WindowFunctionCall | None = None
        if spec.window_function is not None:
            window_state = WindowStateStore(self._backend, self._window, merging=self._merging)
            window_context = OperatorWindowContext(self._times, window_state, runtime_context, self._collector)
            keyed = spec.key_selector is not None
            self._function = WindowFunctionCall(spec.window_function, keyed, context, window_context, self._collector)
            self._function.function.runtime_context.use_backend(self._backend)
        self._layout = MERGING if self._merging else GENERAL
        self._phase = ""

    # -- life -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        for function in self.functions():
            function.open()
        self._set_alarm()

    def close(self) -> None:
        self._backend.key = NO_KEY
        close_all(self.functions())

    def functions(self) -> Iterator[UserFunction]:
        if self._key is not None:
            yield self._key
        if self._contents.function is not None:
            yield self._contents.function
        if self._function is not None:
            yield self._function.function

    def initialize_state(self) -> None:
        found = restored_layout(self._context, self._layout, self._contents.kind)
        if self._event_time:
            self._times.watermark = restored_watermark(self._context.state)
        if found == ALIGNED:
            self._set_timers_of_contents()
        super().initialize_state()

    def _set_timers_of_contents(self) -> None:
        """The snapshot is of an operator that needs no timers: set those that the default trigger would have set."""
        watermark_of = watermark_by_key(self._context.state)
        panes: list[tuple[Any, Any]] = list(self._backend.keys_and_namespaces(CONTENTS))
        for key, window in panes:
            self._backend.key = key
            last: int = window.max_timestamp()
            if not self._event_time:
                self._processing_timers.register(last, (key, window))
            elif last > watermark_of(key):
                self._event_timers.register(last, (key, window))
            self._set_cleanup_timer(window)
        self._backend.key = NO_KEY

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        keep_layout(self._context.state, self._layout, self._contents.kind)
        if self._event_time:
            keep_watermark(self._context.state, self._times.watermark)

    # -- records ----------------------------------------------------------------------------------------------------

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        backend = self._backend
        backend.clean_up_for_records(len(batch))
        keys = batch.keys
        if backend.in_memory or self._key is None:
            return self._collector.pump(self._add_all(batch.values, batch.timestamps, keys))
        if keys is None:
            keys = keys_of(self._key.call, batch.values)
        outputs = self._collector.pump(self._add_all(batch.values, batch.timestamps, keys))
        return with_state_of(backend, keys, outputs)

    def _add_all(
        self, values: list[Any], timestamps: list[int | None] | None, keys: list[Any] | None
    ) -> Iterator[tuple[int, Any]]:
        """Put records into their windows; give each firing's timestamp and results."""
        backend = self._backend
        assigner = self._assigner
        assign = assigner.assign_windows
        assigner_context = self._assigner_context
        trigger_context = self._trigger_context
        on_element = self._trigger.on_element
        add = self._contents.add
        window_holder = self._window
        state_holder = self._state_window
        merging = self._merging
        event_time = self._event_time
        lateness = self._lateness
        watermark = self._times.watermark
        adding = self._contents.adding
        key_of = None if self._key is None else self._key.call
        phase = ""  # read from the frame by locate(), as is the value
        for index, value in enumerate(values):
            if keys is not None:
                key = keys[index]
            elif key_of is None:
                key = _KEY_OF_ALL
            else:
                phase = "key_by"
                key = key_of(value)
            backend.key = key
            timestamp = None if timestamps is None else timestamps[index]
            stamp = MIN_TIMESTAMP if timestamp is None else timestamp
            phase = "assign_windows"
            late = True
            windows = assign(value, stamp, assigner_context)
            for window in windows:
                phase = _SEE_OPERATOR
                if merging:
                    window = self._merge_in(window)
                    if window is None:
                        continue
                elif event_time and window.max_timestamp() + lateness <= watermark:
                    continue
                else:
                    state_holder.current = window
                late = False
                window_holder.current = trigger_context.window = window
                phase = adding
                add(value, timestamp)
                phase = "on_element"
                result = on_element(value, stamp, window, trigger_context)
                phase = _SEE_OPERATOR
                if result is not _CONTINUE:
                    yield from self._act(result, key, window, "on_element")
                    if self._ends_with_fire and result.is_fire():
                        self._clear(window)
                        continue
                self._set_cleanup_timer(window)
            if late and event_time and (windows or stamp + lateness <= watermark):
                if self._late_tag:
                    self._collector.late(self._late_tag, value, timestamp)
                else:
                    self._late_dropped += 1
            if not index & _BREATH:
                yield 0, None
        del phase

    def _merge_in(self, window: Any) -> Any:
        """Add a window to those of its key, and set what is current to the window that it is a part of now.

        Returns that window; ``None``: it is too late.
        """
        mappings = self._mappings
        mapping = mappings.value()
        if mapping is None:
            mapping = {}
        self._phase = "merge_windows"
        actual = add_window(self._assigner, mapping, window, self._merge)
        if self._event_time and self._cleanup_time(actual) <= self._times.watermark:
            del mapping[actual]
            actual = None
        else:
            self._state_window.current = mapping[actual]
        mappings.update(mapping or None)
        return actual

    def _merge(self, result: Any, merged: list[Any], state_window: Any, merged_state_windows: list[Any]) -> None:
        """Some windows of the current key have become one."""
        watermark = self._times.watermark
        if self._event_time and self._cleanup_time(result) <= watermark:
            raise MillstreamError(
                f"{type(self._assigner).__name__} merged {merged!r} to {result!r}, which is over at the current "
                f"watermark {watermark}: windows cannot become shorter by merging"
            )
        trigger_context = self._trigger_context
        trigger_context.window = self._window.current = result
        trigger_context.merged_windows = gone = [window for window in merged if window != result]
        self._phase = "on_merge"
        self._trigger.on_merge(result, trigger_context)
        trigger_context.merged_windows = ()
        self._phase = "clear"
        for window in gone:
            trigger_context.window = self._window.current = window
            self._trigger.clear(window, trigger_context)
            self._delete_cleanup_timer(window)
        if merged_state_windows:
            self._phase = "merge"
            self._contents.merge(state_window, merged_state_windows)

    # -- time -------------------------------------------------------------------------------------------------------

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if self._event_time and watermark.timestamp <= self._times.watermark:
            return (watermark,)  # after a restore: event time had come farther before
        self._times.watermark = watermark.timestamp
        first = self._event_timers.first()
        ends = self._batch and watermark.timestamp == MAX_TIMESTAMP
        if not ends and (first is None or first > watermark.timestamp):
            return (watermark,)
        return self._fire_until(watermark, ends)

    def _fire_until(self, watermark: Watermark, ends: bool) -> Iterator[Output]:
        yield from self._collector.pump(self._event_time_firings(watermark.timestamp))
        if ends:
            yield from self._collector.pump(self._last_firings())
        yield watermark

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._batch:
            return ()
        return self._fire_until_now(now_ms)

    def _fire_until_now(self, now_ms: int) -> Iterator[Output]:
        yield from self._collector.pump(self._processing_time_firings(now_ms))
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Wake when the first processing-time timer is due: when its millisecond is over, since until then elements
        come that belong to windows that end with it.
        """
        if not self._batch:
            first = self._processing_timers.first()
            self._processing_time.wake_at(None if first is None else first + 1)

    def _event_time_firings(self, watermark: int) -> Iterator[tuple[int, Any]]:
        on_event_time = self._trigger.on_event_time
        cleans_up = self._event_time
        phase = ""  # read from the frame by locate()
        for time, entry in self._event_timers.pop_due(watermark):
            key, window = _pane(entry)
            if self._enter(key, window):
                phase = "on_event_time"
                result = on_event_time(time, window, self._trigger_context)
                phase = _SEE_OPERATOR
                if result is not _CONTINUE:
                    yield from self._act(result, key, window, "on_event_time")
                if cleans_up and time == self._cleanup_time(window):
                    self._clear(window)
            yield time, None
        del phase

    def _processing_time_firings(self, now: int) -> Iterator[tuple[int, Any]]:
        for time, entry in self._processing_timers.pop_due(now - 1):
            yield from self._fire_processing_time(time, *_pane(entry))
            yield time, None

    def _last_firings(self) -> Iterator[tuple[int, Any]]:
        """In a batch job processing time stands still until the input has ended, and then is over for good."""
        timers = self._processing_timers
        left = set(timers.items())
        for time, entry in timers.pop_due(MAX_TIMESTAMP):
            if (time, entry) in left:  # else it was set by one of these
                left.discard((time, entry))
                yield from self._fire_processing_time(time, *_pane(entry))
            yield time, None

    def _fire_processing_time(self, time: int, key: Any, window: Any) -> Iterator[tuple[int, Any]]:
        if not self._enter(key, window):
            return
        self._phase = "on_processing_time"
        result = self._trigger.on_processing_time(time, window, self._trigger_context)
        if result is not _CONTINUE:
            yield from self._act(result, key, window, "on_processing_time")
        if not self._event_time and time == self._cleanup_time(window):
            self._clear(window)

    def _enter(self, key: Any, window: Any) -> bool:
        """Make a timer's key and window the current ones; whether the window is still there."""
        self._backend.key = key
        if self._merging:
            mapping = self._mappings.value()
            if mapping is None or window not in mapping:
                return False  # a timer that the trigger has left behind
            self._state_window.current = mapping[window]
        else:
            self._state_window.current = window
        self._window.current = self._trigger_context.window = window
        return True

    # -- panes ------------------------------------------------------------------------------------------------------

    def _act(self, result: Any, key: Any, window: Any, method: str) -> Iterator[tuple[int, Any]]:
        """Do what the trigger says with the current pane."""
        if not isinstance(result, TriggerResult):
            raise MillstreamError(
                f"{type(self._trigger).__name__}.{method}() has to return a TriggerResult, not {result!r}"
            )
        contents = self._contents
        if result.is_fire():
            self._phase = "get_result"
            inputs = contents.get(window)
            if inputs is not None:
                collector = self._collector
                collector.timestamp = timestamp = min(window.max_timestamp(), MAX_TIMESTAMP)
                if self._function is None:
                    yield timestamp, inputs if result.is_purge() else contents.detached(inputs)
                else:
                    self._phase = self._function.phase
                    yield timestamp, self._function.evaluate(key, window, inputs)
                self._phase = "evict_after"
                contents.evict_after(window)
        if result.is_purge():
            contents.clear()

    def _clear(self, window: Any) -> None:
        """Remove all that is left of the current pane."""
        self._contents.clear()
        self._phase = "clear"
        self._trigger_context.window = self._window.current = window
        self._trigger.clear(window, self._trigger_context)
        if self._function is not None and self._function.clear is not None:
            self._collector.timestamp = min(window.max_timestamp(), MAX_TIMESTAMP)
            self._function.clear(window)
        if self._merging:
            mapping = self._mappings.value()
            del mapping[window]
            self._mappings.update(mapping or None)

    def _cleanup_time(self, window: Any) -> int:
        """When a window is removed; the largest timestamp: never."""
        time: int = window.max_timestamp() + self._lateness
        return min(time, MAX_TIMESTAMP)

    def _set_cleanup_timer(self, window: Any) -> None:
        time: int = window.max_timestamp() + self._lateness
        if time >= MAX_TIMESTAMP:
            return
        self._trigger_context.window = window
        if self._event_time:
            self._event_timers.register(time, (self._backend.key, window))
        elif self._processing_timers.register(time, (self._backend.key, window)):
            self._set_alarm()

    def _delete_cleanup_timer(self, window: Any) -> None:
        timers = self._event_timers if self._event_time else self._processing_timers
        timers.delete(self._cleanup_time(window), (self._backend.key, window))

    # -- what the task asks for -------------------------------------------------------------------------------------

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        unkeyed = failed_record(error)
        if unkeyed is not NO_RECORD:
            return FailureSite(self._info, "key_by", unkeyed)
        found = ResultCollector.variables_of_call(error)
        phase = found.get("phase") or self._phase
        return FailureSite(self._info, self._contents.exact_phase(error, phase), found.get("value", NO_RECORD))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out

    def late_records_dropped(self) -> int:
        return self._late_dropped


def _pane(entry: Any) -> tuple[Any, Any]:
    """The key and window of a timer."""
    key, window = entry
    return key, window
