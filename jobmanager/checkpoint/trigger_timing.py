"""When the next checkpoint is due: by the interval, not before the pause, and at once when all input has ended."""

from __future__ import annotations

from millstream.jobmanager.checkpoint.actions import CancelTimer, SetTimer, TimerKind

__all__ = ["TriggerTiming"]

# Tasks that have processed all of their input wait for a checkpoint. If it fails, the next one comes after this time,
# or after the interval if that is shorter.
_FINAL_RETRY_MS = 1_000


class TriggerTiming:
    """Times in ms of the day.

    :param interval_ms: from the begin of a periodic checkpoint to the begin of the next.
    :param min_pause_ms: from the end of a checkpoint to the begin of the next periodic one.
    """

    __slots__ = ("_due", "_final", "_interval_ms", "_last_end", "_min_pause_ms", "_timer_at")

    def __init__(self, interval_ms: int, min_pause_ms: int) -> None:
        self._interval_ms = interval_ms
        self._min_pause_ms = min_pause_ms
        self._due: int | None = None
        self._final = False
        self._last_end: int | None = None
        self._timer_at: int | None = None

    def watch(self, periodic: bool, final: bool, now_ms: int) -> None:
        """Take note of whether there are periodic checkpoints now, and whether all input has ended."""
        if not periodic:
            self._due, self._final = None, False
            return
        if self._due is None:
            self._due = now_ms + self._interval_ms
        if final and not self._final:
            self._due, self._last_end = now_ms, None
        self._final = final

    def began(self, now_ms: int) -> None:
        """A checkpoint begins."""
        if self._due is not None and self._due <= now_ms:
            self._due = now_ms + self._interval_ms

    def ended(self, now_ms: int) -> None:
        """A checkpoint is complete or was given up."""
        self._last_end = now_ms

    def is_due(self, now_ms: int) -> bool:
        """A checkpoint is to begin now."""
        due = self._due_at()
        return due is not None and due <= now_ms

    def timer(self, may_begin: bool, now_ms: int) -> list[SetTimer | CancelTimer]:
        """Return how the timer must change so that it calls when the next checkpoint is due.

        :param may_begin: if not, it must not call.
        """
        due = self._due_at() if may_begin else None
        if self._timer_at == due:
            return []
        self._timer_at = due
        return [CancelTimer(TimerKind.TRIGGER) if due is None else SetTimer(TimerKind.TRIGGER, max(due - now_ms, 1))]

    def timer_fired(self) -> None:
        """It has called."""
        self._timer_at = None

    def _due_at(self) -> int | None:
        if self._due is None or self._last_end is None:
            return self._due
        if self._final:
            return min(self._due, self._last_end + min(_FINAL_RETRY_MS, self._interval_ms))
        return max(self._due, self._last_end + self._min_pause_ms)
