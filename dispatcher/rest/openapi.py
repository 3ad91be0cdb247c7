"""The description of the interface, from which clients are generated: OpenAPI, under ``/openapi.json``.

FastAPI derives it from the routes. What it cannot know is mended here: the version is a part of the paths, errors have
a body of their own, wrong parameters are answered with status 400, and a token may be wanted.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from millstream.dispatcher.rest.messages.errors import ErrorBody
from millstream.dispatcher.rest.requests import VERSION_PREFIX
from millstream.dispatcher.rest.responses import JsonResponse

__all__ = ["HTML_ANSWER", "TEXT_ANSWER", "make_router"]

Responses = dict[int | str, dict[str, Any]]

TEXT_ANSWER: Final[Responses] = {
    200: {"description": "The file.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
"""For routes that answer with a file."""
HTML_ANSWER: Final[Responses] = {
    200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}
}
"""For routes that answer with a page."""
_ERRORS: Final = {
    "400": "The request is wrong.",
    "403": "The request comes from a page that may not call, or what it asks for is switched off.",
    "404": "What the request names is not there.",
    "409": "What the request names is in a state that does not allow it.",
    "413": "The body of the request is too long.",
    "500": "The request has failed.",
    "503": "Nobody leads the cluster now, or what is asked for cannot be had now.",
    "504": "The part of the cluster that was asked does not answer in time.",
}
"""What any route may answer, by status."""
_JSON: Final = "application/json"
_ERROR_BODY: Final = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, with the token as password."},
}


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
    for route in application.routes:
        if isinstance(route, APIRoute):
            route.operation_id = _operation_id(route)
    description = get_openapi(
        title=application.title,
        version=application.version,
        summary="Apache Flink's REST API, and some endpoints of Millstream's own.",
        routes=application.routes,
    )
    paths = description["paths"] = {f"{VERSION_PREFIX}{path}": found for path, found in description["paths"].items()}
    for operations in paths.values():
        for operation in operations.values():
            _mend(operation["responses"], with_token)
    components = description.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.setdefault(ErrorBody.__name__, ErrorBody.model_json_schema())
    if with_token:
        components["securitySchemes"] = _SECURITY
        description["security"] = [{"bearer": []}, {"basic": []}]
    return description


def _operation_id(route: APIRoute) -> str:
    """Clients that are generated from the description name their methods so: ``getClusterOverview``."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _mend(answers: dict[str, Any], with_token: bool) -> None:
    """Complete what an operation may answer."""
    answers.pop("422", None)  # status 400 here
    for status, meaning in _ERRORS.items():
        answers.setdefault(status, {"description": meaning, "content": {_JSON: {"schema": _ERROR_BODY}}})
    if with_token:
        answers["401"] = {**answers["403"], "description": "The request does not show the token."}
    for answer in answers.values():
        content = answer.get("content", {})
        if "text/plain" in content or "text/html" in content:  # FastAPI takes each route for one that answers with JSON
            content.pop(_JSON, None)
