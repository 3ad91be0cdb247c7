"""What happens to a source's records and watermarks right behind the source, by its strategy or the job's kind of time.

It is an operator like any other that stands between the source and those after it, without a name of its own: its
failures are the source's. With watermark alignment a :class:`SourceAlignment` also holds the source back.

A subtask's splits are read as one stream, unless its reader says which one each batch is from.
"""

from __future__ import annotations

import logging
import threading

from millstream.common.graph.operator_spec import LegacySourceSpec, SourceSpec, TimestampsSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.common.watermark_strategy import WatermarkAlignment
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock
from millstream.taskmanager.operators.ingestion_time import IngestionTimeOperator
from millstream.taskmanager.operators.operator import Operator, OperatorContext
from millstream.taskmanager.operators.timestamps import TimestampsOperator
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission

__all__ = ["INGESTION_TIME", "PROCESSING_TIME", "AlignmentGroups", "SourceAlignment", "create_time_operator"]

_log = logging.getLogger(__name__)

PROCESSING_TIME = "ProcessingTime"
INGESTION_TIME = "IngestionTime"


def create_time_operator(
    spec: SourceSpec | LegacySourceSpec, context: OperatorContext, characteristic: str
) -> Operator | None:
    """Return the operator that belongs behind a source; ``None``: none does.

    :param characteristic: ``pipeline.time-characteristic``, for sources without a strategy.
    """
    if isinstance(spec, SourceSpec):
        strategy = spec.watermark_strategy
        if strategy is not None:
            if strategy.changes_nothing():
                return None
            return TimestampsOperator(TimestampsSpec(strategy, spec.batch), context, of_source=True)
    if characteristic != INGESTION_TIME:
        return None
    return IngestionTimeOperator(context, batch=isinstance(spec, SourceSpec) and spec.batch)


class AlignmentGroups:
    """The sources of one process that wait for each other, by job and group.

    Slots may be threads of one process, hence the lock; a watermark is read as it is just then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, str], list[WatermarkEmission]] = {}

    def join(self, job_id: str, group: str, emission: WatermarkEmission) -> None:
        """The others wait for this source from now on."""
        with self._lock:
            self._groups.setdefault((job_id, group), []).append(emission)

    def leave(self, job_id: str, group: str, emission: WatermarkEmission) -> None:
        """They wait no more. Nothing if they did not."""
        with self._lock:
            members = self._groups.get((job_id, group), [])
            left = [each for each in members if each is not emission]
            if left:
                self._groups[job_id, group] = left
            else:
                self._groups.pop((job_id, group), None)

    def slowest(self, job_id: str, group: str) -> int:
        """The lowest watermark of those that are active, ms; without any the highest there is."""
        with self._lock:
            members = self._groups.get((job_id, group), ())
            return min((each.watermark for each in members if not each.idle), default=MAX_TIMESTAMP)

    def __len__(self) -> int:
        """How many groups have members."""
        return len(self._groups)


_GROUPS = AlignmentGroups()


class SourceAlignment:
    """Holds a source back while it is too far ahead of the others of its group.

    The group is as wide as the process: a slot, or all slots of a cluster inside one process. So sources of the same
    slot sharing group are aligned per slot, each slot by itself.
    """

    def __init__(
        self,
        alignment: WatermarkAlignment,
        context: OperatorContext,
        emission: WatermarkEmission,
        activity: InputActivityClock,
        groups: AlignmentGroups = _GROUPS,
    ) -> None:
        """:param context: the source's, whose alarm makes a source that is held back look again."""
        self._alignment = alignment
        self._context = context
        self._emission = emission
        self._activity = activity
        self._groups = groups
        self._allowed = 0
        self.holding = False

    @staticmethod
    def of(operator: Operator | None, context: OperatorContext) -> SourceAlignment | None:
        """The alignment that the strategy of the operator behind a source asks for."""
        if not isinstance(operator, TimestampsOperator):
            return None
        alignment = operator.alignment()
        return None if alignment is None else SourceAlignment(alignment, context, operator.emission, operator.activity)

    def open(self) -> None:
        """Join the group."""
        task = self._context.task
        if task.parallelism > 1 and task.subtask_index == 0:
            _log.warning(
                "source %s: it runs in %d subtasks, and watermark alignment (group %r) holds among sources of the same "
                "slot only; subtasks in different slots do not wait for each other",
                self._context.info.name,
                task.parallelism,
                self._alignment.group,
            )
        self._groups.join(task.job_id, self._alignment.group, self._emission)
        self._look()

    def holds_back(self) -> bool:
        """Whether the source must not read on now. If so the source's alarm goes off when it is time to ask again."""
        if self._emission.watermark > self._allowed:
            self._look()
        held = self._emission.watermark > self._allowed
        if held:
            self._activity.pause()
            time = self._context.processing_time
            time.wake_at(time.now_ms() + self._alignment.update_interval_ms)
        elif self.holding:
            self._activity.unpause()
        self.holding = held
        return held

    def drift_ms(self) -> int | None:
        """How far the source is ahead of the slowest one of its group; ``None``: there is nothing to compare."""
        slowest = self._groups.slowest(self._context.task.job_id, self._alignment.group)
        own = self._emission.watermark
        return own - slowest if MIN_TIMESTAMP < slowest < MAX_TIMESTAMP and own < MAX_TIMESTAMP else None

    def close(self) -> None:
        """Leave the group."""
        self._groups.leave(self._context.task.job_id, self._alignment.group, self._emission)

    def _look(self) -> None:
        slowest = self._groups.slowest(self._context.task.job_id, self._alignment.group)
        self._allowed = slowest + self._alignment.max_drift_ms
