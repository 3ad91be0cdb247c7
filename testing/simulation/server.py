"""How simulated TCP connections come to be: ports that listen, and who connects to them."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from millstream.testing.simulation.network import SimulatedNetwork
from millstream.testing.simulation.transport import SimulatedSocket, SimulatedTransport

if TYPE_CHECKING:
    from millstream.testing.simulation.simulated_process import SimulatedProcess

__all__ = ["SimulatedServer", "open_connection", "open_server"]

Address = tuple[str, int]
ProtocolFactory = Callable[[], asyncio.BaseProtocol]

_CONNECT_GIVEN_UP_AFTER_S: Final = 127.0


class SimulatedServer:
    """What ``loop.create_server()`` returns, as far as it is used: a port that takes connections."""

    def __init__(
        self, network: SimulatedNetwork, process: SimulatedProcess, factory: ProtocolFactory, address: Address
    ) -> None:
        self.process = process
        self._network = network
        self._factory = factory
        self._address = address
        self._sockets = [SimulatedSocket(address)]
        network.listeners[address] = self
        self._stop_listening = process.on_end(lambda _: self.close())

    @property
    def sockets(self) -> tuple[SimulatedSocket, ...]:
        return tuple(self._sockets)

    def is_serving(self) -> bool:
        return bool(self._sockets)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.process.loop

    async def start_serving(self) -> None:
        """It does from the beginning."""

    def close(self) -> None:
        self._sockets = []
        self._stop_listening()
        if self._network.listeners.get(self._address) is self:
            del self._network.listeners[self._address]

    async def wait_closed(self) -> None:
        """There is nothing to wait for."""

    def accept(self, transport: SimulatedTransport) -> None:
        """On the network: somebody has connected."""
        self.process.loop.call_soon(self._accepted, transport)

    def _accepted(self, transport: SimulatedTransport) -> None:
        transport.begin(self._factory())


def open_server(
    network: SimulatedNetwork, process: SimulatedProcess, factory: ProtocolFactory, host: str | None, port: int
) -> SimulatedServer:
    """Listen.

    :raises OSError: the port is in use.
    """
    here = network.resolve(process, host)
    if not port:
        port = network.free_port(here)
    if (here, port) in network.listeners:
        raise OSError(errno.EADDRINUSE, f"port {port} of {here} is in use")
    return SimulatedServer(network, process, factory, (here, port))


async def open_connection(
    network: SimulatedNetwork, process: SimulatedProcess, factory: ProtocolFactory, host: str, port: int
) -> tuple[SimulatedTransport, asyncio.BaseProtocol]:
    """Connect.

    :raises OSError: nobody listens there, or nothing answers.
    """
    there = (network.resolve(process, host), port)
    here = (process.host, network.free_port(process.host))
    answer: asyncio.Future[SimulatedTransport] = process.loop.create_future()

    def answered(outcome: SimulatedTransport | OSError) -> None:
        if answer.done():  # nobody waits any more: the socket was closed meanwhile
            if isinstance(outcome, SimulatedTransport):
                outcome.abort()
        elif isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def arrive() -> None:
        listener = network.listeners.get(there)
        outcome: SimulatedTransport | OSError
        if isinstance(listener, SimulatedServer):
            outcome = SimulatedTransport(network, process, here, there)
            accepted = SimulatedTransport(network, listener.process, there, here)
            outcome.join(accepted)
            listener.accept(accepted)
        else:
            refused = errno.ECONNREFUSED
            outcome = ConnectionRefusedError(refused, f"Connect call failed {there}")
        network.send(there[0], process.host, lambda: process.loop.call_soon(answered, outcome))

    network.send(process.host, there[0], arrive, patience=_CONNECT_GIVEN_UP_AFTER_S)
    silence = process.loop.call_later(
        _CONNECT_GIVEN_UP_AFTER_S, answered, TimeoutError(errno.ETIMEDOUT, f"Connect call failed {there}")
    )
    try:
        transport = await answer
    finally:
        silence.cancel()
    protocol = factory()
    transport.begin(protocol)
    return transport, protocol
