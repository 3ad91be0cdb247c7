"""The files of the web interface.

They are listed once, and a request's path is looked for in the list: no path that a client makes reaches the file
system. They hold nothing of the cluster, so they are served to everybody: the page itself asks for the token.
"""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["StaticFile", "StaticFiles", "web_files"]

_KEPT_SECONDS: Final = 300
_INDEX: Final = "/index.html"
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file.

    :ivar modified: when it was last changed, whole seconds since the epoch.
    """

    content: bytes
    content_type: str
    modified: int


def web_files(directory: Path) -> Mapping[str, StaticFile]:
    """Return the files below a directory by the path of the request that asks for them; Python's own are left out."""
    found: dict[str, StaticFile] = {}
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        if hidden or path.suffix in (".py", ".pyc", ".typed") or not path.is_file():
            continue
        content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[f"/{relative.as_posix()}"] = StaticFile(path.read_bytes(), content_type, int(path.stat().st_mtime))
    if _INDEX in found:
        found["/"] = found[_INDEX]
    return found


class StaticFiles:
    """Middleware that answers requests for files."""

    def __init__(self, application: ASGIApp, files: Mapping[str, StaticFile]) -> None:
        self._application = application
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._files.get(scope["path"]) if scope["method"] == "GET" else None
        if file is None:
            await self._application(scope, receive, send)
        elif _is_known(file, Headers(scope=scope).get("if-modified-since")):
            await Response(status_code=304)(scope, receive, send)
        else:
            await _answer(file)(scope, receive, send)


def _is_known(file: StaticFile, since: str | None) -> bool:
    if since is None:
        return False
    try:
        return parsedate_to_datetime(since).timestamp() >= file.modified
    except ValueError:
        return False


def _answer(file: StaticFile) -> Response:
    response = Response(
        file.content,
        headers={
            "content-type": file.content_type,
            "expires": formatdate(time.time() + _KEPT_SECONDS, usegmt=True),
            "cache-control": f"private, max-age={_KEPT_SECONDS}",
            "last-modified": formatdate(file.modified, usegmt=True),
            "x-content-type-options": "nosniff",
        },
    )
    if file.content_type == "text/html":
        response.headers["content-security-policy"] = _POLICY
    return response
