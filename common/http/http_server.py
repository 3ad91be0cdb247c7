"""A uvicorn server that is a part of a process, and not the process.

uvicorn would like to own the event loop, the signals and the logging; here the process has all three. The first free
port of a range is taken, so that several processes on a host can share one setting.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from millstream.common.config.port_range import parse_port_range

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

__all__ = ["HttpServer"]

_BACKLOG: Final = 128
_START_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.005


class HttpServer:
    """Serves one application. All methods belong to one event loop.

    :param application: an ASGI application; its lifespan events are not sent.
    :param bind_host: the interface to listen on.
    :param ports: a port, or a range of ports of which the first free one is taken; 0 lets the system choose.
    :param port_key: the configuration key of ``ports``, for messages.
    :param tls: makes it HTTPS.
    :param advertised_host: under which others reach it; ``bind_host``, or the host's name if that is all interfaces.
    :param idle_seconds: how long a connection may be idle, or a request be on its way, before it is closed.
    """

    def __init__(
        self,
        application: ASGIApp,
        bind_host: str,
        ports: str,
        port_key: str,
        *,
        tls: ssl.SSLContext | None = None,
        advertised_host: str | None = None,
        idle_seconds: float = 300.0,
    ) -> None:
        self._application = application
        self._bind_host = bind_host
        self._ports = ports
        self._port_key = port_key
        self._tls = tls
        if advertised_host is None:
            advertised_host = socket.gethostname() if bind_host in ("", "0.0.0.0", "::") else bind_host
        self._advertised_host = advertised_host
        self._idle_seconds = idle_seconds
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """Where it listens.

        :raises RuntimeError: it was not started.
        """
        if self._port is None:
            raise RuntimeError("an HTTP server has a port only after it was started")
        return self._port

    @property
    def url(self) -> str:
        """Where others reach it, without a slash at the end: ``http://localhost:8081``."""
        host = f"[{self._advertised_host}]" if ":" in self._advertised_host else self._advertised_host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"

    async def start(self) -> None:
        """Take a port and serve.

        :raises OSError: no port can be had; the message names host, ports and configuration key.
        """
        import uvicorn

        from millstream.common.http.patient_protocol import patient_protocol

        class _Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Generator[None, None, None]:
                """The process minds its signals itself."""
                yield

        self._socket = self._bind()
        self._port = self._socket.getsockname()[1]
        configuration = uvicorn.Config(
            self._application,
            http=patient_protocol(self._idle_seconds),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_keep_alive=int(self._idle_seconds),
            timeout_graceful_shutdown=1,
        )
        configuration.load()
        if self._tls is not None:
            configuration.ssl = self._tls
        self._server = _Server(configuration)
        loop = asyncio.get_running_loop()
        self._serving = loop.create_task(self._server.serve(sockets=[self._socket]), name="HTTP server")
        give_up_at = loop.time() + _START_SECONDS
        while not self._server.started:
            if self._serving.done() or loop.time() > give_up_at:
                await self.close()
                raise OSError(f"the HTTP server on {self._bind_host}:{self._port} ({self._port_key}) does not start")
            await asyncio.sleep(_POLL_SECONDS)

    async def close(self) -> None:
        """Answer what is under way for a second, then close every connection. May be called twice."""
        serving, self._serving = self._serving, None
        try:
            if serving is not None and self._server is not None:
                self._server.should_exit = True
                done, _ = await asyncio.wait({serving}, timeout=_CLOSE_SECONDS)
                if not done:
                    serving.cancel()
                    await asyncio.wait({serving})
        finally:
            if self._socket is not None:
                self._socket.close()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind_host else socket.AF_INET
        last: OSError | None = None
        for port in parse_port_range(self._ports):
            # With the protocol named, asyncio turns Nagle's delay off: 40 ms for each answer.
            listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind((self._bind_host, port))
                listening.listen(_BACKLOG)
                listening.setblocking(False)
            except OSError as error:
                listening.close()
                last = error
            else:
                return listening
        reason = last.strerror if last is not None and last.strerror else str(last)
        message = (
            f"cannot listen on {self._bind_host}:{self._ports}: {reason}; choose another port with {self._port_key}"
        )
        raise OSError(last.errno if last is not None else 0, message) from last
