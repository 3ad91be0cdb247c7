"""Metrics of the master, the TaskManagers, the jobs, their vertices and subtasks.

What nobody knows has no metrics; that is no error. Those that are aggregated come together or not at all.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.messages.metrics import AggregatedMetric, Metric
from millstream.dispatcher.rest.parameters import (
    JobIdPath,
    ListQuery,
    SubtaskPath,
    TaskManagerIdPath,
    VertexIdPath,
    split_list,
)
from millstream.dispatcher.rest.payloads.metrics import aggregated_metrics, metrics, metrics_of_subtasks
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_AGGREGATION: Final = "min|max|avg|sum|skew|MIN|MAX|AVG|SUM|SKEW"
_RANGE: Final = "[0-9]{1,9}(-[0-9]{1,9})?"

AggregationsQuery = Annotated[
    list[Annotated[str, StringConstraints(pattern=rf"^(({_AGGREGATION})(,({_AGGREGATION}))*)?$")]] | None,
    Query(alias="agg", description="Which numbers: `min`, `max`, `avg`, `sum`, `skew`; all if not given."),
]
JobsQuery = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{32}(,[0-9a-fA-F]{32})*)?$")]] | None,
    Query(description="Ids of the jobs; all if not given."),
]
SubtasksQuery = Annotated[
    list[Annotated[str, StringConstraints(pattern=rf"^({_RANGE}(,{_RANGE})*)?$")]] | None,
    Query(description="Indexes and ranges of indexes, such as `0,4-7`; all subtasks if not given."),
]


def make_router(context: RestContext) -> APIRouter:
    """The routes of all metrics."""
    router = APIRouter(tags=["metrics"])

    @router.get("/jobmanager/metrics", response_model=list[Metric])
    async def get_job_manager_metrics(get: ListQuery = None) -> Response:
        """Those of the leading master and of the cluster."""
        store = await context.metrics.refresh()
        return json_response(metrics(store.job_manager(), split_list(get)))

    @router.get("/taskmanagers/metrics", response_model=list[AggregatedMetric])
    async def get_aggregated_task_manager_metrics(
        get: ListQuery = None, agg: AggregationsQuery = None, taskmanagers: ListQuery = None
    ) -> Response:
        """Those of all TaskManagers, or of some, taken together."""
        components = (await context.metrics.refresh()).task_managers()
        if wanted := split_list(taskmanagers):
            components = {
                task_manager: components[task_manager] for task_manager in wanted if task_manager in components
            }
        return json_response(aggregated_metrics(components.values(), split_list(get), _aggregations(agg)))

    @router.get("/taskmanagers/{taskmanagerid}/metrics", response_model=list[Metric])
    async def get_task_manager_metrics(taskmanagerid: TaskManagerIdPath, get: ListQuery = None) -> Response:
        """Those of one TaskManager's process."""
        store = await context.metrics.refresh()
        return json_response(metrics(store.task_manager(taskmanagerid), split_list(get)))

    @router.get("/jobs/metrics", response_model=list[AggregatedMetric])
    async def get_aggregated_job_metrics(
        get: ListQuery = None, agg: AggregationsQuery = None, jobs: JobsQuery = None
    ) -> Response:
        """Those of all running jobs, or of some, taken together."""
        components = (await context.metrics.refresh()).jobs()
        if wanted := split_list(jobs):
            components = {job: components[job] for job in map(str.lower, wanted) if job in components}
        return json_response(aggregated_metrics(components.values(), split_list(get), _aggregations(agg)))

    @router.get("/jobs/{jobid}/metrics", response_model=list[Metric])
    async def get_job_metrics(jobid: JobIdPath, get: ListQuery = None) -> Response:
        """Those of a running job as a whole."""
        store = await context.metrics.refresh()
        return json_response(metrics(store.job(jobid), split_list(get)))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/metrics", response_model=list[Metric])
    async def get_job_vertex_metrics(jobid: JobIdPath, vertexid: VertexIdPath, get: ListQuery = None) -> Response:
        """Those of the tasks of a vertex, each with the index of its subtask in front."""
        store = await context.metrics.refresh()
        return json_response(metrics_of_subtasks(store.subtasks(jobid, vertexid), split_list(get)))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/jm-operator-metrics", response_model=list[Metric])
    async def get_coordinator_metrics(jobid: JobIdPath, vertexid: VertexIdPath, get: ListQuery = None) -> Response:
        """Those that the operators of a vertex have at the master."""
        store = await context.metrics.refresh()
        return json_response(metrics(store.coordinators(jobid, vertexid), split_list(get)))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/subtasks/metrics", response_model=list[AggregatedMetric])
    async def get_aggregated_subtask_metrics(
        jobid: JobIdPath,
        vertexid: VertexIdPath,
        get: ListQuery = None,
        agg: AggregationsQuery = None,
        subtasks: SubtasksQuery = None,
    ) -> Response:
        """Those of all subtasks of a vertex, or of some, taken together."""
        components = (await context.metrics.refresh()).subtasks(jobid, vertexid)
        if ranges := split_list(subtasks):
            components = {
                subtask: values
                for subtask, values in components.items()
                if any(_is_within(subtask, item) for item in ranges)
            }
        return json_response(aggregated_metrics(components.values(), split_list(get), _aggregations(agg)))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/metrics", response_model=list[Metric])
    async def get_subtask_metrics(
        jobid: JobIdPath, vertexid: VertexIdPath, subtaskindex: SubtaskPath, get: ListQuery = None
    ) -> Response:
        """Those of one subtask."""
        store = await context.metrics.refresh()
        return json_response(metrics(store.subtask(jobid, vertexid, subtaskindex), split_list(get)))

    return router


def _aggregations(values: list[str] | None) -> list[str]:
    return [value.lower() for value in split_list(values)]


def _is_within(subtask: int, item: str) -> bool:
    first, _, last = item.partition("-")
    return int(first) <= subtask <= int(last or first)
