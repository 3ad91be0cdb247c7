"""What functions of the broadcast state pattern are told beside a record or a timer.

There is a context for each side. It serves functions with keys and without: what takes a key is refused where there
are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.functions import BroadcastProcessFunction, KeyedBroadcastProcessFunction
from millstream.datastream.time_domain import TimeDomain
from millstream.datastream.timerservice import TimerService
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, KeyedStateBackend

if TYPE_CHECKING:
    from millstream.datastream.state import BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState, StateDescriptor
    from millstream.taskmanager.operators.result_collector import ResultCollector
    from millstream.taskmanager.operators.two_input.broadcast_state import BroadcastStates

__all__ = ["BroadcastContext", "ReadOnlyContext"]


class BroadcastContext(BroadcastProcessFunction.Context, KeyedBroadcastProcessFunction.Context):
    """For broadcast records.

    :ivar current_timestamp: of the record.
    """

    __slots__ = ("_backend", "_collector", "_states", "_timers", "current_timestamp")

    def __init__(
        self,
        timers: TimerService,
        collector: ResultCollector,
        states: BroadcastStates,
        backend: KeyedStateBackend | None = None,
    ) -> None:
        """:param backend: ``None``: the other input has no keys."""
        self._timers = timers
        self._collector = collector
        self._states = states
        self._backend = backend
        self.current_timestamp: int | None = None

    def timestamp(self) -> int:
        timestamp = self.current_timestamp
        return MIN_TIMESTAMP if timestamp is None else timestamp

    def timer_service(self) -> TimerService:
        """Not a part of the interface, but there in PyFlink as well."""
        return self._timers

    def current_processing_time(self) -> int:
        return self._timers.current_processing_time()

    def current_watermark(self) -> int:
        return self._timers.current_watermark()

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.timestamp = self.current_timestamp
        self._collector.output(output_tag, value)

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        return self._states.get_broadcast_state(state_descriptor)

    def apply_to_keyed_state(self, state_descriptor: StateDescriptor, function: Any) -> None:
        backend = self._backend
        if backend is None:
            raise _no_keys("apply_to_keyed_state")
        call = getattr(function, "process", function)
        if not callable(call):
            raise MillstreamError(
                "apply_to_keyed_state() takes a function of (key, state), or an object with such a method process(), "
                f"not {function!r}"
            )
        state = backend.get_state(state_descriptor)
        try:
            for key in backend.keys(state_descriptor.get_name()):
                backend.key = key
                call(key, state)
        finally:
            backend.key = NO_KEY


class ReadOnlyContext(BroadcastProcessFunction.ReadOnlyContext, KeyedBroadcastProcessFunction.OnTimerContext):
    """For the other stream's records and timers.

    :ivar current_timestamp: of the record or timer.
    :ivar domain: that of the timer; ``None``: it is a record's turn.
    """

    __slots__ = ("_backend", "_collector", "_states", "_timers", "current_timestamp", "domain")

    def __init__(
        self,
        timers: TimerService,
        collector: ResultCollector,
        states: BroadcastStates,
        backend: KeyedStateBackend | None = None,
    ) -> None:
        """:param backend: ``None``: the stream has no keys."""
        self._timers = timers
        self._collector = collector
        self._states = states
        self._backend = backend
        self.current_timestamp: int | None = None
        self.domain: TimeDomain | None = None

    def get_current_key(self) -> Any:
        if self._backend is None:
            raise _no_keys("get_current_key")
        return self._backend.key

    def timer_service(self) -> TimerService:
        return self._timers

    def timestamp(self) -> int:
        timestamp = self.current_timestamp
        return MIN_TIMESTAMP if timestamp is None else timestamp

    def current_processing_time(self) -> int:
        return self._timers.current_processing_time()

    def current_watermark(self) -> int:
        return self._timers.current_watermark()

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.timestamp = self.current_timestamp
        self._collector.output(output_tag, value)

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> ReadOnlyBroadcastState[Any, Any]:
        return self._states.get_read_only(state_descriptor)

    def time_domain(self) -> TimeDomain:
        if self.domain is None:
            raise MillstreamError("time_domain() is that of a timer: it is known in on_timer() only")
        return self.domain


def _no_keys(method: str) -> MillstreamError:
    return MillstreamError(f"{method}() is for keyed streams; call key_by(...) before connect(...)")
