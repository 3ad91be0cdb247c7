"""The reading end of a connection: requests subpartitions of one producing worker and hands out what comes.

There is one connection per producing worker for as long as the job is in the slot; all channels of all gates share it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from millstream.common.fault_points import FaultPoint
from millstream.taskmanager.network.connection import Connection
from millstream.taskmanager.network.credit_receiver import CreditViolationError
from millstream.taskmanager.network.frames import (
    Announcement,
    CloseChannel,
    Consumed,
    Credit,
    Data,
    Frame,
    PartitionFailed,
    ProtocolError,
    RequestPartition,
)
from millstream.taskmanager.network.handshake import ClientHandshake, HandshakeError

__all__ = ["ConsumerConnection", "RemoteReader"]

_log = logging.getLogger(__name__)

_CONNECTED: Final = FaultPoint(
    "network.connected", "two workers know each other, no subpartition was asked for on their connection"
)
_ALL_CONSUMED: Final = FaultPoint(
    "network.all-consumed", "a task has taken everything of a subpartition, its producer does not know that"
)

_CONNECT_TIMEOUT_S: Final = 10.0
_CONNECT_ATTEMPTS: Final = 3


class RemoteReader(Protocol):
    """An input channel, as its connection sees it."""

    def on_buffer(self, payload: bytes, backlog: int) -> None:
        """A buffer came.

        :raises CreditViolationError: the producer had no credit.
        """
        ...

    def on_barrier(self, element: bytes, overtakes: bool) -> None:
        """A barrier comes: with this, ahead of what waits at the producer, or in line.

        :raises ProtocolError: it is none.
        """
        ...

    def on_failed(self, reason: str) -> None:
        """Nothing more will come."""
        ...


class ConsumerConnection:
    """Listener of a connection that this worker opened."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secret: bytes,
        nonce: bytes,
        buffer_size: int,
        name: str,
        retry_pause_s: float,
        on_closed: Callable[[ConsumerConnection], None],
    ) -> None:
        """
        :param buffer_size: bytes of a buffer here; the producer sends none that is longer.
        :param name: this worker, for the peer's messages.
        """
        self.address = (host, port)
        self._handshake = ClientHandshake(secret, nonce, buffer_size, name)
        self._buffer_size = buffer_size
        self._retry_pause_s = retry_pause_s
        self._on_closed = on_closed
        self._connection: Connection | None = None
        self._ready = False  # the handshake is done
        self._lost: str | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._readers: dict[int, RemoteReader] = {}
        self._requests: list[RequestPartition] = []  # made before the connection was ready
        self._next_channel = 0

    @property
    def peer(self) -> str:
        """The producing worker, for messages."""
        return f"worker at {self.address[0]}:{self.address[1]}"

    async def connect(self) -> None:
        """Open the connection; failure is told to the readers."""
        loop = asyncio.get_running_loop()
        host, port = self.address
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            if self._lost is not None:
                return
            try:
                await asyncio.wait_for(
                    loop.create_connection(lambda: Connection(self, self._buffer_size), host, port), _CONNECT_TIMEOUT_S
                )
                return
            except (OSError, asyncio.TimeoutError) as error:
                reason = f"cannot connect: {str(error) or type(error).__name__}"
                if attempt == _CONNECT_ATTEMPTS:
                    _log.warning("Data connection with the %s: %s", self.peer, reason)
                    self.on_lost(reason)
                    return
            await asyncio.sleep(self._retry_pause_s * 2 ** (attempt - 1))

    # ------------------------------------------------------------ for input channels

    def request(self, reader: RemoteReader, attempt_id: str, edge_id: str, subpartition: int, credit: int) -> int:
        """Ask for a subpartition; return the channel's number, which names it from now on."""
        channel = self._next_channel
        self._next_channel += 1
        if self._lost is not None:
            asyncio.get_running_loop().call_soon(reader.on_failed, self._describe(self._lost))
            return channel
        self._readers[channel] = reader
        frame = RequestPartition(channel, subpartition, credit, attempt_id, edge_id)
        if self._ready:
            self._send(frame)
        else:
            self._requests.append(frame)
        return channel

    def grant(self, channel: int, credit: int) -> None:
        """Let the producer send ``credit`` more buffers."""
        if channel in self._readers:
            self._send(Credit(channel, credit))

    def consumed(self, channel: int) -> None:
        """The task has taken everything of a channel."""
        if self._readers.pop(channel, None) is not None:
            _ALL_CONSUMED.reach()
            self._send(Consumed(channel))

    def close_channel(self, channel: int) -> None:
        """Nobody reads a channel any more."""
        if self._readers.pop(channel, None) is not None:
            if self._ready:
                self._send(CloseChannel(channel))
            else:
                self._requests = [request for request in self._requests if request.channel != channel]

    def refuse(self, error: Exception) -> None:
        """The producer sent nonsense: close, which fails all channels of the connection."""
        if self._connection is not None:
            self._connection.refuse(error)

    def close(self, reason: str) -> None:
        """Close the connection; what was sent still goes out."""
        if self._connection is not None:
            self._connection.close(reason)
        else:
            self.on_lost(reason)

    def abort(self, reason: str) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            self._connection.abort(reason)
        else:
            self.on_lost(reason)

    def _send(self, frame: Frame) -> None:
        if self._connection is not None:
            self._connection.send(frame)

    # ------------------------------------------------------------ connection

    def on_open(self, connection: Connection) -> None:
        self._connection = connection
        if self._lost is not None:
            connection.abort(self._lost)
            return
        connection.send(self._handshake.start())
        self._timeout = asyncio.get_running_loop().call_later(_CONNECT_TIMEOUT_S, self._on_handshake_timeout)

    def _on_handshake_timeout(self) -> None:
        self.refuse(HandshakeError(f"no answer to the handshake within {_CONNECT_TIMEOUT_S:.0f} s"))

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, Data) and self._ready:
            reader = self._readers.get(self._known(frame.channel))
            if reader is not None:  # else closed while this was on its way
                try:
                    reader.on_buffer(frame.payload, frame.backlog)
                except CreditViolationError as error:
                    raise ProtocolError(str(error)) from error
        elif not self._ready:
            self._send(self._handshake.on_frame(frame))
            self._ready = True
            if self._timeout is not None:
                self._timeout.cancel()
            _CONNECTED.reach()
            for request in self._requests:
                self._send(request)
            self._requests.clear()
        elif isinstance(frame, Announcement):
            reader = self._readers.get(self._known(frame.channel))
            if reader is not None:
                reader.on_barrier(frame.element, frame.overtakes)
        elif isinstance(frame, PartitionFailed):
            reader = self._readers.pop(self._known(frame.channel), None)
            if reader is not None:
                reader.on_failed(self._describe(frame.reason))
        else:
            raise ProtocolError(f"{type(frame).__name__} came from a producing worker")

    def on_writable(self) -> None:
        """Nothing waits here for the socket: what is sent is small."""

    def on_lost(self, reason: str) -> None:
        if self._lost is not None:
            return
        self._lost = reason
        self._connection = None
        if self._timeout is not None:
            self._timeout.cancel()
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            reader.on_failed(self._describe(f"connection lost: {reason}"))
        self._on_closed(self)

    def _known(self, channel: int) -> int:
        if channel >= self._next_channel:
            raise ProtocolError(f"data for channel {channel}, which was never requested")
        return channel

    def _describe(self, reason: str) -> str:
        return f"{self.peer}: {reason}"
