"""The clock by which a stream is found to be silent."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["InputActivityClock"]


class InputActivityClock:
    """Stands still while the engine itself holds the input up, so that a stream is not taken for idle then."""

    __slots__ = ("_held_up_ms", "_now_ms", "_paused_at")

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._held_up_ms = 0
        self._paused_at: int | None = None

    def relative_time_ms(self) -> int:
        """Milliseconds since some point in time."""
        now = self._now_ms() if self._paused_at is None else self._paused_at
        return now - self._held_up_ms

    def pause(self) -> None:
        """The input is held up from now on."""
        if self._paused_at is None:
            self._paused_at = self._now_ms()

    def unpause(self) -> None:
        """The input flows again."""
        if self._paused_at is not None:
            self._held_up_ms += self._now_ms() - self._paused_at
            self._paused_at = None
