"""An HTTP server on the loopback interface that answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["Asked", "Script", "http_script", "response"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    :ivar line: such as ``GET /v1/config HTTP/1.1``.
    :ivar headers: their names are in lower case.
    """

    line: str
    headers: dict[str, str]
    body: bytes


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of an answer; in the names of headers ``_`` stands for ``-``."""
    lines = [f"HTTP/1.1 {status} -", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Script:
    """What the server does.

    :ivar answer: says what to send, all of it; ``None``: hang up instead; an awaitable that never ends: say nothing.
    :ivar connections: how many there have been.
    """

    answer: Callable[[Asked], bytes | asyncio.Future[None] | None]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append(Asked(head[0], headers, body))
                self.arrived.set()
                answer = self.answer(self.asked[-1])
                if isinstance(answer, asyncio.Future):
                    assert await reader.read() == b"", "the client hangs up"
                    return
                if answer is None:
                    return
                writer.write(answer)
                if headers.get("connection") == "close":
                    await writer.drain()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.gone.set()
            writer.close()


@asynccontextmanager
async def http_script(answer: Callable[[Asked], bytes | asyncio.Future[None] | None]) -> AsyncIterator[Script]:
    """Serve as long as the context lasts."""
    script = Script(answer)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
