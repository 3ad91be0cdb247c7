"""TCP between simulated processes: bytes in order, with latency, back pressure and every way in which it ends.

A connection is two transports, each with what asyncio would keep in its write buffer, and between them what the two
kernels would hold: at most a window of bytes that were sent and not yet read. What is written in one piece arrives in
one piece or together with others, never cut.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from millstream.testing.simulation.network import SimulatedNetwork

if TYPE_CHECKING:
    from millstream.testing.simulation.simulated_process import SimulatedProcess

__all__ = ["SimulatedSocket", "SimulatedTransport"]

Address = tuple[str, int]

_WINDOW: Final = 256 << 10
"""Bytes that the kernels hold of one direction."""
_LARGEST_READ: Final = 256 << 10
_HIGH_WATER: Final = 64 << 10
_FIRST_RETRANSMISSION_S: Final = 0.2
_LONGEST_RETRANSMISSION_S: Final = 10.0
_GIVEN_UP_AFTER_S: Final = 900.0


class SimulatedSocket:
    """What ``get_extra_info("socket")`` and ``server.sockets`` give: an address and options that change nothing."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM

    def __init__(self, address: Address) -> None:
        self._address = address

    def getsockname(self) -> Address:
        return self._address

    def setsockopt(self, *arguments: object) -> None:
        """Options are about what is not simulated."""


class SimulatedTransport(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: SimulatedNetwork, process: SimulatedProcess, here: Address, there: Address) -> None:
        super().__init__({"peername": there, "sockname": here, "socket": SimulatedSocket(here)})
        self._network = network
        self._process = process
        self._loop = process.loop
        self._peer: SimulatedTransport | None = None
        self._connection: _Connection | None = None
        self._protocol: asyncio.BaseProtocol | None = None
        # What goes out.
        self._buffer: deque[bytes] = deque()
        self._buffered = 0
        self._unread_there = 0
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4
        self._writing_paused = False
        self._eof_wanted = False
        self._way: _Way | None = None
        # What comes in.
        self._received: deque[bytes] = deque()
        self._received_size = 0
        self._eof_received = False
        self._eof_told = False
        self._reading_paused = False
        self._reading_scheduled = False
        # The end.
        self._closing = False
        self._closed = False  # the socket is: what comes is answered by a reset
        self._lost_told = False
        self._stop_listening = process.on_end(self._process_ended)

    # ---------------------------------------------------------------- set-up

    def join(self, peer: SimulatedTransport) -> None:
        """Make these two the ends of one connection."""
        connection = _Connection(self._network, self, peer)
        for one, other in ((self, peer), (peer, self)):
            one._peer = other
            one._way = _Way(self._network, one, other)
            one._connection = connection
        for one in (self, peer):
            if not one._process.alive:
                one._process_ended("while the connection was made")

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the connection to its protocol."""
        self._protocol = protocol
        protocol.connection_made(self)
        self._schedule_reading()

    @property
    def process(self) -> SimulatedProcess:
        return self._process

    # ---------------------------------------------------------------- asyncio.Transport

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None, "the connection has begun"
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not self._reading_paused and not self._closing

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._schedule_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        self._high, self._low = high, low
        self._pause_or_resume()

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        if self._eof_wanted:
            raise RuntimeError("Cannot call write() after write_eof()")
        self._buffer.append(bytes(data))
        self._buffered += len(data)
        self._flush()
        self._pause_or_resume()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._eof_wanted:
            self._eof_wanted = True
            self._flush()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._eof_wanted = True
            self._flush()

    def abort(self) -> None:
        self._closing = True
        self._drop(None)

    # ---------------------------------------------------------------- what goes out

    def _flush(self) -> None:
        """Send what fits into the window."""
        way = self._way
        if way is None or self._closed:
            return
        while self._buffer and self._unread_there < _WINDOW:
            data = self._buffer.popleft()
            self._buffered -= len(data)
            self._unread_there += len(data)
            way.send(data)
        if not self._buffer and self._eof_wanted:
            way.finish()
            if self._closing:
                self._drop(None)

    def _pause_or_resume(self) -> None:
        if self._protocol is None or self._lost_told:
            return
        if not self._writing_paused and self._buffered > self._high:
            self._writing_paused = True
            self._protocol.pause_writing()
        elif self._writing_paused and self._buffered <= self._low:
            self._writing_paused = False
            self._protocol.resume_writing()

    def _room_again(self) -> None:
        """In this process: the peer has read."""
        if not self._closed:
            self._flush()
            self._pause_or_resume()

    # ---------------------------------------------------------------- what comes in

    def arrive(self, data: bytes) -> None:
        """On the network: bytes are here."""
        if self._closed:
            self._refuse()
            return
        self._received.append(data)
        self._received_size += len(data)
        self._schedule_reading()

    def arrive_end(self) -> None:
        """On the network: the peer sends no more."""
        if not self._closed:
            self._eof_received = True
            self._schedule_reading()

    def arrive_reset(self) -> None:
        """On the network: the peer's socket is gone."""
        if not self._closed:
            self._break(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))

    def arrive_silence(self) -> None:
        """On the network: what was sent got no answer for too long."""
        if not self._closed:
            self._break(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    def _refuse(self) -> None:
        peer = self._peer
        if peer is not None:
            self._network.send(self._process.host, peer._process.host, peer.arrive_reset)

    def _schedule_reading(self) -> None:
        if (
            not self._reading_scheduled
            and not self._reading_paused
            and self._protocol is not None
            and (self._received or (self._eof_received and not self._eof_told))
        ):
            self._reading_scheduled = True
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        """In this process: give the protocol what is here."""
        self._reading_scheduled = False
        taken = 0
        while self._received and not self._reading_paused and not self._closing and taken < _LARGEST_READ:
            if len(self._received) > 1 and self._received_size <= _LARGEST_READ:
                data = b"".join(self._received)
                self._received.clear()
            else:
                data = self._received.popleft()
            self._received_size -= len(data)
            taken += len(data)
            self._give(data)
        if taken:
            self._has_read(taken)
        if self._closing:
            return
        if self._received:
            self._schedule_reading()
        elif self._eof_received and not self._eof_told and not self._reading_paused:
            self._eof_told = True
            assert isinstance(self._protocol, (asyncio.Protocol, asyncio.BufferedProtocol))
            if not self._protocol.eof_received():
                self.close()

    def _give(self, data: bytes) -> None:
        protocol = self._protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            rest = memoryview(data)
            while rest and not self._closing:
                buffer = memoryview(protocol.get_buffer(-1)).cast("B")
                size = min(len(buffer), len(rest))
                buffer[:size] = rest[:size]
                protocol.buffer_updated(size)
                rest = rest[size:]
                if self._reading_paused and rest:
                    self._received.appendleft(bytes(rest))
                    self._received_size += len(rest)
                    return
        else:
            assert isinstance(protocol, asyncio.Protocol)
            protocol.data_received(data)

    def _has_read(self, size: int) -> None:
        peer = self._peer
        if peer is None or peer._closed:
            return
        full = peer._unread_there >= _WINDOW
        peer._unread_there -= size
        if full or peer._buffer:
            self._network.send(self._process.host, peer._process.host, lambda: peer._loop.call_soon(peer._room_again))

    # ---------------------------------------------------------------- the end

    def _drop(self, error: Exception | None) -> None:
        """Close the socket; the protocol learns it in the next turn."""
        if self._closed:
            return
        self._closed = True
        self._buffer.clear()
        self._buffered = 0
        if self._way is not None:
            if self._received and error is None:
                self._way.reset()  # what was never read is answered by a reset
            else:
                self._way.finish()
        self._received.clear()
        self._stop_listening()
        if self._connection is not None:
            self._connection.one_is_over(self)
        self._loop.call_soon(self._tell_lost, error)

    def _break(self, error: Exception) -> None:
        self._closing = True
        self._drop(error)

    def _tell_lost(self, error: Exception | None) -> None:
        if not self._lost_told and self._protocol is not None:
            self._lost_told = True
            self._protocol.connection_lost(error)

    def _process_ended(self, how: str) -> None:
        """The kernel closes a dead process's sockets: what it has taken still goes out, what was not read is lost."""
        self._closing = self._closed = True
        if self._way is not None:
            if self._received or self._buffer:
                self._way.reset()
            else:
                self._way.finish()
        self._buffer.clear()
        self._received.clear()
        if self._connection is not None:
            self._connection.one_is_over(self)


class _Way:
    """One direction of a connection: packets that arrive in order, or late, or never."""

    def __init__(self, network: SimulatedNetwork, source: SimulatedTransport, target: SimulatedTransport) -> None:
        self._network = network
        self._source = source
        self._target = target
        self._under_way: deque[tuple[float, Callable[[], None]]] = deque()
        self._last_arrival = 0.0
        self._moving = False
        self._ended = False

    def send(self, data: bytes) -> None:
        self._push(partial(self._target.arrive, data), len(data))

    def finish(self) -> None:
        """Nothing more will be sent."""
        if not self._ended:
            self._ended = True
            self._push(self._target.arrive_end, 0)

    def reset(self) -> None:
        self._ended = True
        self._push(self._target.arrive_reset, 0)

    def _push(self, arrive: Callable[[], None], size: int) -> None:
        network = self._network
        here, there = self._source.process.host, self._target.process.host
        after = network.delay(here, there, size)
        if network.chance(network.conditions.loss):
            after += _FIRST_RETRANSMISSION_S  # sent again
        arrival = max(self._last_arrival, network.simulation.elapsed + after)
        self._last_arrival = arrival
        self._under_way.append((arrival, arrive))
        if not self._moving:
            self._moving = True
            self._move_at(arrival)

    def _move_at(self, arrival: float) -> None:
        self._network.simulation.at(arrival - self._network.simulation.elapsed, self._move)

    def _move(self, pause: float = _FIRST_RETRANSMISSION_S, waited: float = 0.0) -> None:
        """What is due arrives, unless the way is cut."""
        simulation = self._network.simulation
        here, there = self._source.process.host, self._target.process.host
        if not self._network.is_reachable(here, there):
            if waited >= _GIVEN_UP_AFTER_S:
                self._under_way.clear()
                self._moving = False
                self._source.arrive_silence()
                return
            longer = min(2 * pause, _LONGEST_RETRANSMISSION_S)
            simulation.at(pause, partial(self._move, longer, waited + pause))
            return
        now = simulation.elapsed
        while self._under_way and self._under_way[0][0] <= now + 1e-9:
            _, arrive = self._under_way.popleft()
            arrive()
        if self._under_way:
            self._move_at(self._under_way[0][0])
        else:
            self._moving = False


class _Connection:
    """Both ends, for who breaks connections."""

    def __init__(self, network: SimulatedNetwork, one: SimulatedTransport, other: SimulatedTransport) -> None:
        self._network = network
        self._ends = [one, other]
        self.hosts = (one.process.host, other.process.host)
        network.connections[self] = None

    def reset(self) -> None:
        for end in list(self._ends):
            end.arrive_reset()

    def one_is_over(self, end: SimulatedTransport) -> None:
        if end in self._ends:
            self._ends.remove(end)
        if not self._ends:
            self._network.connections.pop(self, None)
