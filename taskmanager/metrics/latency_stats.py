"""How long the way from the sources to the operators of a task takes, told from the markers that come by.

Markers wait in the same queues as records, so they take as long; the time in user functions is not in it, they pass
those by. Sources on other hosts have other clocks: what is measured is as exact as those agree.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.clock import Clock
from millstream.common.config import Configuration, MetricOptions
from millstream.common.metrics import Histogram, MetricGroup
from millstream.common.records import LatencyMarker
from millstream.taskmanager.operators.operator import OperatorInfo

__all__ = ["LatencyStats"]

_SINGLE = "single"
_SUBTASK = "subtask"
_LATENCY = "latency"


class LatencyStats:
    """Of the operators of one task. A marker costs a look into a dictionary for each of them.

    :ivar group: the histograms, in ms, in groups that say from where to where.
    """

    __slots__ = ("_clock", "_granularity", "_histograms", "_history_size", "_subtask_index", "group")

    def __init__(self, subtask_index: int, clock: Clock, configuration: Configuration) -> None:
        """:param configuration: the TaskManager's settings with the job's over them."""
        self.group = MetricGroup()
        self._subtask_index = subtask_index
        self._clock = clock
        self._granularity: str = configuration.get(MetricOptions.LATENCY_GRANULARITY)
        self._history_size: int = configuration.get(MetricOptions.LATENCY_HISTORY_SIZE)
        self._histograms: dict[tuple[str, str, int], Histogram] = {}

    def record(self, marker: LatencyMarker, operators: Iterable[OperatorInfo]) -> None:
        """A marker has come to these operators."""
        latency = self._clock.now_ms() - marker.marked_time
        for operator in operators:
            key = self._key(marker, operator)
            histogram = self._histograms.get(key)
            if histogram is None:
                histogram = self._histograms[key] = self._register(marker, operator)
            histogram.update(latency)

    def _key(self, marker: LatencyMarker, operator: OperatorInfo) -> tuple[str, str, int]:
        """From where to where, as far as these are told apart."""
        if self._granularity == _SINGLE:
            return operator.operator_id, "", 0
        return operator.operator_id, marker.operator_id, marker.subtask_index if self._granularity == _SUBTASK else 0

    def _register(self, marker: LatencyMarker, operator: OperatorInfo) -> Histogram:
        group = self.group.add_group(_LATENCY)
        if self._granularity != _SINGLE:
            group = group.add_group("source_id", marker.operator_id)
        if self._granularity == _SUBTASK:
            group = group.add_group("source_subtask_index", str(marker.subtask_index))
        group = group.add_group("operator_id", operator.operator_id)
        group = group.add_group("operator_subtask_index", str(self._subtask_index))
        return group.histogram(_LATENCY, self._history_size)
