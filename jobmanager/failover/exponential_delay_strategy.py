"""Waits longer from failure to failure, and less again after a long quiet time."""

from __future__ import annotations

import random

__all__ = ["ExponentialDelayRestartBackoffTimeStrategy"]


class ExponentialDelayRestartBackoffTimeStrategy:
    """Backs off from ``initial_backoff_ms`` by ``multiplier`` up to ``max_backoff_ms``, with jitter.

    Failures that come while a restart is still being waited for belong to the same attempt. After
    ``reset_threshold_ms`` without a failure since the last restart, backoff and count begin anew.

    :param jitter_factor: the backoff varies by this part of itself, up or down, so that many jobs that failed
        together do not start together.
    :param attempts: restarts in a row before the job fails for good; ``None``: no bound.
    :param source: of the jitter.
    """

    __slots__ = (
        "_attempt",
        "_attempts",
        "_backoff_ms",
        "_initial_ms",
        "_jitter_factor",
        "_max_ms",
        "_multiplier",
        "_next_restart_ms",
        "_random",
        "_reset_threshold_ms",
    )

    def __init__(
        self,
        initial_backoff_ms: int,
        max_backoff_ms: int,
        multiplier: float,
        reset_threshold_ms: int,
        jitter_factor: float,
        attempts: int | None,
        source: random.Random,
    ) -> None:
        if initial_backoff_ms < 1 or max_backoff_ms < initial_backoff_ms:
            raise ValueError(
                "restart-strategy.exponential-delay: initial-backoff must be at least 1 ms and at most max-backoff"
            )
        if multiplier < 1.0:
            raise ValueError("restart-strategy.exponential-delay.backoff-multiplier must be at least 1.0")
        if not 0.0 <= jitter_factor <= 1.0:
            raise ValueError("restart-strategy.exponential-delay.jitter-factor must lie between 0 and 1")
        self._initial_ms = initial_backoff_ms
        self._max_ms = max_backoff_ms
        self._multiplier = multiplier
        self._reset_threshold_ms = reset_threshold_ms
        self._jitter_factor = jitter_factor
        self._attempts = attempts
        self._random = source
        self._backoff_ms = float(initial_backoff_ms)
        self._attempt = 0
        self._next_restart_ms: int | None = None

    def notify_failure(self, now_ms: int) -> bool:
        if self._next_restart_ms is not None:
            if now_ms <= self._next_restart_ms:
                return False
            if now_ms - self._next_restart_ms >= self._reset_threshold_ms:
                self._backoff_ms = float(self._initial_ms)
                self._attempt = 0
            else:
                self._backoff_ms = min(self._backoff_ms * self._multiplier, float(self._max_ms))
        self._attempt += 1
        self._next_restart_ms = now_ms + self._jittered()
        return True

    def _jittered(self) -> int:
        offset = self._backoff_ms * self._jitter_factor
        return max(0, min(self._max_ms, round(self._backoff_ms + self._random.uniform(-offset, offset))))

    def can_restart(self, now_ms: int) -> bool:
        return self._attempts is None or self._attempt <= self._attempts

    def backoff_time_ms(self, now_ms: int) -> int:
        return 0 if self._next_restart_ms is None else max(0, self._next_restart_ms - now_ms)

    def describe(self) -> str:
        attempts = "unlimited" if self._attempts is None else str(self._attempts)
        return (
            f"exponential-delay restart strategy (backoff {self._initial_ms} to {self._max_ms} ms by "
            f"{self._multiplier}, attempts: {attempts})"
        )
