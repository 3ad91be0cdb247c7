"""What triggers, assigners, evictors and window functions see of a window operator.

There is one object of each class per operator. The operator sets the key (in the backend) and the window before it
lets user code run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.functions import (
    KeyedStateStore,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    RuntimeContext,
)
from millstream.datastream.window.evictor import Evictor
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.window_assigner import WindowAssigner
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup
    from millstream.taskmanager.operators.processing_time import ProcessingTimeService
    from millstream.taskmanager.operators.result_collector import ResultCollector
    from millstream.taskmanager.state.timer_queue import TimerQueue

__all__ = [
    "OperatorAssignerContext",
    "OperatorEvictorContext",
    "OperatorTriggerContext",
    "OperatorWindowContext",
    "WindowStateStore",
    "WindowTimes",
]


class WindowTimes:
    """Both clocks of a window operator.

    :ivar watermark: the last one that came.
    """

    __slots__ = ("now_ms", "watermark")

    def __init__(self, processing_time: ProcessingTimeService) -> None:
        self.watermark = MIN_TIMESTAMP
        self.now_ms = processing_time.now_ms


class OperatorAssignerContext(WindowAssigner.WindowAssignerContext):
    """Lets assigners see the clock and the key's state."""

    def __init__(self, times: WindowTimes, runtime_context: RuntimeContext) -> None:
        self._now_ms = times.now_ms
        self._runtime_context = runtime_context

    def get_current_processing_time(self) -> int:
        return self._now_ms()

    def get_runtime_context(self) -> RuntimeContext:
        return self._runtime_context


class OperatorTriggerContext(Trigger.OnMergeContext):
    """Lets triggers set timers and keep state for the current key and window.

    :ivar window: the current window.
    :ivar merged_windows: during ``on_merge``: those that have become :attr:`window`.
    """

    def __init__(
        self,
        times: WindowTimes,
        backend: KeyedStateBackend,
        namespace: NamespaceHolder,
        event_timers: TimerQueue,
        processing_timers: TimerQueue,
        earliest_changed: Callable[[], None],
        runtime_context: RuntimeContext,
    ) -> None:
        """:param earliest_changed: is called when a processing-time timer is the first to come now."""
        self.window: Any = None
        self.merged_windows: Iterable[Any] = ()
        self._times = times
        self._backend = backend
        self._namespace = namespace
        self._event_timers = event_timers
        self._processing_timers = processing_timers
        self._earliest_changed = earliest_changed
        self._runtime_context = runtime_context

    def get_current_processing_time(self) -> int:
        return self._times.now_ms()

    def get_metric_group(self) -> MetricGroup:
        return self._runtime_context.get_metrics_group()

    def get_current_watermark(self) -> int:
        return self._times.watermark

    def register_processing_time_timer(self, time: int) -> None:
        if self._processing_timers.register(time, (self._backend.key, self.window)):
            self._earliest_changed()

    def register_event_time_timer(self, time: int) -> None:
        self._event_timers.register(time, (self._backend.key, self.window))

    def delete_processing_time_timer(self, time: int) -> None:
        self._processing_timers.delete(time, (self._backend.key, self.window))

    def delete_event_time_timer(self, time: int) -> None:
        self._event_timers.delete(time, (self._backend.key, self.window))

    def get_partitioned_state(self, state_descriptor: Any) -> Any:
        self._namespace.current = self.window
        return self._backend.get_state(state_descriptor, self._namespace)

    def merge_partitioned_state(self, state_descriptor: Any) -> None:
        # Asked for first, so that the backend knows the state even if nothing has been kept in it here.
        self.get_partitioned_state(state_descriptor)
        self._backend.merge_namespaces(state_descriptor, self.window, self.merged_windows)


class OperatorEvictorContext(Evictor.EvictorContext):
    """Lets evictors see the clocks."""

    def __init__(self, times: WindowTimes, runtime_context: RuntimeContext) -> None:
        self._times = times
        self._runtime_context = runtime_context

    def get_current_processing_time(self) -> int:
        return self._times.now_ms()

    def get_metric_group(self) -> MetricGroup:
        return self._runtime_context.get_metrics_group()

    def get_current_watermark(self) -> int:
        return self._times.watermark


class WindowStateStore(KeyedStateStore):
    """State of the current key and window."""

    def __init__(self, backend: KeyedStateBackend, namespace: NamespaceHolder, *, merging: bool) -> None:
        """:param merging: windows merge, so that nothing can belong to one."""
        self._backend = backend
        self._namespace = namespace
        self._merging = merging

    def get_state(self, state_descriptor: Any) -> Any:
        if self._merging:
            raise MillstreamError(
                f"state {state_descriptor.name!r}: per-window state is not allowed when using merging windows: what "
                "belonged to a window would be lost when it merges; use global_state(), or a trigger's state"
            )
        return self._backend.get_state(state_descriptor, self._namespace)

    def get_list_state(self, state_descriptor: Any) -> Any:
        return self.get_state(state_descriptor)

    def get_map_state(self, state_descriptor: Any) -> Any:
        return self.get_state(state_descriptor)

    def get_reducing_state(self, state_descriptor: Any) -> Any:
        return self.get_state(state_descriptor)

    def get_aggregating_state(self, state_descriptor: Any) -> Any:
        return self.get_state(state_descriptor)


class OperatorWindowContext(ProcessWindowFunction.Context[Any], ProcessAllWindowFunction.Context[Any]):
    """Lets window functions see the window, the clocks and the state.

    :ivar current_window: what ``window()`` gives.
    """

    def __init__(
        self,
        times: WindowTimes,
        window_state: KeyedStateStore,
        global_state: KeyedStateStore,
        collector: ResultCollector,
    ) -> None:
        self.current_window: Any = None
        self._times = times
        self._window_state = window_state
        self._global_state = global_state
        self._collector = collector

    def window(self) -> Any:
        return self.current_window

    def current_processing_time(self) -> int:
        return self._times.now_ms()

    def current_watermark(self) -> int:
        return self._times.watermark

    def window_state(self) -> KeyedStateStore:
        return self._window_state

    def global_state(self) -> KeyedStateStore:
        return self._global_state

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.output(output_tag, value)
