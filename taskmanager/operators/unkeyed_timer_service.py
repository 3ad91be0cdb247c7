"""The timer service of operators without keys: it tells the time only."""

from __future__ import annotations

from typing import NoReturn

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.timerservice import TimerService
from millstream.taskmanager.operators.processing_time import ProcessingTimeService

__all__ = ["UnkeyedTimerService"]


class UnkeyedTimerService(TimerService):
    """Tells the time, and refuses timers.

    :ivar watermark: the operator's watermark, ms; the operator moves it.
    """

    __slots__ = ("_clock", "watermark")

    def __init__(self, clock: ProcessingTimeService) -> None:
        self._clock = clock
        self.watermark = MIN_TIMESTAMP

    def current_processing_time(self) -> int:
        return self._clock.now_ms()

    def current_watermark(self) -> int:
        return self.watermark

    def register_processing_time_timer(self, timestamp: int) -> None:
        self._refuse("register_processing_time_timer")

    def register_event_time_timer(self, timestamp: int) -> None:
        self._refuse("register_event_time_timer")

    def delete_processing_time_timer(self, timestamp: int) -> None:
        self._refuse("delete_processing_time_timer")

    def delete_event_time_timer(self, timestamp: int) -> None:
        self._refuse("delete_event_time_timer")

    def _refuse(self, method: str) -> NoReturn:
        raise MillstreamError(
            f"{method}(): Setting timers is only supported on keyed streams; call key_by(...) before process(...)"
        )
