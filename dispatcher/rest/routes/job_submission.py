"""``POST /jobs``: a job graph that a client has built itself.

Flink's clients send Java objects; Millstream's send ``JobGraph`` messages (``graph.proto``).
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from google.protobuf.message import DecodeError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from millstream.common.errors import InvalidProgramError
from millstream.common.wire.cluster_pb2 import SubmitJobRequest
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError
from millstream.dispatcher.rest.messages.job_submission import JobSubmitRequest, JobSubmitResponse
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_JAVA_OBJECT: Final = b"\xac\xed"

_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["request", "file_0"],
                    "properties": {
                        "request": {"type": "string", "description": 'JSON: `{"jobGraphFileName": "..."}`.'},
                        "file_0": {"type": "string", "format": "binary", "description": "The file of that name."},
                    },
                }
            }
        },
    }
}


def make_router(context: RestContext) -> APIRouter:
    """The route of submissions."""
    router = APIRouter(tags=["jobs"])

    @router.post("/jobs", status_code=202, response_model=JobSubmitResponse, openapi_extra=_FORM)
    async def submit_job(request: Request) -> Response:
        """Submit a job graph: a file with a `JobGraph` message, and a field `request` that names the file."""
        async with request.form() as form:
            content = await _graph_file(form)
        try:
            await context.cluster.dispatcher.submit_job(SubmitJobRequest(job_graph=(graph := _parsed(content))))
        except InvalidProgramError as error:
            raise BadRequestError(str(error)) from error
        return json_response(JobSubmitResponse(job_url=f"/jobs/{graph.job_id}"), 202)

    return router


async def _graph_file(form: FormData) -> bytes:
    said = form.get("request")
    if said is None:
        raise BadRequestError("The form has no field `request`.")
    text = await said.read() if isinstance(said, UploadFile) else said
    try:
        wish = JobSubmitRequest.model_validate_json(text)
    except ValidationError as error:
        raise BadRequestError(f"Request did not match expected format: request: {error.errors()[0]['msg']}") from error
    if wish.job_jar_file_names:
        raise BadRequestError("A job cannot bring Java archives: there is no JVM here.")
    for _, part in form.multi_items():
        if isinstance(part, UploadFile) and part.filename == wish.job_graph_file_name:
            return await part.read()
    raise BadRequestError(f"JobGraph file {wish.job_graph_file_name} does not exist")


def _parsed(content: bytes) -> JobGraph:
    if content.startswith(_JAVA_OBJECT):
        raise BadRequestError(
            "The job graph is a serialized Java object, as Flink's own clients send it. Millstream runs Python "
            "programs: submit with `millstream run`, or upload a package to /jars/upload."
        )
    try:
        return JobGraph.FromString(content)
    except DecodeError as error:
        raise BadRequestError(f"The file is not a JobGraph message: {error}") from error
