"""The producing end of a connection: serves subpartitions to one reading worker.

Subpartitions that have data and credit send one buffer each in turn, for as long as the socket takes data; one without
credit costs the others nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from millstream.taskmanager.network.connection import Connection
from millstream.taskmanager.network.frames import (
    Announcement,
    CloseChannel,
    Consumed,
    Credit,
    Frame,
    PartitionFailed,
    ProtocolError,
    RequestPartition,
    data_header,
)
from millstream.taskmanager.network.handshake import ServerHandshake
from millstream.taskmanager.network.local_subpartition import LocalSubpartition
from millstream.taskmanager.network.partition_registry import PartitionKey, PartitionRegistry, Request
from millstream.taskmanager.network.remote_subpartition import RemoteSubpartition

__all__ = ["ProducerConnection", "ServedPartition"]

_log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT_S: Final = 10.0


class ServedPartition:
    """What the registry holds of one result partition."""

    __slots__ = ("_channels", "subpartitions")

    def __init__(self, subpartitions: Sequence[LocalSubpartition | RemoteSubpartition]) -> None:
        self.subpartitions = subpartitions
        self._channels: list[tuple[ProducerConnection, int]] = []

    def served(self, connection: ProducerConnection, channel: int) -> None:
        """A channel of a connection reads from this."""
        self._channels.append((connection, channel))

    def fail(self, reason: str) -> None:
        """Tell all consumers in other slots that nothing will come."""
        for connection, channel in self._channels:
            connection.fail_channel(channel, reason)
        self._channels.clear()


class ProducerConnection:
    """Listener of an accepted connection."""

    def __init__(
        self,
        secret: bytes,
        nonce: bytes,
        registry: PartitionRegistry[ServedPartition],
        on_closed: Callable[[ProducerConnection], None],
    ) -> None:
        self._handshake = ServerHandshake(secret, nonce)
        self._registry = registry
        self._on_closed = on_closed
        self._connection: Connection | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._channels: dict[int, RemoteSubpartition] = {}
        self._requests: dict[int, Request[ServedPartition]] = {}
        self._last_channel = -1
        self._ready: deque[int] = deque()
        self._queued: set[int] = set()
        self._pumping: asyncio.Handle | None = None
        self._dropped = False  # closed before it was open

    @property
    def connection(self) -> Connection:
        """The socket.

        :raises RuntimeError: before it is open.
        """
        if self._connection is None:
            raise RuntimeError("the connection is not open yet")
        return self._connection

    @property
    def peer(self) -> str:
        """The reading worker, for messages."""
        hello = self._handshake.peer
        address = self.connection.peer
        return f"worker {hello.name} at {address}" if hello is not None else address

    # ------------------------------------------------------------ connection

    def on_open(self, connection: Connection) -> None:
        self._connection = connection
        if self._dropped:
            connection.abort("this slot was closed")
            return
        self._timeout = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT_S, self._on_handshake_timeout)

    def _on_handshake_timeout(self) -> None:
        self.connection.refuse(ProtocolError(f"no handshake within {HANDSHAKE_TIMEOUT_S:.0f} s"))

    def on_frame(self, frame: Frame) -> None:
        if self._handshake.peer is None:
            answer = self._handshake.on_frame(frame)
            if answer is not None:
                self.connection.send(answer)
            elif self._timeout is not None:
                self._timeout.cancel()
                _log.debug("Serving data to %s", self.peer)
        elif isinstance(frame, Credit):
            subpartition = self._channels.get(self._known(frame.channel, frame))
            if subpartition is not None:
                subpartition.add_credit(frame.credit)
        elif isinstance(frame, RequestPartition):
            self._on_request(frame)
        elif isinstance(frame, Consumed):
            self._on_consumed(frame)
        elif isinstance(frame, CloseChannel):
            subpartition = self._release(self._known(frame.channel, frame))
            if subpartition is not None:
                subpartition.on_consumer_gone(f"its consumer in {self.peer} closed the channel before the end")
        else:
            raise ProtocolError(f"{type(frame).__name__} came from a reading worker")

    def on_writable(self) -> None:
        self._schedule()

    def on_lost(self, reason: str) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        if self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None
        for channel in [*self._requests, *self._channels]:
            subpartition = self._release(channel)
            if subpartition is not None:
                subpartition.on_consumer_gone(f"the connection with its consumer in {self.peer} was lost: {reason}")
        self._on_closed(self)

    def close(self, reason: str) -> None:
        """Close the connection; what was sent still goes out."""
        if self._connection is not None:
            self._connection.close(reason)
        else:
            self._dropped = True
            self._on_closed(self)

    def abort(self, reason: str) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            self._connection.abort(reason)

    # ------------------------------------------------------------ channels

    def fail_channel(self, channel: int, reason: str) -> None:
        """Tell the consumer that nothing more will come on a channel."""
        if self._release(channel) is not None:
            self.connection.send(PartitionFailed(channel, reason))

    def _known(self, channel: int, frame: Frame) -> int:
        if channel > self._last_channel:
            raise ProtocolError(f"{type(frame).__name__} for channel {channel}, which was never requested")
        return channel

    def _release(self, channel: int) -> RemoteSubpartition | None:
        request = self._requests.pop(channel, None)
        if request is not None:
            request.cancel()
        return self._channels.pop(channel, None)

    def _on_request(self, frame: RequestPartition) -> None:
        if frame.channel <= self._last_channel:
            raise ProtocolError(f"channel {frame.channel} was requested after channel {self._last_channel}")
        self._last_channel = frame.channel

        def found(partition: ServedPartition) -> None:
            self._requests.pop(frame.channel, None)
            self._serve(frame, partition)

        def missing(reason: str) -> None:
            self._requests.pop(frame.channel, None)
            self.connection.send(PartitionFailed(frame.channel, reason))

        key = PartitionKey(frame.attempt_id, frame.edge_id)
        request = self._registry.request(key, found, missing)
        if request is not None:
            self._requests[frame.channel] = request

    def _serve(self, frame: RequestPartition, partition: ServedPartition) -> None:
        if frame.subpartition >= len(partition.subpartitions):
            reason = f"there is no subpartition {frame.subpartition}; there are {len(partition.subpartitions)}"
            self.connection.send(PartitionFailed(frame.channel, reason))
            return
        subpartition = partition.subpartitions[frame.subpartition]
        if not isinstance(subpartition, RemoteSubpartition) or subpartition.requested:
            kind = (
                "has a consumer already" if isinstance(subpartition, RemoteSubpartition) else "is read in its own slot"
            )
            reason = f"subpartition {frame.subpartition} of attempt {frame.attempt_id} {kind}"
            self.connection.send(PartitionFailed(frame.channel, reason))
            return
        self._channels[frame.channel] = subpartition
        partition.served(self, frame.channel)
        hello = self._handshake.peer
        assert hello is not None  # requests are taken only after the handshake
        channel = frame.channel

        def announce(element: bytes, overtakes: bool) -> None:
            # At once, even if the socket is paused: behind the buffers that were handed to it, ahead of all others.
            self.connection.send(Announcement(channel, overtakes, element))

        subpartition.attach(lambda: self._enqueue(channel), frame.credit, hello.buffer_size, announce)

    def _on_consumed(self, frame: Consumed) -> None:
        subpartition = self._release(self._known(frame.channel, frame))
        if subpartition is not None:
            subpartition.on_consumed()

    # ------------------------------------------------------------ sending

    def _enqueue(self, channel: int) -> None:
        if channel not in self._queued:
            self._queued.add(channel)
            self._ready.append(channel)
            self._schedule()

    def _schedule(self) -> None:
        if self._pumping is None and self._ready and not self.connection.paused:
            self._pumping = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = None
        connection, ready = self.connection, self._ready
        while ready and not connection.paused and connection.is_open:
            channel = ready.popleft()
            subpartition = self._channels.get(channel)
            if subpartition is None or not subpartition.sendable:
                self._queued.discard(channel)
                continue
            buffer = subpartition.next_buffer()
            connection.send_chunks([data_header(channel, buffer.backlog, buffer.size), *buffer.chunks])
            ready.append(channel)
