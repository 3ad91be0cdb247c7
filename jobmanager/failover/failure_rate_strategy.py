"""Restarts as long as failures are rare."""

from __future__ import annotations

from collections import deque

__all__ = ["FailureRateRestartBackoffTimeStrategy"]


class FailureRateRestartBackoffTimeStrategy:
    """Restarts unless more than ``max_failures`` failures came within ``interval_ms``."""

    __slots__ = ("_delay_ms", "_interval_ms", "_max_failures", "_timestamps")

    def __init__(self, max_failures: int, interval_ms: int, delay_ms: int) -> None:
        if max_failures < 0 or interval_ms < 1 or delay_ms < 0:
            raise ValueError(
                "restart-strategy.failure-rate: failure-rate-interval must be positive, "
                "max-failures-per-interval and delay must not be negative"
            )
        self._max_failures = max_failures
        self._interval_ms = interval_ms
        self._delay_ms = delay_ms
        # One more than is allowed: if the oldest of them is young enough, there were too many.
        self._timestamps: deque[int] = deque(maxlen=max_failures + 1)

    def notify_failure(self, now_ms: int) -> bool:
        self._timestamps.append(now_ms)
        return True

    def can_restart(self, now_ms: int) -> bool:
        if len(self._timestamps) <= self._max_failures:
            return True
        return now_ms - self._timestamps[0] > self._interval_ms

    def backoff_time_ms(self, now_ms: int) -> int:
        return self._delay_ms

    def describe(self) -> str:
        return (
            f"failure-rate restart strategy (at most {self._max_failures} failures in {self._interval_ms} ms, "
            f"delay: {self._delay_ms} ms)"
        )
