"""The metrics of the cluster as a whole, under Flink's names."""

from __future__ import annotations

from millstream.common.wire.cluster_pb2 import ClusterOverview
from millstream.common.wire.metrics_pb2 import MetricValue

__all__ = ["cluster_metrics", "running_jobs"]


def running_jobs(count: int) -> MetricValue:
    """Return the metric of the jobs that have not ended."""
    return MetricValue(name="numRunningJobs", whole_number=count)


def cluster_metrics(overview: ClusterOverview) -> list[MetricValue]:
    """Return what there is to say of TaskManagers and slots.

    :param overview: of the ResourceManager.
    """
    figures = {
        "numRegisteredTaskManagers": overview.taskmanagers,
        "numPendingTaskManagers": 0,  # TaskManagers come by themselves: the master starts none that it would wait for
        "taskSlotsTotal": overview.slots_total,
        "taskSlotsAvailable": overview.slots_available,
    }
    return [MetricValue(name=name, whole_number=figure) for name, figure in figures.items()]
