"""A fixed number of restarts, a fixed delay before each."""

from __future__ import annotations

__all__ = ["FixedDelayRestartBackoffTimeStrategy"]


class FixedDelayRestartBackoffTimeStrategy:
    """Restarts up to ``attempts`` times in the job's whole life, ``delay_ms`` after each failure."""

    __slots__ = ("_attempts", "_delay_ms", "_failures")

    def __init__(self, attempts: int, delay_ms: int) -> None:
        if attempts < 0 or delay_ms < 0:
            raise ValueError("restart-strategy.fixed-delay.attempts and .delay must not be negative")
        self._attempts = attempts
        self._delay_ms = delay_ms
        self._failures = 0

    def notify_failure(self, now_ms: int) -> bool:
        self._failures += 1
        return True

    def can_restart(self, now_ms: int) -> bool:
        return self._failures <= self._attempts

    def backoff_time_ms(self, now_ms: int) -> int:
        return self._delay_ms

    def describe(self) -> str:
        return f"fixed-delay restart strategy (attempts: {self._attempts}, delay: {self._delay_ms} ms)"
