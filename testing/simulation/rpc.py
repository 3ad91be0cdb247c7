"""Remote calls between simulated processes.

The same endpoints, stubs, faults and deadlines as over gRPC; messages are serialised and parsed. Between the two ends
is the simulated network, which may delay, lose, double or hold them up. A process that ends breaks its connections:
callers and watchers learn it as soon as a packet gets through to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message

from millstream.common.config import Configuration, RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.endpoints import Endpoints
from millstream.common.rpc.faults import (
    CANCELLED_THERE,
    Fault,
    check_size,
    fault_of,
    raised_from,
    timed_out,
    unavailable,
)
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import MessageTooLargeError
from millstream.common.rpc.stub import ask_leader, make_stub
from millstream.testing.simulation.network import SimulatedNetwork
from millstream.testing.simulation.simulated_process import SimulatedProcess

__all__ = ["SimulatedRpcService"]

G = TypeVar("G")

_PROBE_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class _Request:
    """One call on its way."""

    caller: SimulatedRpcService
    number: int
    method: RpcMethod
    endpoint: str
    token: str
    payload: bytes
    timeout_s: float


@dataclass(slots=True)
class _Call:
    """One call, as its caller holds it."""

    method: RpcMethod
    address: str
    answer: asyncio.Future[bytes | MillstreamError]


class SimulatedRpcService:
    """An :class:`~millstream.common.rpc.service.RpcService` of one simulated process.

    A service that only calls (a client's) need not be started.

    :param port: where it listens; 0: any free one.
    """

    def __init__(
        self, process: SimulatedProcess, network: SimulatedNetwork, configuration: Configuration, port: int = 0
    ) -> None:
        self._process = process
        self._network = network
        self._port = port
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._max_message_bytes = configuration.get(RpcOptions.FRAMESIZE)
        self._endpoints = Endpoints(self._max_message_bytes)
        self._started = False
        self._ended: str | None = None
        self._next_call = 0
        self._calls: dict[int, _Call] = {}
        self._served: dict[tuple[SimulatedRpcService, int], asyncio.Task[bytes | Fault]] = {}
        self._watchers: dict[_Watch, None] = {}
        self._watches: dict[_Watch, None] = {}
        process.on_end(self._process_ended)
        network.rpc_services[self] = None

    def __repr__(self) -> str:
        return f"<SimulatedRpcService of {self._process.name}>"

    @property
    def host(self) -> str:
        return self._process.host

    @property
    def process(self) -> SimulatedProcess:
        return self._process

    @property
    def network(self) -> SimulatedNetwork:
        return self._network

    @property
    def address(self) -> str:
        """``host:port`` for others.

        :raises RuntimeError: the service has no port yet.
        """
        if not self._port:
            raise RuntimeError("an RPC service has an address only after it was started")
        return f"{self._process.host}:{self._port}"

    async def start(self) -> None:
        """Begin to serve.

        :raises OSError: another service has the port.
        """
        if self._ended is not None:
            raise RuntimeError(f"{self!r} has ended ({self._ended}); make a new one")
        if self._started:
            return
        if not self._port:
            self._port = self._network.free_port(self._process.host)
        listening = self._network.rpc_listening
        if self.address in listening:
            raise OSError(f"port {self._port} of {self._process.host} is in use by {listening[self.address]!r}")
        listening[self.address] = self
        self._started = True

    def register(
        self, gateway: type[G], endpoint: str, implementation: G, fencing_token: LeaderSessionId | None
    ) -> None:
        """See :meth:`~millstream.common.rpc.service.RpcService.register`."""
        self._endpoints.register(gateway, endpoint, implementation, fencing_token)

    def unregister(self, endpoint: str) -> None:
        """See :meth:`~millstream.common.rpc.service.RpcService.unregister`."""
        self._endpoints.unregister(endpoint)

    def explain_missing(self, explain: Callable[[str], str] | None) -> None:
        """See :meth:`~millstream.common.rpc.service.RpcService.explain_missing`."""
        self._endpoints.explain_missing(explain)

    def connect(
        self,
        gateway: type[G],
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None = None,
        timeout: timedelta | None = None,
    ) -> G:
        """See :meth:`~millstream.common.rpc.service.RpcService.connect`."""
        deadline = timeout if timeout is not None else self._ask_timeout
        return make_stub(self._call, gateway, address, endpoint, fencing_token, deadline)

    async def leader_session_id(self, address: str, endpoint: str) -> LeaderSessionId:
        """See :meth:`~millstream.common.rpc.service.RpcService.leader_session_id`."""
        return await ask_leader(self, address, endpoint)

    def watch_connection(self, address: str, on_lost: Callable[[str], None]) -> Callable[[], None]:
        """See :meth:`~millstream.common.rpc.service.RpcService.watch_connection`."""
        watch = _Watch(self, address, on_lost)
        self._watches[watch] = None
        watch.probe()
        return watch.stop

    async def close(self) -> None:
        """Stop serving, break off running calls. May be called twice."""
        self._break_off(f"{self._process.name} closed its RPC service")
        running = list(self._served.values())
        for task in running:
            task.cancel()
        me = asyncio.current_task()
        # A method that closes its own service goes on: it cannot wait for itself.
        await asyncio.gather(*(task for task in running if task is not me), return_exceptions=True)

    # ---------------------------------------------------------------- the caller's side

    async def _call(
        self,
        method: RpcMethod,
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None,
        timeout_s: float,
        request: Message,
    ) -> Message:
        if self._ended is not None:
            raise unavailable(method, address, f"the calling service has ended: {self._ended}")
        try:
            payload = check_size(request.SerializeToString(), self._max_message_bytes, "the request")
        except MessageTooLargeError as error:
            raise raised_from(fault_of(error, carrier=True), method, address) from None
        loop = self._process.loop
        self._next_call += 1
        number = self._next_call
        call = _Call(method, address, loop.create_future())
        self._calls[number] = call
        sent = _Request(self, number, method, endpoint, fencing_token or "", payload, timeout_s)
        self._network.send_message(
            self.host, _host(address), partial(self._request_arrives, address, sent), len(payload), timeout_s, True
        )
        timer = loop.call_later(timeout_s, self._expire, number, timeout_s)
        try:
            answer = await call.answer
        finally:
            timer.cancel()
            if self._calls.pop(number, None) is not None:  # the caller was cancelled
                self._give_up(address, number)
        if isinstance(answer, MillstreamError):
            raise answer
        response = method.response_type()
        response.ParseFromString(answer)
        return response

    def _answered(self, number: int, answer: bytes | Fault | MillstreamError) -> None:
        """In the caller's process: the answer is here, or will never be."""
        call = self._calls.pop(number, None)
        if call is None or call.answer.done():
            return  # it was doubled, or came too late
        if isinstance(answer, Fault):
            answer = raised_from(answer, call.method, call.address)
        call.answer.set_result(answer)

    def _expire(self, number: int, timeout_s: float) -> None:
        call = self._calls.get(number)
        if call is not None:
            self._answered(number, timed_out(call.method, call.address, timeout_s))
            self._give_up(call.address, number)

    def _give_up(self, address: str, number: int) -> None:
        """The caller does not wait any more: the method is cancelled over there."""

        def arrive() -> None:
            service = self._network.rpc_listening.get(address)
            if service is not None:
                service._process.loop.call_soon(service._cancel, self, number)

        self._network.send(self.host, _host(address), arrive, patience=self._ask_timeout.total_seconds())

    # ---------------------------------------------------------------- on the network

    def _request_arrives(self, address: str, request: _Request) -> None:
        target = self._network.rpc_listening.get(address)
        if target is None:
            refusal = unavailable(request.method, address, "nobody listens there")
            self._network.send(_host(address), self.host, partial(self._tell, request.number, refusal))
        else:
            target._process.loop.call_soon(target._serve, request)

    def _tell(self, number: int, answer: bytes | Fault | MillstreamError) -> None:
        self._process.loop.call_soon(self._answered, number, answer)

    def reset_calls(self, host: str) -> int:
        """Break the connections to a host: what waits for an answer from there gets none. Returns how many calls."""
        broken = [number for number, call in self._calls.items() if _host(call.address) == host]
        for number in broken:
            call = self._calls[number]
            self._tell(number, unavailable(call.method, call.address, "the connection was reset"))
            self._give_up(call.address, number)
        return len(broken)

    # ---------------------------------------------------------------- the serving side

    def _serve(self, request: _Request) -> None:
        if self._ended is not None:
            self._send_back(request, unavailable(request.method, self.address, f"the connection broke: {self._ended}"))
            return
        key = (request.caller, request.number)
        loop = self._process.loop
        task = loop.create_task(
            self._endpoints.serve(request.method, request.endpoint, request.token, request.payload),
            name=f"serve {request.method} at {self.address}",
        )
        if key in self._served:  # the same request once more
            key = (request.caller, -request.number)
        self._served[key] = task
        deadline = loop.call_later(request.timeout_s, task.cancel)
        task.add_done_callback(partial(self._has_served, key, request, deadline))

    def _has_served(
        self,
        key: tuple[SimulatedRpcService, int],
        request: _Request,
        deadline: asyncio.TimerHandle,
        task: asyncio.Task[bytes | Fault],
    ) -> None:
        deadline.cancel()
        if self._served.get(key) is task:
            del self._served[key]
        if task.cancelled():
            reason = f"the connection broke: {self._ended}" if self._ended is not None else CANCELLED_THERE
            self._send_back(request, unavailable(request.method, self.address, reason))
            return
        error = task.exception()
        if error is not None:  # nothing that Endpoints.serve() lets through is the caller's business
            self._process.report_error(f"serving {request.method} raised", error)
            self._send_back(request, unavailable(request.method, self.address, CANCELLED_THERE))
        else:
            self._send_back(request, task.result())

    def _send_back(self, request: _Request, answer: bytes | Fault | MillstreamError) -> None:
        size = len(answer) if isinstance(answer, bytes) else 0
        caller = request.caller
        self._network.send_message(
            self.host, caller.host, partial(caller._tell, request.number, answer), size, request.timeout_s
        )

    def _cancel(self, caller: SimulatedRpcService, number: int) -> None:
        for key in ((caller, number), (caller, -number)):
            task = self._served.get(key)
            if task is not None:
                task.cancel()

    # ---------------------------------------------------------------- the end

    def _process_ended(self, how: str) -> None:
        self._break_off(f"{self._process.name} {how}")

    def _break_off(self, reason: str) -> None:
        """End all connections, which others notice when a packet gets through to them."""
        if self._ended is not None:
            return
        self._ended = reason
        listening, services = self._network.rpc_listening, self._network.rpc_services
        services.pop(self, None)
        self._endpoints.clear()
        for watch in list(self._watches):
            watch.stop()
        for number, call in list(self._calls.items()):
            self._answered(number, unavailable(call.method, call.address, f"the calling service has ended: {reason}"))
            self._give_up(call.address, number)
        if not self._started:
            return
        if listening.get(self.address) is self:
            del listening[self.address]
        for other in services:
            lost = [number for number, call in other._calls.items() if call.address == self.address]
            for number in lost:
                call = other._calls[number]
                error = unavailable(call.method, call.address, f"the connection broke: {reason}")
                self._network.send(self.host, other.host, partial(other._tell, number, error))
        watchers, self._watchers = self._watchers, {}
        for watch in watchers:
            self._network.send(self.host, watch.host, partial(watch.broken, reason))


class _Watch:
    """One watch over the process at an address."""

    def __init__(self, service: SimulatedRpcService, address: str, on_lost: Callable[[str], None]) -> None:
        self._service = service
        self._address = address
        self._on_lost = on_lost
        self._over = False
        self._connected = False

    @property
    def host(self) -> str:
        return self._service.host

    def probe(self) -> None:
        """Find out who is there, again and again while nothing comes back."""
        if self._over or self._connected:
            return
        network = self._service.network
        network.send(self.host, _host(self._address), self._probe_arrives, patience=0)
        self._service.process.loop.call_later(_PROBE_AGAIN_S, self.probe)

    def _probe_arrives(self) -> None:
        network = self._service.network
        target = network.rpc_listening.get(self._address)
        if target is None:
            refusal = f"the connection to {self._address} cannot be made: nobody listens there"
            network.send(_host(self._address), self.host, partial(self.broken, refusal))
        else:
            target._watchers[self] = None
            self._connected = True

    def broken(self, reason: str) -> None:
        """Outside all processes: word of the broken connection has come."""
        self._service.process.loop.call_soon(self._tell, reason)

    def _tell(self, reason: str) -> None:
        if not self._over:
            self.stop()
            self._on_lost(f"the connection to {self._address} broke: {reason}")

    def stop(self) -> None:
        self._over = True
        self._service._watches.pop(self, None)
        for service in self._service.network.rpc_services:
            service._watchers.pop(self, None)


def _host(address: str) -> str:
    return address.rpartition(":")[0]
