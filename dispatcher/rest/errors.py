"""Errors as answers: the status, and a body ``{"errors": [...]}``.

A route raises :class:`RestError` for what the caller did wrong or cannot have. Errors of the cluster have a status of
their own where that says something to a caller. Everything else is a defect: status 500, with the traceback in the
second string of the body, and in the log.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.rpc.service import RpcTimeoutError
from millstream.dispatcher.rest.responses import JsonResponse, error_response

__all__ = [
    "BadRequestError",
    "ConflictError",
    "ErrorAnswers",
    "ForbiddenError",
    "NotFoundError",
    "RestError",
    "UnavailableError",
    "answer_to",
    "handle_errors",
]

logger = logging.getLogger(__name__)

_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""Those that Flink knows: where an endpoint does not have them there is nothing. No endpoint has the others."""
_NO_LEADER: Final = "Service temporarily unavailable due to an ongoing leader election. Please refresh."


class RestError(MillstreamError):
    """The request cannot be answered as it is wished.

    :ivar status: of the answer.
    """

    status: int = 500

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        if status is not None:
            self.status = status


class BadRequestError(RestError):
    """The request is wrong."""

    status = 400


class ForbiddenError(RestError):
    """It is switched off."""

    status = 403


class NotFoundError(RestError):
    """What the request names is not there."""

    status = 404


class ConflictError(RestError):
    """What the request names is in a state that does not allow it."""

    status = 409


class UnavailableError(RestError):
    """It cannot be had now, but later perhaps."""

    status = 503


class ErrorAnswers:
    """Middleware that answers what nobody else has answered. Must be the innermost of the application's own."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._application(scope, receive, watched_send)
        except Exception as error:  # the server must answer, whatever it is
            if started:  # too late to say it: the connection is broken off, so that the answer does not look complete
                raise
            await answer_to(error, f"{scope['method']} {scope['path']}")(scope, receive, send)


def answer_to(error: Exception, request: str) -> JsonResponse:
    """Return the answer to a request that ended with ``error``.

    :param request: method and path, for the log.
    """
    if isinstance(error, RestError):
        return error_response(error.status, str(error))
    if isinstance(error, NoLeaderError):
        logger.debug("%s: %s", request, error)
        return error_response(503, _NO_LEADER)
    if isinstance(error, JobNotFoundError):
        return error_response(404, str(error))
    if isinstance(error, DuplicateJobError):
        return error_response(409, str(error))
    if isinstance(error, RpcTimeoutError):
        return error_response(504, str(error))
    expected = isinstance(error, MillstreamError)  # its message says it all
    logger.log(logging.WARNING if expected else logging.ERROR, "%s failed", request, exc_info=error)
    text = f"{error}\n" if expected else "".join(traceback.format_exception(error))
    return error_response(
        500, "Internal server error.", f"<Exception on server side:\n{text}\nEnd of exception on server side>"
    )


def handle_errors(application: FastAPI) -> None:
    """Let the application answer errors as above."""
    application.add_exception_handler(HTTPException, _not_routed)
    application.add_exception_handler(RequestValidationError, _not_valid)
    application.add_exception_handler(MillstreamError, _failed)


async def _failed(request: Request, error: Exception) -> Response:
    return answer_to(error, f"{request.method} {request.url.path}")


async def _not_routed(request: Request, error: Exception) -> Response:
    """No route has the path, or none has it for this method, or the request cannot be read."""
    if not isinstance(error, HTTPException):
        return answer_to(error, f"{request.method} {request.url.path}")
    if error.status_code not in (404, 405):
        answer = error_response(error.status_code, error.detail)
        answer.headers.update(error.headers or {})
        return answer
    path = request.scope["path"]
    if request.method == "GET":  # whatever is no endpoint could be a file
        return error_response(404, f"Unable to load requested file {path}.")
    if request.method not in _METHODS:
        answer = error_response(405, f"Not allowed: {request.method} {path}")
        answer.headers.update(error.headers or {})
        return answer
    return error_response(404, f"Not found: {path}")


async def _not_valid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return answer_to(error, f"{request.method} {request.url.path}")
    return error_response(400, *(_described(problem) for problem in error.errors()))


def _described(problem: dict[str, Any]) -> str:
    place, *names = problem["loc"]
    if place in ("path", "query"):
        value = problem["input"]
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if problem["type"] == "missing":
            return f"Bad request, could not parse parameters: The {place} parameter ({names[0]}) is missing."
        return (
            f"Bad request, could not parse parameters: Cannot resolve {place} parameter ({names[0]}) from value "
            f'"{value}".'
        )
    if problem["type"] == "json_invalid":
        return f"Bad request received. The body is not JSON: {problem['ctx']['error']} (at character {names[-1]})"
    field = ".".join(map(str, names))
    return f"Request did not match expected format: {field or 'the body'}: {problem['msg']}"
