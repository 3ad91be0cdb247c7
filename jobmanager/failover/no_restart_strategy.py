"""Never restarts."""

from __future__ import annotations

__all__ = ["NoRestartBackoffTimeStrategy"]


class NoRestartBackoffTimeStrategy:
    """The first failure ends the job."""

    __slots__ = ()

    def notify_failure(self, now_ms: int) -> bool:
        return True

    def can_restart(self, now_ms: int) -> bool:
        return False

    def backoff_time_ms(self, now_ms: int) -> int:
        return 0

    def describe(self) -> str:
        return "no restart strategy (restart-strategy.type: none)"
