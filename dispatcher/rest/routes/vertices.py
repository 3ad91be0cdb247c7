"""``/jobs/<id>/vertices/<id>``, its subtasks, their attempts, and the TaskManagers that they are on."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import attempt_of, find_job, subtask_of, vertex_of
from millstream.dispatcher.rest.messages.vertices import (
    JobVertexInfo,
    SubtaskDetailsInfo,
    SubtasksTimesInfo,
    TaskManagersOfVertexInfo,
)
from millstream.dispatcher.rest.parameters import AttemptPath, JobIdPath, SubtaskPath, VertexIdPath
from millstream.dispatcher.rest.payloads.vertices import (
    job_vertex,
    subtask_details,
    subtask_times,
    task_managers_of_vertex,
)
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The routes of vertices."""
    router = APIRouter(tags=["vertices"])

    def now_ms() -> int:
        return context.clock.now_ms()

    @router.get("/jobs/{jobid}/vertices/{vertexid}", response_model=JobVertexInfo)
    async def get_job_vertex_details(job_id: JobIdPath, vertex_id: VertexIdPath) -> Response:
        """A vertex of a job, with its subtasks."""
        return json_response(job_vertex(vertex_of(await find_job(context, job_id), vertex_id), now_ms()))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/subtasktimes", response_model=SubtasksTimesInfo)
    async def get_subtasks_times(job_id: JobIdPath, vertex_id: VertexIdPath) -> Response:
        """When the subtasks of a vertex entered their states."""
        return json_response(subtask_times(vertex_of(await find_job(context, job_id), vertex_id), now_ms()))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/taskmanagers", response_model=TaskManagersOfVertexInfo)
    async def get_job_vertex_task_managers(job_id: JobIdPath, vertex_id: VertexIdPath) -> Response:
        """A vertex by the TaskManagers that its subtasks are on."""
        return json_response(task_managers_of_vertex(vertex_of(await find_job(context, job_id), vertex_id), now_ms()))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}", response_model=SubtaskDetailsInfo)
    async def get_subtask_current_attempt_details(
        job_id: JobIdPath, vertex_id: VertexIdPath, subtask: SubtaskPath
    ) -> Response:
        """The current attempt of a subtask."""
        vertex = vertex_of(await find_job(context, job_id), vertex_id)
        return json_response(subtask_details(subtask_of(vertex, subtask), now_ms()))

    @router.get(
        "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/attempts/{attempt}",
        response_model=SubtaskDetailsInfo,
    )
    async def get_subtask_execution_attempt_details(
        job_id: JobIdPath, vertex_id: VertexIdPath, subtask: SubtaskPath, attempt: AttemptPath
    ) -> Response:
        """An attempt of a subtask, the current one or an earlier one."""
        vertex = vertex_of(await find_job(context, job_id), vertex_id)
        return json_response(subtask_details(attempt_of(subtask_of(vertex, subtask), attempt), now_ms()))

    return router
