"""The files of the web interface.

They are listed once, and a request's path is looked for in the list: no path that a client makes reaches the file
system. They hold nothing of the cluster, so they are served to everybody: the page itself asks for the token.

A browser may keep them, and asks each time whether they are still the same: modules of two versions must never meet in
one page, and a question on an open connection costs next to nothing.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["StaticFile", "StaticFiles", "web_files"]

_INDEX: Final = "/index.html"
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file.

    :ivar modified: when it was last changed, whole seconds since the epoch.
    :ivar tag: the same for the same content only.
    """

    content: bytes
    content_type: str
    modified: int
    tag: str


def web_files(directory: Path) -> Mapping[str, StaticFile]:
    """Return the files below a directory by the path of the request that asks for them; Python's own are left out."""
    found: dict[str, StaticFile] = {}
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        if hidden or path.suffix in (".py", ".pyc", ".typed") or not path.is_file():
            continue
        content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        found[f"/{relative.as_posix()}"] = StaticFile(content, content_type, int(path.stat().st_mtime), tag)
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
        elif _is_known(file, Headers(scope=scope)):
            await Response(status_code=304, headers={"etag": file.tag})(scope, receive, send)
        else:
            await _answer(file)(scope, receive, send)


def _is_known(file: StaticFile, headers: Headers) -> bool:
    tags = headers.get("if-none-match")
    if tags is not None:
        return file.tag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
    since = headers.get("if-modified-since")
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
            "cache-control": "private, no-cache",
            "etag": file.tag,
            "last-modified": formatdate(file.modified, usegmt=True),
            "x-content-type-options": "nosniff",
        },
    )
    if file.content_type == "text/html":
        response.headers["content-security-policy"] = _POLICY
    return response
