"""The HTTP server lives on the loop it is started on, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import urllib.request

import pytest
from starlette.types import Receive, Scope, Send

from millstream.common.http import HttpServer


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def test_it_serves_on_the_first_free_port_until_it_is_closed() -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            server = HttpServer(hello, "127.0.0.1", f"{port},0", "rest.port")
            await server.start()
            try:
                assert server.port != port
                assert await asyncio.to_thread(fetch, f"{server.url}/path") == b"/path"
            finally:
                await server.close()
                await server.close()
            with pytest.raises(OSError, match="refused"):
                await asyncio.to_thread(fetch, server.url)

    asyncio.run(run())


def test_a_port_that_is_taken_is_named_with_its_key() -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match=rf"127.0.0.1:{port}: .*choose another port with rest.bind-port"):
                await HttpServer(hello, "127.0.0.1", str(port), "rest.bind-port").start()

    asyncio.run(run())


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc"],
)
def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    async def body(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def run() -> None:
        server = HttpServer(body, "127.0.0.1", "0", "rest.port", idle_seconds=0.1)
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            assert b"200" not in await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await writer.wait_closed()
        finally:
            await server.close()

    asyncio.run(run())


def test_an_answer_may_take_longer_than_a_request() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)  # the time itself is what is tested
        await hello(scope, receive, send)

    async def run() -> None:
        server = HttpServer(slow, "127.0.0.1", "0", "rest.port", idle_seconds=0.1)
        await server.start()
        try:
            assert await asyncio.to_thread(fetch, f"{server.url}/path") == b"/path"
        finally:
            await server.close()

    asyncio.run(run())
