"""The application: all routes under both prefixes, and what holds for every one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from millstream.common.version import VERSION
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import ErrorAnswers, handle_errors
from millstream.dispatcher.rest.messages.errors import ErrorBody
from millstream.dispatcher.rest.responses import JsonResponse
from millstream.dispatcher.rest.routes import cluster

__all__ = ["make_application"]

_ROUTERS: Final[tuple[Callable[[RestContext], APIRouter], ...]] = (cluster.make_router,)
"""A route with a fixed path stands before one that has a parameter in that place."""

_VERSION_PREFIX: Final = "/v1"
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorBody, "description": "The request is wrong."},
    404: {"model": ErrorBody, "description": "What the request names is not there."},
    500: {"model": ErrorBody, "description": "The request has failed."},
    503: {"model": ErrorBody, "description": "Nobody leads the cluster now."},
}


def make_application(context: RestContext) -> FastAPI:
    """Return the ASGI application that serves the REST interface."""
    application = FastAPI(
        title="Millstream REST API",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=JsonResponse,
        generate_unique_id_function=_operation_id,
    )
    for make_router in _ROUTERS:
        router = make_router(context)
        application.include_router(router, prefix=_VERSION_PREFIX, responses=_ERRORS)
        application.include_router(router, include_in_schema=False)
    handle_errors(application)
    application.add_middleware(ErrorAnswers)
    return application


def _operation_id(route: APIRoute) -> str:
    """Clients that are generated from the description name their methods so."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)
