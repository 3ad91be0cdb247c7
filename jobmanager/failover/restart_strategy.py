"""When a job may be started anew after a failure, and after how long.

A strategy is a pure object: it is told each failure with its time and then answers two questions.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["RestartBackoffTimeStrategy"]


class RestartBackoffTimeStrategy(Protocol):
    """Decides on restarts. Times are ms since the epoch; :meth:`notify_failure` comes before the questions."""

    def notify_failure(self, now_ms: int) -> bool:
        """Take note of a failure. False: it belongs to an attempt that was counted already."""
        ...

    def can_restart(self, now_ms: int) -> bool:
        """Whether the job may be started anew after the failures so far."""
        ...

    def backoff_time_ms(self, now_ms: int) -> int:
        """How long to wait from now before starting it anew."""
        ...

    def describe(self) -> str:
        """The strategy and its settings, for messages."""
        ...
