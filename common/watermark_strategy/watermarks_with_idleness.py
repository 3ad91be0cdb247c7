"""Finds out that a stream is idle."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["WatermarksWithIdleness"]


class WatermarksWithIdleness(WatermarkGenerator):
    """Says that the stream is idle when no record has come for a time, and active when one comes again.

    It looks whenever watermarks may be made, so that idleness shows up to two auto-watermark intervals after the
    timeout. While the stream is idle, the wrapped generator is not asked for watermarks.
    """

    def __init__(
        self,
        watermarks: WatermarkGenerator,
        idle_timeout: Duration | Time | timedelta,
        clock: InputActivityClock | None = None,
    ) -> None:
        """:raises ValueError: the timeout is not positive."""
        self.watermarks = watermarks
        self._timeout_ms = milliseconds_of(idle_timeout)
        if self._timeout_ms <= 0:
            raise ValueError(f"the idle timeout must be positive, not {idle_timeout!r}")
        self._clock = clock if clock is not None else InputActivityClock(_monotonic_ms)
        self._last_active = self._clock.relative_time_ms()
        self._seen = False
        self._idle = False

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        self._seen = True
        if self._idle:
            self._idle = False
            output.mark_active()
        self.watermarks.on_event(event, event_timestamp, output)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        now = self._clock.relative_time_ms()
        if self._seen:
            self._seen = False
            self._last_active = now
        if now - self._last_active < self._timeout_ms:
            self.watermarks.on_periodic_emit(output)
        elif not self._idle:
            self._idle = True
            output.mark_idle()


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
