"""Marks the stream behind a source with the time, every ``metrics.latency.interval``.

An alarm of the task's rings when the next mark is due; so marks leave between two batches, behind all that the source
has emitted, and none leaves while the task waits for room.
"""

from __future__ import annotations

from datetime import timedelta

from millstream.common.records import LatencyMarker
from millstream.taskmanager.operators.operator import OperatorInfo
from millstream.taskmanager.task.alarm import Alarm
from millstream.taskmanager.task.chain_node import Steps, Targets

__all__ = ["LatencyMarks"]


class LatencyMarks:
    """Of one source subtask.

    :param targets: where the source's records go.
    :param alarm: whose answer :meth:`wake` is.
    """

    __slots__ = ("_alarm", "_interval_ms", "_source", "_subtask_index", "_targets")

    def __init__(
        self, source: OperatorInfo, subtask_index: int, targets: Targets, alarm: Alarm, interval: timedelta
    ) -> None:
        self._source = source
        self._subtask_index = subtask_index
        self._targets = targets
        self._alarm = alarm
        self._interval_ms = max(interval // timedelta(milliseconds=1), 1)

    def start(self) -> None:
        """The source begins to emit; the first mark leaves with its first records."""
        self._alarm.wake()

    def wake(self, now_ms: int) -> Steps:
        """A mark is due."""
        self._alarm.wake_at(now_ms + self._interval_ms)
        yield from self._targets.marker(LatencyMarker(now_ms, self._source.operator_id, self._subtask_index))
