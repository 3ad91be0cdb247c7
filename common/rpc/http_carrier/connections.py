"""Connections to one HTTP server, for callers on an event loop, with nothing but the standard library.

Each exchange runs in a thread of its own over a kept connection; a client has few at a time, and most of them wait
long. Whoever stops waiting breaks the exchange off, so no thread outlasts its caller.
"""

from __future__ import annotations

import asyncio
import http.client
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from millstream.common.config import RestOptions
from millstream.common.errors import MillstreamError
from millstream.common.rpc.http_carrier.rest_address import RestAddress

__all__ = ["AnswerLostError", "AnswerTooLargeError", "HttpAnswer", "HttpConnections", "NotConnectedError"]

_MAX_IDLE: Final = 4
_GRACE_SECONDS: Final = 5.0
"""Whoever waits breaks the exchange off first; this is for a thread that nobody can break off any more."""


class NotConnectedError(MillstreamError):
    """There is no connection: nothing was sent."""


class AnswerLostError(MillstreamError):
    """The connection broke before there was an answer: what was asked for may have been done."""


class AnswerTooLargeError(MillstreamError):
    """The answer is longer than ``rest.client.max-content-length``."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered.

    :ivar headers: their names are in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpConnections:
    """Connections to the REST interface at one address.

    :param tls: ``None``: HTTP without it.
    :param connect_seconds: how long to try to connect.
    :param max_answer_bytes: of a body.
    """

    def __init__(
        self, address: RestAddress, tls: ssl.SSLContext | None, connect_seconds: float, max_answer_bytes: int
    ) -> None:
        self._address = address
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._max_answer_bytes = max_answer_bytes
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._exchanges: set[_Exchange] = set()
        self._closed = False

    async def exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> HttpAnswer:
        """Send a request and wait for the answer.

        :param path: behind the address's own, beginning with ``/``.
        :raises NotConnectedError: nobody is there.
        :raises AnswerLostError: the connection broke.
        :raises AnswerTooLargeError: the answer was not read.
        :raises TimeoutError: there was no answer in time.
        """
        if self._closed:
            raise NotConnectedError("the connections were closed")
        exchange = _Exchange(self, asyncio.get_running_loop(), method, self._address.path + path, body, headers)
        self._exchanges.add(exchange)
        try:
            exchange.start(timeout_s)
            return await asyncio.wait_for(exchange.answer, timeout_s)
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        finally:
            self._exchanges.discard(exchange)
            if not exchange.ended:
                exchange.break_off()

    def close(self) -> None:
        """Break off what is under way and close all connections. May be called twice."""
        self._closed = True
        for exchange in self._exchanges:
            exchange.break_off()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def take(self) -> http.client.HTTPConnection:
        """Return a connection that lives, or a new one that is to be connected yet."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._new()
            if _is_open(connection):
                return connection
            connection.close()

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next exchange."""
        with self._lock:
            if not self._closed and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def read(self, response: http.client.HTTPResponse) -> HttpAnswer:
        """Read the body of an answer.

        :raises AnswerTooLargeError: it is longer than the limit.
        """
        headers = {name.lower(): value for name, value in response.getheaders()}
        body = b""
        if (response.length or 0) <= self._max_answer_bytes:
            body = response.read(self._max_answer_bytes + 1)
        if len(body) > self._max_answer_bytes or (response.length or 0) > self._max_answer_bytes:
            raise AnswerTooLargeError(
                f"the answer is longer than {self._max_answer_bytes:,} bytes; raise "
                f"{RestOptions.CLIENT_MAX_CONTENT_LENGTH.key}"
            )
        return HttpAnswer(response.status, headers, body)

    def _new(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=self._connect_seconds, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._connect_seconds)


class _Exchange:
    """One request and its answer, in a thread."""

    def __init__(
        self,
        connections: HttpConnections,
        loop: asyncio.AbstractEventLoop,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> None:
        self._connections = connections
        self._loop = loop
        self._request = method, path, body, dict(headers)
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._broken_off = False
        self.ended = False
        self.answer: asyncio.Future[HttpAnswer] = loop.create_future()

    def start(self, timeout_s: float) -> None:
        # A daemon: an attempt to connect cannot be broken off, and must not hold the end of the program up.
        threading.Thread(target=self._run, args=(timeout_s,), name="millstream-http", daemon=True).start()

    def break_off(self) -> None:
        """Nobody waits any more: the thread ends as soon as it can."""
        with self._lock:
            self._broken_off = True
            sock = self._connection.sock if self._connection is not None else None
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the connection has just ended by itself

    def _run(self, timeout_s: float) -> None:
        try:
            self._tell(self._exchange(timeout_s), None)
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            self._tell(None, error)

    def _exchange(self, timeout_s: float) -> HttpAnswer:
        connection = self._connections.take()
        keep = False
        try:
            if connection.sock is None:
                try:
                    connection.connect()
                except OSError as error:
                    raise NotConnectedError(_reason(error)) from error
            connection.sock.settimeout(timeout_s + _GRACE_SECONDS)
            with self._lock:
                if self._broken_off:
                    raise NotConnectedError("nobody waits any more")
                self._connection = connection
            try:
                answer, keep = self._ask(connection)
            except (OSError, http.client.HTTPException) as error:
                raise AnswerLostError(f"the connection broke: {_reason(error)}") from error
            return answer
        finally:
            with self._lock:
                self._connection = None
                keep = keep and not self._broken_off
            if keep:
                self._connections.give_back(connection)
            else:
                connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> tuple[HttpAnswer, bool]:
        method, path, body, headers = self._request
        try:
            connection.request(method, path, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # Who refuses a request may answer and hang up before all of it is sent.
            with connection.response_class(connection.sock, method=method) as early:
                early.begin()
                return self._connections.read(early), False
        with connection.getresponse() as response:
            answer = self._connections.read(response)
            return answer, not response.will_close

    def _tell(self, answer: HttpAnswer | None, error: BaseException | None) -> None:
        def tell() -> None:
            self.ended = True
            if self.answer.done():
                return
            if answer is not None:
                self.answer.set_result(answer)
            elif error is not None:
                self.answer.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(tell)
        except RuntimeError:
            pass  # the event loop has ended: nobody waits


def _is_open(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has not closed a connection that was idle: then it could be read from."""
    sock = connection.sock
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted (security.ssl.rest.truststore): {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no connection in time ({RestOptions.CONNECTION_TIMEOUT.key})"
    strerror = getattr(error, "strerror", None)
    return str(strerror or str(error) or type(error).__name__)
