"""The metrics of the cluster by what they belong to, as of the last fetch.

It holds the last dump of each process. What a dump does not have any more, because its job has ended or its task has
gone elsewhere, is forgotten with the dump before. Ids and values are made for those things only that somebody asks
for, once for each dump.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump
from millstream.dispatcher.rest.metrics.metric_ids import metric_values, name_in_id

__all__ = ["MetricStore"]

_NONE: Final[Mapping[str, str]] = {}


class MetricStore:
    """Answers with mappings of metric ids to values, as text; they are not to be changed."""

    def __init__(self) -> None:
        self._master = _ProcessMetrics()
        self._task_managers: dict[str, _ProcessMetrics] = {}

    def put_master(self, dump: MetricDump) -> None:
        """Take what the leading master has, in place of what it had before.

        What TaskManagers had of jobs that do not run any more is forgotten.
        """
        self._master = _ProcessMetrics.of(dump)
        for task_manager in self._task_managers.values():
            task_manager.retain_jobs(self._master.jobs)

    def put_task_manager(self, resource_id: str, dump: MetricDump) -> None:
        """Take what a TaskManager has, in place of what it had before."""
        self._task_managers[resource_id] = _ProcessMetrics.of(dump)

    def retain_task_managers(self, resource_ids: Collection[str]) -> None:
        """Forget all TaskManagers but these."""
        for resource_id in self._task_managers.keys() - set(resource_ids):
            del self._task_managers[resource_id]

    def job_manager(self) -> Mapping[str, str]:
        """The leading master's own metrics and those of the cluster."""
        return self._master.process.values

    def task_manager(self, resource_id: str) -> Mapping[str, str] | None:
        """Those of a TaskManager's process, ``None`` if none are known of it."""
        task_manager = self._task_managers.get(resource_id)
        return task_manager.process.values if task_manager is not None else None

    def task_managers(self) -> dict[str, Mapping[str, str]]:
        """Those of all TaskManagers' processes, by resource id."""
        return {resource_id: metrics.process.values for resource_id, metrics in self._task_managers.items()}

    def job(self, job_id: str) -> Mapping[str, str] | None:
        """Those of a job, from its JobMaster and its TaskManagers, ``None`` if none are known of it."""
        job = self._master.jobs.get(job_id)
        if job is None:
            return None
        elsewhere = [each.jobs[job_id].values for each in self._task_managers.values() if job_id in each.jobs]
        if not elsewhere:
            return job.values
        values = dict(job.values)
        for more in elsewhere:
            values.update(more)
        return values

    def jobs(self) -> dict[str, Mapping[str, str]]:
        """Those of all jobs, by job id."""
        return {job_id: self.job(job_id) or _NONE for job_id in self._master.jobs}

    def coordinators(self, job_id: str, vertex_id: str) -> Mapping[str, str]:
        """Those that the operators of a vertex have at the JobMaster, with the operators' names in front."""
        coordinators = self._master.coordinators.get((job_id, vertex_id))
        return coordinators.values if coordinators is not None else _NONE

    def subtasks(self, job_id: str, vertex_id: str) -> dict[int, Mapping[str, str]]:
        """Those of a vertex by subtask, of the latest attempt of each; operators' names are in front of theirs."""
        latest: dict[int, _TaskMetrics] = {}
        for task_manager in self._task_managers.values():
            for subtask, task in task_manager.tasks.get((job_id, vertex_id), {}).items():
                if subtask not in latest or task.attempt > latest[subtask].attempt:
                    latest[subtask] = task
        return {subtask: latest[subtask].metrics.values for subtask in sorted(latest)}

    def subtask(self, job_id: str, vertex_id: str, subtask: int) -> Mapping[str, str] | None:
        """Those of one subtask, ``None`` if none are known of it."""
        return self.subtasks(job_id, vertex_id).get(subtask)


@dataclass(slots=True)
class _Groups:
    """Groups of a dump that are shown as one; what they come to is found out when it is asked for."""

    groups: list[MetricGroupDump] = field(default_factory=list)
    _values: dict[str, str] | None = None

    @property
    def values(self) -> Mapping[str, str]:
        if self._values is None:
            self._values = dict(_values(self.groups))
        return self._values


@dataclass(slots=True)
class _TaskMetrics:
    """Those of one attempt of a subtask."""

    attempt: int
    metrics: _Groups = field(default_factory=_Groups)


@dataclass(slots=True)
class _ProcessMetrics:
    """A dump by what its groups belong to.

    :ivar jobs: by job id.
    :ivar coordinators: by job and vertex id.
    :ivar tasks: by job and vertex id, and then by subtask.
    """

    process: _Groups = field(default_factory=_Groups)
    jobs: dict[str, _Groups] = field(default_factory=dict)
    coordinators: dict[tuple[str, str], _Groups] = field(default_factory=dict)
    tasks: dict[tuple[str, str], dict[int, _TaskMetrics]] = field(default_factory=dict)

    @classmethod
    def of(cls, dump: MetricDump) -> _ProcessMetrics:
        metrics = cls()
        for group in dump.groups:
            metrics._add(group)
        return metrics

    def retain_jobs(self, job_ids: Collection[str]) -> None:
        for key in [key for key in self.tasks if key[0] not in job_ids]:
            del self.tasks[key]
        for job_id in self.jobs.keys() - set(job_ids):
            del self.jobs[job_id]

    def _add(self, group: MetricGroupDump) -> None:
        variables = group.variables
        match group.scope:
            case "JOB_MANAGER" | "TASK_MANAGER":
                self.process.groups.append(group)
            case "JOB_MANAGER_JOB" | "TASK_MANAGER_JOB":
                self.jobs.setdefault(variables["job_id"], _Groups()).groups.append(group)
            case "JOB_MANAGER_OPERATOR":
                key = variables["job_id"], variables["task_id"]
                self.coordinators.setdefault(key, _Groups()).groups.append(group)
            case "TASK" | "OPERATOR":
                self._add_task(group, int(variables["subtask_index"]), int(variables["task_attempt_num"]))

    def _add_task(self, group: MetricGroupDump, subtask: int, attempt: int) -> None:
        subtasks = self.tasks.setdefault((group.variables["job_id"], group.variables["task_id"]), {})
        task = subtasks.get(subtask)
        if task is None or task.attempt < attempt:
            task = subtasks[subtask] = _TaskMetrics(attempt)
        if task.attempt == attempt:
            task.metrics.groups.append(group)


def _values(groups: Iterable[MetricGroupDump]) -> Iterable[tuple[str, str]]:
    for group in groups:
        of_operator = group.scope in ("OPERATOR", "JOB_MANAGER_OPERATOR")
        prefix = f"{name_in_id(group.variables['operator_name'])}." if of_operator else ""
        for metric in group.metrics:
            for metric_id, value in metric_values(metric, dots=not of_operator):
                yield prefix + metric_id, value
