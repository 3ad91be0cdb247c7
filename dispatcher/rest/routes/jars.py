"""``/jars``: uploaded packages, which Flink calls jars.

A package's program never runs in this process: see :mod:`millstream.dispatcher.packages.package_runs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Body, Path, Query, Request, Response
from starlette.datastructures import UploadFile

from millstream.common.config import WebOptions
from millstream.common.errors import InvalidProgramError
from millstream.common.wire.cluster_pb2 import SubmitJobRequest
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.packages.package_name import InvalidPackageError
from millstream.dispatcher.packages.package_runs import PackageRunError
from millstream.dispatcher.packages.package_store import Package, UnknownPackageError
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError, NotFoundError
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.jars import (
    JarListInfo,
    JarPlanRequest,
    JarRunRequest,
    JarRunResponse,
    JarUploadResponse,
    Parallelism,
)
from millstream.dispatcher.rest.messages.job_plan import JobPlanInfo
from millstream.dispatcher.rest.parameters import ListQuery, split_list
from millstream.dispatcher.rest.payloads.jars import jar_list, planned_job, run_options
from millstream.dispatcher.rest.responses import empty_response, json_response

__all__ = ["make_router"]

T = TypeVar("T")

_JarIdPath = Annotated[str, Path(alias="jarid", min_length=1, description="Id of a package, as listed.")]
_ParallelismQuery = Annotated[Parallelism | None, Query(description="Of all that sets none itself.")]
_EntryQuery = Annotated[str | None, Query(alias="entry-class", description="What to start; see `entryClass`.")]
_ArgsQuery = Annotated[str | None, Query(alias="program-args", description="Arguments of the program, as in a shell.")]
_SavepointQuery = Annotated[str | None, Query(alias="savepointPath", description="What the job goes on from.")]
_AllowQuery = Annotated[bool | None, Query(alias="allowNonRestoredState", description="State may be left over.")]

_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["jarfile"],
                    "properties": {"jarfile": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def make_router(context: RestContext) -> APIRouter:
    """The routes of packages; none where they are switched off."""
    router = APIRouter(tags=["packages"])
    if not context.configuration.get(WebOptions.SUBMIT_ENABLE):
        return router

    async def in_thread(work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(context.threads, work, *arguments)

    @router.get("/jars", response_model=JarListInfo)
    async def list_jars(request: Request) -> Response:
        """The uploaded packages, the newest first."""
        return json_response(jar_list(await in_thread(context.packages.list), str(request.base_url).rstrip("/")))

    @router.post("/jars/upload", response_model=JarUploadResponse, openapi_extra=_UPLOAD)
    async def upload_jar(request: Request) -> Response:
        """Upload a package: a `.py`, a `.zip` or `.pyz` of modules, or a wheel."""
        async with request.form() as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            if len(files) != 1:
                raise BadRequestError(f"Exactly 1 file must be sent, received {len(files)}.")
            try:
                package = await in_thread(context.packages.add, files[0].filename or "", files[0].file)
            except InvalidPackageError as error:
                raise BadRequestError(str(error)) from error
        return json_response(JarUploadResponse(filename=str(package.path)))

    @router.delete("/jars/{jarid}", response_model=EmptyMessage)
    async def delete_jar(jar_id: _JarIdPath) -> Response:
        """Remove a package. What was started from it goes on."""
        try:
            await in_thread(context.packages.delete, jar_id)
        except UnknownPackageError as error:
            raise BadRequestError(str(error)) from error
        return empty_response()

    @router.post("/jars/{jarid}/run", response_model=JarRunResponse)
    async def submit_job_from_jar(
        jar_id: _JarIdPath,
        body: Annotated[JarRunRequest | None, Body()] = None,
        entry: _EntryQuery = None,
        arguments: _ArgsQuery = None,
        argument_list: Annotated[ListQuery, Query(alias="programArg")] = None,
        parallelism: _ParallelismQuery = None,
        savepoint: _SavepointQuery = None,
        allow: _AllowQuery = None,
    ) -> Response:
        """Run a package, which submits its jobs. What the body says wins over the query."""
        asked = JarRunRequest(savepoint_path=savepoint, allow_non_restored_state=allow)
        return await run(jar_id, _merged(asked, body, entry, arguments, argument_list, parallelism))

    @router.post("/jars/{jarid}/run-application", response_model=JarRunResponse)
    async def run_application_from_jar(
        jar_id: _JarIdPath, body: Annotated[JarRunRequest | None, Body()] = None
    ) -> Response:
        """Run a package, as `/run` does."""
        return await run(jar_id, body or JarRunRequest())

    @router.get("/jars/{jarid}/plan", response_model=JobPlanInfo)
    async def get_jar_plan(
        jar_id: _JarIdPath,
        entry: _EntryQuery = None,
        arguments: _ArgsQuery = None,
        argument_list: Annotated[ListQuery, Query(alias="programArg")] = None,
        parallelism: _ParallelismQuery = None,
    ) -> Response:
        """The graph of the first job that a package would submit."""
        return await plan(jar_id, _merged(JarPlanRequest(), None, entry, arguments, argument_list, parallelism))

    @router.post("/jars/{jarid}/plan", response_model=JobPlanInfo)
    async def generate_jar_plan(
        jar_id: _JarIdPath,
        body: Annotated[JarPlanRequest | None, Body()] = None,
        entry: _EntryQuery = None,
        arguments: _ArgsQuery = None,
        argument_list: Annotated[ListQuery, Query(alias="programArg")] = None,
        parallelism: _ParallelismQuery = None,
    ) -> Response:
        """The graph of the first job that a package would submit. What the body says wins over the query."""
        return await plan(jar_id, _merged(JarPlanRequest(), body, entry, arguments, argument_list, parallelism))

    async def find(jar_id: str) -> Package:
        try:
            return await in_thread(context.packages.get, jar_id)
        except UnknownPackageError as error:
            raise NotFoundError(f"Jar file {jar_id} does not exist.") from error

    async def submit(graph: JobGraph) -> None:
        await context.cluster.dispatcher.submit_job(SubmitJobRequest(job_graph=graph))

    async def run(jar_id: str, request: JarRunRequest) -> Response:
        package = await find(jar_id)
        job_id = await _answered(context.package_runs.run(package, run_options(package, request), submit))
        return json_response(JarRunResponse(jobid=job_id))

    async def plan(jar_id: str, request: JarPlanRequest) -> Response:
        package = await find(jar_id)
        graph = await _answered(context.package_runs.plan(package, run_options(package, request)))
        return json_response(JobPlanInfo(plan=planned_job(graph)))

    return router


_Asked = TypeVar("_Asked", bound=JarPlanRequest)


def _merged(
    asked: _Asked,
    body: _Asked | None,
    entry: str | None,
    arguments: str | None,
    argument_list: list[str] | None,
    parallelism: int | None,
) -> _Asked:
    """What is asked for: by the body, and where that says nothing, by the query."""
    query: dict[str, Any] = {"entry_class": entry or None, "parallelism": parallelism}
    said = body.model_dump(by_alias=False, exclude_none=True) if body is not None else {}
    said = {name: value for name, value in said.items() if value not in ("", [], {})}
    if not said.keys() & {"program_args", "program_args_list"}:
        query |= {"program_args": arguments or None, "program_args_list": split_list(argument_list) or None}
    return asked.model_copy(update=query | said)


async def _answered(work: Awaitable[T]) -> T:
    """A program that does not do what it should is its sender's business."""
    try:
        return await work
    except (PackageRunError, InvalidProgramError) as error:
        raise BadRequestError(str(error)) from error
