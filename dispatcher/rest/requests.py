"""What is done to a request before a route sees it.

Its body is limited; whatever content type a client claims, a body is JSON unless it is a form: Flink never asked its
clients for the right one; and each path may begin with the version of the interface.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from millstream.common.config import Configuration, RestOptions
from millstream.dispatcher.rest.responses import error_response

__all__ = ["VERSION_PREFIX", "RequestShaper", "VersionPrefix", "url_prefix"]

VERSION_PREFIX: Final = "/v1"
_JSON: Final = "application/json"


def url_prefix(configuration: Configuration) -> str:
    """What a proxy may leave in front of paths: empty, or ``/foo``."""
    prefix = configuration.get(RestOptions.URL_PREFIX).strip("/")
    return f"/{prefix}" if prefix else ""


class RequestShaper:
    """Middleware that makes requests what the routes expect.

    :param max_content_length: most bytes of a body.
    """

    def __init__(self, application: ASGIApp, max_content_length: int) -> None:
        self._application = application
        self._max_content_length = max_content_length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self._max_content_length:
            answer = error_response(413, self._too_long())
            answer.headers["connection"] = "close"  # the body is not read
            await answer(scope, receive, send)
            return
        if not headers.get("content-type", "").startswith("multipart/"):
            headers["content-type"] = _JSON
        left = self._max_content_length

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, self._too_long(), {"connection": "close"})
            return message

        await self._application(scope, limited, send)

    def _too_long(self) -> str:
        return (
            f"The body of the request is longer than {self._max_content_length:,} bytes "
            f"({RestOptions.SERVER_MAX_CONTENT_LENGTH.key})."
        )


class VersionPrefix:
    """Middleware that finds the route of ``/v1/jobs`` where that of ``/jobs`` is: each route is there once."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(f"{VERSION_PREFIX}/"):
            # Routes are looked for below the one root; links to pages are made with the other.
            scope = {**scope, "root_path": VERSION_PREFIX, "app_root_path": ""}
        await self._application(scope, receive, send)
