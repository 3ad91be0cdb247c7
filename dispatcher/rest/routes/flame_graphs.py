"""``/jobs/<id>/vertices/<id>/flamegraph``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from millstream.common.config import RestOptions
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.flame_graphs.stack_sampler import SampledTasks
from millstream.dispatcher.rest.job_lookup import find_job, subtask_of, vertex_of
from millstream.dispatcher.rest.messages.flame_graphs import DISABLED, TERMINATED, WAITING, VertexFlameGraph
from millstream.dispatcher.rest.parameters import JobIdPath, VertexIdPath
from millstream.dispatcher.rest.payloads.flame_graphs import (
    FlameGraphType,
    flame_graph,
    have_ended,
    running_attempts,
)
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

TypeQuery = Annotated[
    FlameGraphType,
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    Query(alias="type", description="`full`, or the samples taken while the tasks ran or waited: `on_cpu`, `off_cpu`."),
]
SubtaskQuery = Annotated[int | None, Query(ge=0, description="Index of the one subtask that is wanted.")]


def make_router(context: RestContext) -> APIRouter:
    """Where tasks spend their time."""
    router = APIRouter(tags=["vertices"])
    enabled = context.configuration.get(RestOptions.FLAMEGRAPH_ENABLED)

    @router.get("/jobs/{jobid}/vertices/{vertexid}/flamegraph", response_model=VertexFlameGraph)
    async def get_flame_graph(
        jobid: JobIdPath, vertexid: VertexIdPath, graph_type: TypeQuery = "full", subtaskindex: SubtaskQuery = None
    ) -> Response:
        """The stacks of a vertex's tasks as a flame graph. The first request has the stacks sampled."""
        if not enabled:
            return json_response(DISABLED)
        vertex = vertex_of(await find_job(context, jobid), vertexid)
        subtasks = vertex.subtasks if subtaskindex is None else [subtask_of(vertex, subtaskindex)]
        if have_ended(subtasks):
            return json_response(TERMINATED)
        stacks = context.stacks.sample(SampledTasks(jobid, vertexid, subtaskindex), running_attempts(subtasks))
        return json_response(WAITING if stacks is None else flame_graph(stacks, graph_type))

    return router
