"""``/jobmanager/profiler`` and ``/taskmanagers/<id>/profiler``: where a process spends its time, on demand."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.messages.profiler import ProfilingInfo, ProfilingList, ProfilingRequest
from millstream.dispatcher.rest.openapi import HTML_ANSWER
from millstream.dispatcher.rest.parameters import FileNamePath, TaskManagerIdPath
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_HEADERS: Final = {
    "content-type": "text/html; charset=UTF-8",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def make_router(context: RestContext) -> APIRouter:
    """The routes of the profiler."""
    router = APIRouter(tags=["profiler"])

    @router.get("/jobmanager/profiler", response_model=ProfilingList)
    async def list_job_manager_profiles() -> Response:
        """The profiles of the master that answers, newest first."""
        return await _list(None)

    @router.post("/jobmanager/profiler", response_model=ProfilingInfo)
    async def profile_job_manager(request: ProfilingRequest) -> Response:
        """Profile the process of the master that answers."""
        return json_response(await context.profiler.start(None, request))

    @router.get("/jobmanager/profiler/{filename}", responses=HTML_ANSWER)
    async def get_job_manager_profile(filename: FileNamePath) -> Response:
        """The result of a profile of the master that answers."""
        return await _page(None, filename)

    @router.get("/taskmanagers/{taskmanagerid}/profiler", response_model=ProfilingList)
    async def list_task_manager_profiles(taskmanagerid: TaskManagerIdPath) -> Response:
        """The profiles of a TaskManager, newest first."""
        return await _list(taskmanagerid)

    @router.post("/taskmanagers/{taskmanagerid}/profiler", response_model=ProfilingInfo)
    async def profile_task_manager(taskmanagerid: TaskManagerIdPath, request: ProfilingRequest) -> Response:
        """Profile the process of a TaskManager and those of its slots."""
        return json_response(await context.profiler.start(taskmanagerid, request))

    @router.get("/taskmanagers/{taskmanagerid}/profiler/{filename}", responses=HTML_ANSWER)
    async def get_task_manager_profile(taskmanagerid: TaskManagerIdPath, filename: FileNamePath) -> Response:
        """The result of a profile of a TaskManager."""
        return await _page(taskmanagerid, filename)

    async def _list(resource_id: str | None) -> Response:
        return json_response(ProfilingList(profiling_list=await context.profiler.profiles(resource_id)))

    async def _page(resource_id: str | None, name: str) -> Response:
        page = await context.profiler.page(resource_id, name)
        return Response(page, headers={**_HEADERS, "content-disposition": f'attachment; filename="{name}"'})

    return router
