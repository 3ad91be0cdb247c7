"""One TCP connection between two workers: frames in, frames out.

The thin shell between a socket and those who speak the protocol (``producer_connection``, ``consumer_connection``).
Writes of one turn of the event loop leave in one system call.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Final, Protocol, cast

from millstream.taskmanager.network.frames import Frame, FrameDecoder, ProtocolError, Refused, encode_frame
from millstream.taskmanager.network.handshake import HandshakeError

__all__ = ["Connection", "ConnectionListener"]

_log = logging.getLogger(__name__)

_WRITE_AT_ONCE: Final = 128 << 10
_HIGH_WATER: Final = 256 << 10
_LOW_WATER: Final = 64 << 10


class ConnectionListener(Protocol):
    """Who speaks the protocol over a connection."""

    def on_open(self, connection: Connection) -> None:
        """The socket is connected."""
        ...

    def on_frame(self, frame: Frame) -> None:
        """A frame came.

        :raises ProtocolError: it makes no sense here; the connection is closed.
        :raises HandshakeError: the peer is refused; the connection is closed.
        """
        ...

    def on_writable(self) -> None:
        """The socket takes data again after a pause."""
        ...

    def on_lost(self, reason: str) -> None:
        """The connection is gone; called once."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Frames over a socket."""

    def __init__(self, listener: ConnectionListener, buffer_size: int) -> None:
        """:param buffer_size: the most bytes of payload in a DATA frame that the peer may send."""
        self._listener = listener
        self._decoder = FrameDecoder(buffer_size)
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.Transport | None = None  # closed, but may still have to write
        self._loop: asyncio.AbstractEventLoop | None = None
        self._out: list[bytes | memoryview] = []
        self._out_size = 0
        self._scheduled = False
        self._reason: str | None = None
        self.paused = False
        """The socket takes no more for now; what is sent is kept in memory."""
        self.peer = "a peer that is not connected"
        """Address of the other side."""

    @property
    def is_open(self) -> bool:
        """Frames can be sent."""
        return self._transport is not None

    # ------------------------------------------------------------ to the peer

    def send(self, frame: Frame) -> None:
        """Send a frame at the end of this turn of the event loop; nothing if the connection is closed."""
        self.send_chunks([encode_frame(frame)])

    def send_chunks(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Send bytes that make up frames."""
        if self._transport is None:
            return
        self._out.extend(chunks)
        for chunk in chunks:
            self._out_size += len(chunk)
        if self._out_size >= _WRITE_AT_ONCE:
            self._write()
        elif not self._scheduled:
            self._scheduled = True
            assert self._loop is not None
            self._loop.call_soon(self._write_scheduled)

    def close(self, reason: str) -> None:
        """Send what is waiting, then close."""
        if self._transport is None:
            return
        self._reason = self._reason or reason
        self._write()
        transport, self._transport = self._transport, None
        self._closing = transport
        transport.close()

    def abort(self, reason: str) -> None:
        """Close at once."""
        transport, self._transport = self._closing or self._transport, None
        if transport is not None:
            self._reason = self._reason or reason
            self._out = []
            transport.abort()

    def refuse(self, error: Exception) -> None:
        """Close because of what the peer sent, with one line in the log."""
        if self._transport is None:
            return
        _log.warning("Closing the data connection with %s: %s", self.peer, error)
        if isinstance(error, HandshakeError):
            # Only a worker of another version or job learns why; the words tell an attacker nothing new.
            self.send(Refused(str(error)))
            self.close(str(error))
        else:
            self.abort(str(error))

    def _write_scheduled(self) -> None:
        self._scheduled = False
        self._write()

    def _write(self) -> None:
        if self._out and self._transport is not None:
            out = self._out
            self._out = []
            self._out_size = 0
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    # ------------------------------------------------------------ from the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._transport.set_write_buffer_limits(high=_HIGH_WATER, low=_LOW_WATER)
        address = transport.get_extra_info("peername")
        if address:
            self.peer = f"{address[0]}:{address[1]}"
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._listener.on_open(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._decoder.writable()

    def buffer_updated(self, nbytes: int) -> None:
        try:
            for frame in self._decoder.received(nbytes):
                if self._transport is None:
                    return  # closed because of a frame before this one
                self._listener.on_frame(frame)
        except (ProtocolError, HandshakeError) as error:
            self.refuse(error)

    def eof_received(self) -> bool:
        try:
            self._decoder.end()
        except ProtocolError as error:
            self.refuse(error)
        return False

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._listener.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = self._closing = None
        self._out = []
        reason = self._reason or (f"{type(exc).__name__}: {exc}" if exc is not None else "the peer closed it")
        self._listener.on_lost(reason)
