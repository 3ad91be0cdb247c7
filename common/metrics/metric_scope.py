"""Where metrics belong: to a master, a TaskManager, a job, a task or an operator, and to which one.

A scope is a kind and the variables that tell one thing of the kind from another. Reporters make identifiers or labels
of them; the REST interface finds by them what a page asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["MetricScope", "ScopeKind"]


class ScopeKind(Enum):
    """The seven kinds of things that have metrics. The value is the name on the wire."""

    JOB_MANAGER = "JOB_MANAGER"
    JOB_MANAGER_JOB = "JOB_MANAGER_JOB"
    JOB_MANAGER_OPERATOR = "JOB_MANAGER_OPERATOR"
    TASK_MANAGER = "TASK_MANAGER"
    TASK_MANAGER_JOB = "TASK_MANAGER_JOB"
    TASK = "TASK"
    OPERATOR = "OPERATOR"

    @property
    def logical_scope(self) -> tuple[str, ...]:
        """The fixed words that name the kind in Prometheus and in filters, outermost first."""
        return _LOGICAL_SCOPES[self]


_LOGICAL_SCOPES = {
    ScopeKind.JOB_MANAGER: ("jobmanager",),
    ScopeKind.JOB_MANAGER_JOB: ("jobmanager", "job"),
    ScopeKind.JOB_MANAGER_OPERATOR: ("jobmanager", "job", "operator"),
    ScopeKind.TASK_MANAGER: ("taskmanager",),
    ScopeKind.TASK_MANAGER_JOB: ("taskmanager", "job"),
    ScopeKind.TASK: ("taskmanager", "job", "task"),
    ScopeKind.OPERATOR: ("taskmanager", "job", "task", "operator"),
}


@dataclass(frozen=True, slots=True)
class MetricScope:
    """One thing that has metrics.

    :ivar kind: what kind of thing.
    :ivar variables: what tells it from others, by name without angle brackets: ``host``, ``tm_id``, ``job_id``...
    """

    kind: ScopeKind
    variables: dict[str, str]

    @staticmethod
    def job_manager(host: str) -> MetricScope:
        """The master process."""
        return MetricScope(ScopeKind.JOB_MANAGER, {"host": host})

    @staticmethod
    def task_manager(host: str, tm_id: str) -> MetricScope:
        """A TaskManager process."""
        return MetricScope(ScopeKind.TASK_MANAGER, {"host": host, "tm_id": tm_id})

    def job(self, job_id: str, job_name: str) -> MetricScope:
        """A job in this master or TaskManager."""
        kind = {
            ScopeKind.JOB_MANAGER: ScopeKind.JOB_MANAGER_JOB,
            ScopeKind.TASK_MANAGER: ScopeKind.TASK_MANAGER_JOB,
        }.get(self.kind)
        if kind is None:
            raise ValueError(f"a job belongs to a JobManager or TaskManager, not to a scope of kind {self.kind.value}")
        return MetricScope(kind, {**self.variables, "job_id": job_id, "job_name": job_name})

    def task(
        self, task_id: str, task_name: str, task_attempt_id: str, task_attempt_num: int, subtask_index: int
    ) -> MetricScope:
        """A subtask's attempt, of this job in a TaskManager.

        :param task_id: the id of its vertex.
        """
        if self.kind is not ScopeKind.TASK_MANAGER_JOB:
            raise ValueError(f"a task belongs to a job in a TaskManager, not to a scope of kind {self.kind.value}")
        own = {
            "task_id": task_id,
            "task_name": task_name,
            "task_attempt_id": task_attempt_id,
            "task_attempt_num": str(task_attempt_num),
            "subtask_index": str(subtask_index),
        }
        return MetricScope(ScopeKind.TASK, {**self.variables, **own})

    def operator(self, operator_id: str, operator_name: str, task_id: str | None = None) -> MetricScope:
        """An operator of this task, or the coordinator of an operator of this job in the master.

        :param task_id: the id of the vertex; a task knows it already.
        """
        kind = {
            ScopeKind.JOB_MANAGER_JOB: ScopeKind.JOB_MANAGER_OPERATOR,
            ScopeKind.TASK: ScopeKind.OPERATOR,
        }.get(self.kind)
        if kind is None:
            raise ValueError(
                f"an operator belongs to a task or to a job in the JobManager, not to a scope of kind {self.kind.value}"
            )
        own = {"operator_id": operator_id, "operator_name": operator_name}
        if task_id is not None:
            own["task_id"] = task_id
        return MetricScope(kind, {**self.variables, **own})
