"""``/jobs/<id>/vertices/<id>/backpressure``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import find_job, vertex_of
from millstream.dispatcher.rest.messages.back_pressure import JobVertexBackPressureInfo
from millstream.dispatcher.rest.parameters import JobIdPath, VertexIdPath
from millstream.dispatcher.rest.payloads.back_pressure import back_pressure
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """How much tasks are held up by those that they send to."""
    router = APIRouter(tags=["vertices"])

    @router.get("/jobs/{jobid}/vertices/{vertexid}/backpressure", response_model=JobVertexBackPressureInfo)
    async def get_back_pressure(jobid: JobIdPath, vertexid: VertexIdPath) -> Response:
        """How much the subtasks of a vertex have waited for room downstream lately."""
        vertex_of(await find_job(context, jobid), vertexid)
        store = await context.metrics.refresh()
        return json_response(back_pressure(store.subtasks(jobid, vertexid), context.metrics.last_update_ms))

    return router
