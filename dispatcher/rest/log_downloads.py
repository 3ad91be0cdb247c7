"""Log files on their way to a client: chunk by chunk, so that a large one is never held in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response, StreamingResponse

from millstream.common.wire.inspection_pb2 import LogFileChunk
from millstream.dispatcher.rest.errors import NotFoundError

__all__ = ["ReadChunk", "log_response"]

ReadChunk = Callable[[int], Awaitable[LogFileChunk]]
"""Reads a file from an offset on."""

_HEADERS = {"content-type": "text/plain", "x-content-type-options": "nosniff"}


async def log_response(read: ReadChunk, missing: str) -> Response:
    """Answer with the file as long as it is now.

    :param missing: what to say if there is no such file.
    :raises NotFoundError: there is none.
    """
    first = await read(0)
    if not first.found:
        raise NotFoundError(missing)
    if len(first.data) >= first.size:
        return Response(first.data, headers=_HEADERS)
    return StreamingResponse(_chunks(read, first), headers=_HEADERS)


async def _chunks(read: ReadChunk, first: LogFileChunk) -> AsyncIterator[bytes]:
    """The file up to where it ended at first: what is logged meanwhile would have no end."""
    yield first.data
    offset = len(first.data)
    while offset < first.size:
        chunk = await read(offset)
        data = chunk.data[: first.size - offset]
        if not data:  # it was rotated away, or cut: what follows is another file
            return
        yield data
        offset += len(data)
