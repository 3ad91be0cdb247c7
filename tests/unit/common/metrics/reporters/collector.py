"""Receivers of reports on loopback: an HTTP server and sockets that keep what they are sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

__all__ = ["HttpCollector", "Received", "datagrams", "http_collector"]


@dataclass
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpCollector:
    """What an HTTP server received.

    :ivar status: what it answers.
    """

    url: str
    requests: list[Received] = field(default_factory=list)
    status: int = 202


@contextlib.contextmanager
def http_collector() -> Iterator[HttpCollector]:
    """An HTTP server that keeps all requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.requests.append(Received(self.command, self.path, headers, body))
            self.send_response(collector.status)
            self.end_headers()
            self.wfile.write(b"as you like")

        do_PUT = do_DELETE = do_POST  # noqa: N815  # the names are http.server's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = HttpCollector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def datagrams() -> Iterator[socket.socket]:
    """A UDP socket that waits at most five seconds for a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiving:
        receiving.bind(("127.0.0.1", 0))
        receiving.settimeout(5)
        yield receiving
