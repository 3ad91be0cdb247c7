"""Says from heartbeats that came or failed whether the other side is still there."""

from __future__ import annotations

__all__ = ["HeartbeatMonitor"]


class HeartbeatMonitor:
    """A pure state machine over the loop's time.

    :param timeout_s: without a sign of life for so long (seconds), the other side is lost.
    :param failure_threshold: after so many calls in a row that could not reach it, it is lost at once; negative: the
        timeout alone decides.
    :param now: the loop's time.
    """

    __slots__ = ("_failures", "_last_cause", "_last_sign", "_threshold", "_timeout_s")

    def __init__(self, timeout_s: float, failure_threshold: int, now: float) -> None:
        self._timeout_s = timeout_s
        self._threshold = failure_threshold
        self._last_sign = now
        self._failures = 0
        self._last_cause = ""

    @property
    def deadline(self) -> float:
        """When it will be lost if no sign of life comes before."""
        return self._last_sign + self._timeout_s

    def alive(self, now: float) -> None:
        """A sign of life came."""
        self._last_sign = now
        self._failures = 0

    def unreachable(self, cause: str) -> None:
        """A call could not reach it."""
        self._failures += 1
        self._last_cause = cause

    def lost(self, now: float) -> str | None:
        """Return why it is to be given up, ``None`` if it is not."""
        if 0 <= self._threshold <= self._failures and self._failures > 0:
            return f"{self._failures} heartbeats in a row could not reach it ({self._last_cause})"
        if now >= self.deadline:
            return f"no heartbeat for {self._timeout_s:g} s (heartbeat.timeout)"
        return None
