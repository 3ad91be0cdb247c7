"""``/jobs/<id>/vertices/<id>/watermarks``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import find_job, vertex_of
from millstream.dispatcher.rest.messages.metrics import Metric
from millstream.dispatcher.rest.parameters import JobIdPath, VertexIdPath
from millstream.dispatcher.rest.payloads.metrics import watermarks
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """How far event time has come in each subtask."""
    router = APIRouter(tags=["vertices"])

    @router.get("/jobs/{jobid}/vertices/{vertexid}/watermarks", response_model=list[Metric])
    async def get_watermarks(jobid: JobIdPath, vertexid: VertexIdPath) -> Response:
        """The watermarks that the subtasks of a vertex have received, in milliseconds; sources receive none."""
        vertex_of(await find_job(context, jobid), vertexid)
        store = await context.metrics.refresh()
        return json_response(watermarks(store.subtasks(jobid, vertexid)))

    return router
