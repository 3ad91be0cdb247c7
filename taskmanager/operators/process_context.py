"""What process functions are told beside a record or a timer."""

from __future__ import annotations

from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.functions import KeyedProcessFunction, ProcessFunction
from millstream.datastream.time_domain import TimeDomain
from millstream.datastream.timerservice import TimerService
from millstream.taskmanager.operators.internal_timer_service import InternalTimerService
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["KeyedProcessContext", "ProcessContext"]


class ProcessContext(ProcessFunction.Context):
    """The context of a function without keys.

    :ivar current_timestamp: of the record.
    """

    __slots__ = ("_collector", "_timers", "current_timestamp")

    def __init__(self, timers: TimerService, collector: ResultCollector) -> None:
        self._timers = timers
        self._collector = collector
        self.current_timestamp: int | None = None

    def timer_service(self) -> TimerService:
        return self._timers

    def timestamp(self) -> int:
        timestamp = self.current_timestamp
        return MIN_TIMESTAMP if timestamp is None else timestamp

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.timestamp = self.current_timestamp
        self._collector.output(output_tag, value)


class KeyedProcessContext(KeyedProcessFunction.OnTimerContext):
    """The context of a function on a keyed stream.

    :ivar current_timestamp: of the record or timer.
    :ivar domain: that of the timer; ``None``: it is a record's turn.
    """

    __slots__ = ("_backend", "_collector", "_timers", "current_timestamp", "domain")

    def __init__(self, backend: KeyedStateBackend, timers: InternalTimerService, collector: ResultCollector) -> None:
        self._backend = backend
        self._timers = timers
        self._collector = collector
        self.current_timestamp: int | None = None
        self.domain: TimeDomain | None = None

    def get_current_key(self) -> Any:
        return self._backend.key

    def timer_service(self) -> TimerService:
        return self._timers

    def timestamp(self) -> int:
        timestamp = self.current_timestamp
        return MIN_TIMESTAMP if timestamp is None else timestamp

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.timestamp = self.current_timestamp
        self._collector.output(output_tag, value)

    def time_domain(self) -> TimeDomain:
        if self.domain is None:
            raise MillstreamError("time_domain() is that of a timer: it is known in on_timer() only")
        return self.domain
