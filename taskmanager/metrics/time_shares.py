"""How a task's time was divided lately: so many milliseconds of each second idle, back-pressured and busy.

What a task waits for tells the first two; all other time counts as busy, also where other tasks of the slot have the
processor: the task had something to do. The three add up to 1000.
"""

from __future__ import annotations

from collections import deque

from millstream.taskmanager.task.task_metrics import TaskTimes

__all__ = ["TimeShares"]

_SPAN_S = 60.0
_SECOND_MS = 1000.0
_MS_NS = 1_000_000


class TimeShares:
    """Of the last minute, as of the last update.

    :ivar idle_ms: of each second.
    :ivar backpressured_ms: of each second.
    :ivar longest_backpressure_ms: in one piece, between the last two updates.
    """

    __slots__ = ("_samples", "_times", "backpressured_ms", "idle_ms", "longest_backpressure_ms")

    def __init__(self, times: TaskTimes, now: float) -> None:
        """:param now: seconds on a clock that never goes backwards."""
        self._times = times
        self._samples: deque[tuple[float, int, int]] = deque()
        self.idle_ms = 0.0
        self.backpressured_ms = 0.0
        self.longest_backpressure_ms = 0
        self._samples.append((now, times.idle_so_far_ns(), times.backpressured_so_far_ns()))

    @property
    def busy_ms(self) -> float:
        """Of each second."""
        if len(self._samples) < 2:
            return 0.0
        return max(0.0, _SECOND_MS - self.idle_ms - self.backpressured_ms)

    def update(self, now: float) -> None:
        """Look again; a time not after the last one is passed over."""
        samples, times = self._samples, self._times
        if now <= samples[-1][0]:
            return
        idle, backpressured = times.idle_so_far_ns(), times.backpressured_so_far_ns()
        samples.append((now, idle, backpressured))
        while samples[1][0] <= now - _SPAN_S:
            samples.popleft()
        since, idle_before, backpressured_before = samples[0]
        seconds = now - since
        self.idle_ms = min(_SECOND_MS, (idle - idle_before) / _MS_NS / seconds)
        share = (backpressured - backpressured_before) / _MS_NS / seconds
        self.backpressured_ms = min(_SECOND_MS - self.idle_ms, share)
        self.longest_backpressure_ms = max(times.longest_backpressure_ns, times.waits_for_room_ns()) // _MS_NS
        times.longest_backpressure_ns = 0
