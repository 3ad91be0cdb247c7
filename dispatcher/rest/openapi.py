"""The description of the interface, from which clients are generated: OpenAPI, under ``/openapi.json``.

FastAPI derives it from the routes. What it cannot know is mended here: errors have a body of their own, wrong
parameters are answered with status 400, and a token may be wanted.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from millstream.dispatcher.rest.messages.errors import ErrorBody
from millstream.dispatcher.rest.responses import JSON_TYPE, JsonResponse

__all__ = ["ERRORS", "TEXT_ANSWER", "make_router", "operation_id"]

Responses = dict[int | str, dict[str, Any]]

TEXT_ANSWER: Final[Responses] = {
    200: {"description": "The file.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
"""For routes that answer with a file."""
ERRORS: Final[Responses] = {
    400: {"model": ErrorBody, "description": "The request is wrong."},
    403: {"model": ErrorBody, "description": "The request comes from a page that may not call."},
    404: {"model": ErrorBody, "description": "What the request names is not there."},
    409: {"model": ErrorBody, "description": "What the request names is in a state that does not allow it."},
    413: {"model": ErrorBody, "description": "The body of the request is too long."},
    500: {"model": ErrorBody, "description": "The request has failed."},
    503: {"model": ErrorBody, "description": "Nobody leads the cluster now, or what is asked for cannot be had now."},
    504: {"model": ErrorBody, "description": "The part of the cluster that was asked does not answer in time."},
}
"""What any route may answer."""

_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, with the token as password."},
}


def operation_id(route: APIRoute) -> str:
    """Clients that are generated from the description name their methods so: ``getClusterOverview``."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def make_router(application: FastAPI, *, with_token: bool) -> APIRouter:
    """The route of the description of an application. It is made when it is first asked for.

    :param with_token: whether clients must show one.
    """
    router = APIRouter()
    made: list[bytes] = []

    @router.get("/openapi.json", include_in_schema=False)
    def get_description() -> Response:
        if not made:
            made.append(json.dumps(_describe(application, with_token), ensure_ascii=False).encode())
        return JsonResponse(made[0])

    return router


def _describe(application: FastAPI, with_token: bool) -> dict[str, Any]:
    description = get_openapi(
        title=application.title,
        version=application.version,
        summary="Apache Flink's REST API, and some endpoints of Millstream's own.",
        routes=application.routes,
    )
    for operations in description["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            answers.pop("422", None)  # status 400 here
            if with_token:
                answers["401"] = {**answers["403"], "description": "The request does not show the token."}
            for answer in answers.values():
                body = answer.get("content", {})
                schema = body.pop(JSON_TYPE, None)
                if schema is not None and "text/plain" not in body:
                    body["application/json"] = schema
    schemas = description.get("components", {}).get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    if with_token:
        description.setdefault("components", {})["securitySchemes"] = _SECURITY
        description["security"] = [{"bearer": []}, {"basic": []}]
    return description
