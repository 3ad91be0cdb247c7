"""One end of the socket between a TaskManager and a worker process, on an event loop.

Unlike an asyncio transport it goes on reading after a write has failed: what a dying worker said last is still in the
socket then, and says why it died.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from millstream.taskmanager.worker.framing import DEFAULT_MAX_FRAME_BYTES, FrameDecoder, encode_frame

__all__ = ["MessageChannel"]

_log = logging.getLogger(__name__)

_READ_BYTES = 256 * 1024


class MessageChannel:
    """Sends and receives framed messages over a connected stream socket, which it owns.

    :param on_message: called with each message that arrives.
    :param on_closed: called once when the other side has closed (``None``) or the stream is broken (why). Not called
        after :meth:`close`.
    """

    def __init__(
        self,
        connection: socket.socket,
        on_message: Callable[[bytes], None],
        on_closed: Callable[[str | None], None],
        max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES,
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._on_message = on_message
        self._on_closed = on_closed
        self._max_frame_bytes = max_frame_bytes
        self._decoder = FrameDecoder(max_frame_bytes)
        self._outgoing = bytearray()
        self._writing = False
        self._write_failed = False
        self._closed = False
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._readable)

    def send(self, message: bytes) -> None:
        """Queue a message. Ignored once the other side is gone.

        :raises FrameTooLargeError: the message is over the limit.
        """
        frame = encode_frame(message, self._max_frame_bytes)
        if self._closed or self._write_failed:
            return
        self._outgoing += frame
        if not self._writing:
            self._write()

    async def flushed(self) -> None:
        """Return when everything queued has gone out (or never will)."""
        await self._idle.wait()

    def close(self) -> None:
        """Drop the connection and what is queued."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket)
        self._stop_writing()
        self._socket.close()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(str(error) if not isinstance(error, ConnectionResetError) else None)
            return
        try:
            if not data:
                self._decoder.finish()
                self._lost(None)
                return
            messages = self._decoder.feed(data)
        except ValueError as error:
            self._lost(str(error))
            return
        for message in messages:
            if self._closed:
                return
            self._on_message(message)

    def _lost(self, reason: str | None) -> None:
        self.close()
        self._on_closed(reason)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._outgoing)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            _log.debug("cannot send to the other side any more: %s", error)
            self._write_failed = True
            self._stop_writing()
            return
        del self._outgoing[:sent]
        if not self._outgoing:
            self._stop_writing()
        elif not self._writing:
            self._writing = True
            self._idle.clear()
            self._loop.add_writer(self._socket, self._write)

    def _stop_writing(self) -> None:
        if self._writing:
            self._loop.remove_writer(self._socket)
            self._writing = False
        self._outgoing.clear()
        self._idle.set()
