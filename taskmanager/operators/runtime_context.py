"""The RuntimeContext that user functions get in ``open``."""

from __future__ import annotations

from typing import Any

from millstream.common.metrics import MetricGroup
from millstream.datastream.functions import RuntimeContext
from millstream.taskmanager.operators.operator import OperatorContext

__all__ = ["OperatorRuntimeContext"]


class OperatorRuntimeContext(RuntimeContext):
    """One operator's view of its subtask.

    :ivar current_key: the key of the record that is being processed, in a keyed operator.
    """

    __slots__ = ("_context", "_metrics", "current_key")

    def __init__(self, context: OperatorContext) -> None:
        self._context = context
        self._metrics = context.metric_group
        self.current_key: Any = None

    def get_task_name(self) -> str:
        return self._context.info.name

    def get_number_of_parallel_subtasks(self) -> int:
        return self._context.task.parallelism

    def get_max_number_of_parallel_subtasks(self) -> int:
        return self._context.task.max_parallelism

    def get_index_of_this_subtask(self) -> int:
        return self._context.task.subtask_index

    def get_attempt_number(self) -> int:
        return self._context.task.attempt_number

    def get_job_parameter(self, key: str, default_value: str | None = None) -> str | None:
        return self._context.job_parameters.get(key, default_value)

    def get_metrics_group(self) -> MetricGroup:
        if self._metrics is None:
            task = self._context.task
            self._metrics = MetricGroup((task.task_name, self._context.info.name, str(task.subtask_index)))
        return self._metrics
