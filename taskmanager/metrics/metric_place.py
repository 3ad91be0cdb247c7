"""Where in the cluster the metrics of a slot worker belong: host, TaskManager and job."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.config import Configuration
from millstream.common.graph.shown_name import shown_name
from millstream.common.metrics import MetricGroup, MetricScope
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.taskmanager.operators.operator import OperatorInfo, TaskInfo

__all__ = ["MetricPlace"]


@dataclass(frozen=True, slots=True)
class MetricPlace:
    """Names what is measured.

    :ivar formats: how the full identifiers of metrics begin.
    """

    host: str
    task_manager_id: str
    job_name: str
    formats: ScopeFormats

    @staticmethod
    def nowhere() -> MetricPlace:
        """For tasks that run outside of a cluster."""
        return MetricPlace("localhost", "none", "none", ScopeFormats.of(Configuration()))

    def job_scope(self, task: TaskInfo) -> MetricScope:
        """The scope of a task's job on this TaskManager."""
        return MetricScope.task_manager(self.host, self.task_manager_id).job(task.job_id, self.job_name)

    def task_scope(self, task: TaskInfo) -> MetricScope:
        """The scope of a task."""
        job = self.job_scope(task)
        return job.task(task.vertex_id, task.task_name, task.attempt_id, task.attempt_number, task.subtask_index)

    def operator_scope(self, task: TaskInfo, operator: OperatorInfo) -> MetricScope:
        """The scope of an operator of a task."""
        return self.task_scope(task).operator(operator.operator_id, shown_name(operator.name, operator.kind))

    def operator_group(self, task: TaskInfo, operator: OperatorInfo) -> MetricGroup:
        """The group in which an operator's functions register what they measure."""
        return self.formats.group(self.operator_scope(task, operator))
