"""``/jobs/<id>/exceptions``."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import WithJsonSchema

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError
from millstream.dispatcher.rest.job_lookup import find_job
from millstream.dispatcher.rest.messages.exceptions import JobExceptionsInfo
from millstream.dispatcher.rest.parameters import JobIdPath, split_list
from millstream.dispatcher.rest.payloads.exceptions import job_exceptions
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_MAX_EXCEPTIONS: Final = 20

_Limit = Annotated[int, Query(alias="maxExceptions", ge=0, le=2**31 - 1, description="The most in each list.")]
_Labels = Annotated[
    list[str] | None,
    WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": "^[^:,]+:[^,]+$"}}),
    Query(
        alias="failureLabelFilter",
        description="Pairs `key:value`, parted by commas: only failures of the history that have all of these labels.",
    ),
]


def make_router(context: RestContext) -> APIRouter:
    """The route of a job's failures."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{jobid}/exceptions", response_model=JobExceptionsInfo)
    async def get_job_exceptions(
        job_id: JobIdPath, max_exceptions: _Limit = _MAX_EXCEPTIONS, labels: _Labels = None
    ) -> Response:
        """Why a job has failed, the last time and before."""
        wanted = dict(_label(pair) for pair in split_list(labels))
        return json_response(job_exceptions(await find_job(context, job_id), max_exceptions, wanted))

    return router


def _label(pair: str) -> tuple[str, str]:
    key, colon, value = pair.partition(":")
    if not (key and colon and value):
        raise BadRequestError(
            "Bad request, could not parse parameters: Cannot resolve query parameter (failureLabelFilter) from value "
            f'"{pair}".'
        )
    return key, value
