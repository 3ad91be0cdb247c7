"""The timer service of keyed operators: both clocks, and timers of the current key in either."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.time_domain import TimeDomain
from millstream.datastream.timerservice import TimerService
from millstream.taskmanager.operators.processing_time import ProcessingTimeService
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["FiredTimer", "InternalTimerService"]


@dataclass(frozen=True, slots=True)
class FiredTimer:
    """Stands for the record where a timer's function failed."""

    key: Any
    timestamp: int
    domain: TimeDomain

    def __repr__(self) -> str:
        domain = "event-time" if self.domain is TimeDomain.EVENT_TIME else "processing-time"
        return f"{domain} timer {self.timestamp} of key {self.key!r}"


class InternalTimerService(TimerService):
    """Timers by key. They are a part of the backend's snapshots.

    :ivar event: the event-time timers; entries are keys.
    :ivar processing: the processing-time timers.
    :ivar watermark: the operator's watermark, ms; the operator moves it.
    """

    __slots__ = ("_alarms", "_backend", "_clock", "_event_buckets", "event", "processing", "watermark")

    def __init__(self, backend: KeyedStateBackend, clock: ProcessingTimeService, *, alarms: bool = True) -> None:
        """:param alarms: let the clock wake the operator when a processing-time timer is due."""
        self._backend = backend
        self._clock = clock
        self._alarms = alarms
        self.event = backend.timers("event-time")
        self.processing = backend.timers("processing-time")
        # Timers of a backend that is not in memory are set by the queue's methods only.
        self._event_buckets = self.event.buckets if backend.in_memory else {}
        self.watermark = MIN_TIMESTAMP

    def current_processing_time(self) -> int:
        return self._clock.now_ms()

    def current_watermark(self) -> int:
        return self.watermark

    def register_event_time_timer(self, timestamp: int) -> None:
        bucket = self._event_buckets.get(timestamp)
        if bucket is None:
            self.event.register(_whole(timestamp), self._backend.key)
        else:
            bucket[self._backend.key] = None

    def register_processing_time_timer(self, timestamp: int) -> None:
        if self.processing.register(_whole(timestamp), self._backend.key) and self._alarms:
            self._clock.wake_at(timestamp)

    def delete_event_time_timer(self, timestamp: int) -> None:
        self.event.delete(timestamp, self._backend.key)

    def delete_processing_time_timer(self, timestamp: int) -> None:
        self.processing.delete(timestamp, self._backend.key)

    def set_alarm(self) -> None:
        """Have the operator woken for the first processing-time timer."""
        if self._alarms:
            self._clock.wake_at(self.processing.first())


def _whole(timestamp: int) -> int:
    try:
        return index(timestamp)
    except TypeError:
        raise MillstreamError(
            f"the time of a timer is a whole number of milliseconds, not {timestamp!r}; write int(...)"
        ) from None
