"""The line that shows how a job gets on, rewritten in place on a terminal and left out elsewhere."""

from __future__ import annotations

import shutil
import time
from collections import deque
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["ProgressLine", "describe_progress", "source_records", "waits_for_slots"]

_STATE_ORDER = (
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "INITIALIZING",
    "RUNNING",
    "FINISHED",
    "CANCELING",
    "CANCELED",
    "FAILED",
)
_RATE_SECONDS = 3.0
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """One line on ``stream``; nothing at all when it is not a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._samples: deque[tuple[float, int]] = deque()
        self._shown = False
        self.visible = stream.isatty()

    def show(self, details: JobDetails) -> None:
        """Rewrite the line."""
        if not self.visible:
            return
        now, records = time.monotonic(), source_records(details)
        rate = self._rate(now, records)
        text = describe_progress(details.summary.state, details.task_counts, now - self._started, rate)
        width = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + text[: max(10, width - 1)])
        self._stream.flush()
        self._shown = True

    def _rate(self, now: float, records: int) -> float | None:
        """Return records per second over the last seconds.

        Workers count anew about once a second, more seldom than the line is written. So only a figure that has
        changed is a new sample, or one that has stood still for long.
        """
        samples = self._samples
        if not samples or records != samples[-1][1] or now - samples[-1][0] > _RATE_SECONDS:
            samples.append((now, records))
        while len(samples) > 2 and now - samples[0][0] > _RATE_SECONDS:
            samples.popleft()
        (begin, before), (end, after) = samples[0], samples[-1]
        return max(0, after - before) / (end - begin) if end > begin else None

    def clear(self) -> None:
        """Take the line away: what follows begins at the margin."""
        if self._shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._shown = False


def describe_progress(
    state: str, task_counts: Mapping[str, int], elapsed_seconds: float, records_per_second: float | None
) -> str:
    """Return the line's text: ``RUNNING 00:12 | tasks: 2 running, 1 finished | 1,204,311 records/s``."""
    minutes, seconds = divmod(int(elapsed_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
    tasks = ", ".join(f"{task_counts[name]} {name.lower()}" for name in _STATE_ORDER if task_counts.get(name))
    parts = [f"{state} {clock}", f"tasks: {tasks or 'none yet'}"]
    if waits_for_slots(task_counts):
        parts.append("waiting for slots (slot.request.timeout)")
    elif records_per_second is not None:
        parts.append(f"{records_per_second:,.0f} records/s")
    return " | ".join(parts)


def waits_for_slots(task_counts: Mapping[str, int]) -> bool:
    """Whether no task has a slot yet: a job starts when it has all its slots."""
    return {state for state, count in task_counts.items() if count} == {"SCHEDULED"}


def source_records(details: JobDetails) -> int:
    """Return how many records have come out of the job's sources (the tasks that read none from others)."""
    total = 0
    for vertex in details.vertices:
        if any(subtask.metrics.records_in for subtask in vertex.subtasks):
            continue
        for subtask in vertex.subtasks:
            metrics = subtask.metrics
            total += max((metrics.records_out, *metrics.operator_records_out.values()))
    return total
