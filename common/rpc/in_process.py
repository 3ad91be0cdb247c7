"""The carrier for components that share one process and one event loop: embedded clusters, tests, simulations.

Nothing but the wire is left out: messages are serialised and parsed, calls have deadlines and fencing tokens, a
crash of a service breaks the calls to it and is noticed by those who watch it. A :class:`Transit` may delay or
lose messages, so that a simulation can play a bad network.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from millstream.common.config import Configuration, RpcOptions
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

__all__ = ["InProcessNetwork", "InProcessRpcService", "Transit"]

logger = logging.getLogger(__name__)

G = TypeVar("G")


class Transit(Protocol):
    """What a network does to a message."""

    def __call__(self, source: str, target: str, method: RpcMethod) -> float | None:
        """Return after how many seconds the message arrives; ``None``: it is lost.

        Asked once for a request (``source`` is the caller) and once for its response (``source`` is the callee).
        """
        ...


def _at_once(source: str, target: str, method: RpcMethod) -> float | None:  # noqa: ARG001  # a Transit
    return 0.0


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs: a crash that is played from outside
        return None


class InProcessNetwork:
    """Connects the services of one process. All of them live on one event loop.

    :param configuration: deadlines and message sizes, the defaults if not given.
    :param transit: delays and losses; nothing of that if not given. May be exchanged at any time.
    """

    def __init__(self, configuration: Configuration | None = None, transit: Transit = _at_once) -> None:
        self._configuration = configuration if configuration is not None else Configuration()
        self.transit = transit
        self._services: dict[str, InProcessRpcService] = {}

    def service(self, address: str, configuration: Configuration | None = None) -> InProcessRpcService:
        """Return a new service, which others reach under ``address`` once it is started.

        :param configuration: the service's own, if it is not the network's.
        """
        return InProcessRpcService(self, address, configuration if configuration is not None else self._configuration)

    def crash(self, address: str) -> None:
        """End the service at ``address`` as a kill would: no goodbye, its running calls break off.

        A new service may then be started under the same address.
        """
        service = self._services.get(address)
        if service is None:
            raise KeyError(f"no service is started at {address!r}")
        service._break_off(f"{address} has crashed")

    def _find(self, address: str) -> InProcessRpcService | None:
        return self._services.get(address)

    def _join(self, service: InProcessRpcService) -> None:
        if service.address in self._services:
            raise OSError(f"address {service.address!r} is in use by another service of this in-process network")
        self._services[service.address] = service

    def _leave(self, service: InProcessRpcService) -> None:
        if self._services.get(service.address) is service:
            del self._services[service.address]


class InProcessRpcService:
    """An :class:`~millstream.common.rpc.service.RpcService` of an :class:`InProcessNetwork`."""

    def __init__(self, network: InProcessNetwork, address: str, configuration: Configuration) -> None:
        self._network = network
        self._address = address
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._max_message_bytes = configuration.get(RpcOptions.FRAMESIZE)
        self._endpoints = Endpoints(self._max_message_bytes)
        self._started = False
        self._ended: str | None = None
        # Callers wait for their answer or for this, whatever comes first; made where there is a loop.
        self._broken: asyncio.Future[None] | None = None
        self._calls: set[asyncio.Task[bytes | Fault]] = set()
        self._served: set[asyncio.Task[bytes | Fault]] = set()
        self._watchers: list[Callable[[str], None]] = []
        self._watches: set[Callable[[], None]] = set()

    def __repr__(self) -> str:
        return f"<InProcessRpcService {self._address}>"

    @property
    def address(self) -> str:
        return self._address

    async def start(self) -> None:
        """Begin to serve.

        :raises OSError: another service of the network has the address.
        """
        if self._ended is not None:
            raise RuntimeError(f"{self!r} has ended ({self._ended}); make a new one")
        if not self._started:
            self._network._join(self)
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
        loop = asyncio.get_running_loop()
        pending: list[asyncio.Handle] = []
        target = self._network._find(address)

        def stop() -> None:
            if target is not None and lost in target._watchers:
                target._watchers.remove(lost)
            for handle in pending:
                handle.cancel()
            self._watches.discard(stop)

        def tell(reason: str) -> None:
            self._watches.discard(stop)
            on_lost(reason)

        def lost(reason: str) -> None:
            pending.append(loop.call_soon(tell, reason))

        self._watches.add(stop)
        if target is None:
            lost(f"no service at {address}")
        else:
            target._watchers.append(lost)
        return stop

    async def close(self) -> None:
        """Stop serving, break off running calls. May be called twice."""
        self._break_off(f"{self._address} was closed")
        running = self._calls | self._served
        me = _current_task()
        # A method that closes its own service goes on: it cannot wait for itself.
        await asyncio.gather(*(task for task in running if task is not me), return_exceptions=True)

    def _break_off(self, reason: str) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self._endpoints.clear()
        self._network._leave(self)
        for stop in list(self._watches):
            stop()
        watchers, self._watchers = self._watchers, []
        for lost in watchers:
            lost(reason)
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(None)
        me = _current_task()
        for task in self._calls | self._served:
            if task is not me:
                task.cancel()

    def _breakage(self) -> asyncio.Future[None]:
        """Return the future that is done when this service has ended."""
        if self._broken is None:
            self._broken = asyncio.get_running_loop().create_future()
            if self._ended is not None:
                self._broken.set_result(None)
        return self._broken

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
        task = asyncio.get_running_loop().create_task(
            self._carry(method, address, endpoint, fencing_token or "", payload), name=f"call {method} at {address}"
        )
        self._calls.add(task)
        task.add_done_callback(self._call_ended)
        try:
            ends: set[asyncio.Future[Any]] = {task, self._breakage()}
            await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if self._ended is not None:
            raise unavailable(method, address, f"the calling service has ended: {self._ended}")
        if not task.done():
            raise timed_out(method, address, timeout_s)
        outcome = task.result()
        if isinstance(outcome, Fault):
            raise raised_from(outcome, method, address)
        response = method.response_type()
        response.ParseFromString(outcome)
        return response

    def _call_ended(self, task: asyncio.Task[bytes | Fault]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may have gone; asyncio is not to complain that nobody looked

    async def _carry(self, method: RpcMethod, address: str, endpoint: str, token: str, payload: bytes) -> bytes | Fault:
        """Bring the request there and the response back."""
        await self._travel(self._address, address, method)
        target = self._network._find(address)
        if target is None:
            raise unavailable(method, address, "no service is started there")
        served = target._start_serving(method, endpoint, token, payload)
        try:
            ends: set[asyncio.Future[Any]] = {served, target._breakage()}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if served.cancelled() or not served.done():
                reason = f"the connection broke: {target._ended}" if target._ended else CANCELLED_THERE
                raise unavailable(method, address, reason)
            outcome = served.result()
        finally:
            if not served.done():
                served.cancel()
        await self._travel(address, self._address, method)
        return outcome

    async def _travel(self, source: str, target: str, method: RpcMethod) -> None:
        delay = self._network.transit(source, target, method)
        if delay is None:
            logger.debug("lost %s on its way from %s to %s", method, source, target)
            await asyncio.get_running_loop().create_future()  # for ever: the caller's deadline ends it
        elif delay > 0:
            await asyncio.sleep(delay)

    def _start_serving(
        self, method: RpcMethod, endpoint: str, token: str, payload: bytes
    ) -> asyncio.Task[bytes | Fault]:
        task = asyncio.get_running_loop().create_task(
            self._endpoints.serve(method, endpoint, token, payload), name=f"serve {method} at {self._address}"
        )
        self._served.add(task)
        task.add_done_callback(self._served.discard)
        return task
