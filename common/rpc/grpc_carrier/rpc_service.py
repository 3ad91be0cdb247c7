"""The RPC service over gRPC: a server for its own endpoints, shared channels to the others'."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from google.protobuf.message import Message

from millstream.common.config import Configuration, RpcOptions
from millstream.common.config.port_range import parse_port_range
from millstream.common.ids import IdFactory, LeaderSessionId
from millstream.common.rpc.endpoints import LEADER_ENDPOINT, Endpoints
from millstream.common.rpc.faults import check_size, fault_of, raised_from, unavailable
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.grpc_carrier.peer import Peer
from millstream.common.rpc.grpc_carrier.server import GrpcServer
from millstream.common.rpc.grpc_carrier.watch import Watch
from millstream.common.rpc.loopback import is_loopback
from millstream.common.rpc.methods import RpcMethod, methods_of
from millstream.common.rpc.service import MessageTooLargeError, RpcUnavailableError
from millstream.common.rpc.stub import ask_leader, make_stub
from millstream.common.wire import cluster_pb2 as pb

__all__ = ["GrpcRpcService"]

logger = logging.getLogger(__name__)

G = TypeVar("G")

_MAX_METADATA_BYTES: Final = 64 * 1024
"""Room for an error's message in the trailers; gRPC's own limit is 8 kb."""
_PROBE_SECONDS: Final = 5.0


class GrpcRpcService:
    """An :class:`~millstream.common.rpc.service.RpcService` that processes reach each other with.

    A service that only calls (a client's) need not be started.

    :param bind_host: where to listen.
    :param port: the port, 0 for any, or a range such as ``50100-50200,50300`` whose first free port is taken.
    :param advertised_host: the host that others are told; if ``None`` it is ``bind_host``, or this machine's name
        where that means all interfaces.
    :param port_keys: the configuration keys that an error about the port names.
    """

    def __init__(
        self,
        bind_host: str,
        port: int | str,
        advertised_host: str | None,
        configuration: Configuration,
        *,
        port_keys: str = "jobmanager.rpc.port or taskmanager.rpc.port",
    ) -> None:
        self._bind_host = bind_host
        self._ports = parse_port_range(str(port))
        self._port_keys = port_keys
        if advertised_host is None:
            advertised_host = socket.gethostname() if bind_host in ("", "0.0.0.0", "::") else bind_host
        self._advertised_host = advertised_host
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._max_message_bytes = configuration.get(RpcOptions.FRAMESIZE)
        self._options = (
            ("grpc.max_send_message_length", self._max_message_bytes),
            ("grpc.max_receive_message_length", self._max_message_bytes),
            ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
            ("grpc.absolute_max_metadata_size", 2 * _MAX_METADATA_BYTES),
        )
        self._endpoints = Endpoints(self._max_message_bytes)
        self._server = GrpcServer(self._endpoints, IdFactory().hex(), self._options)
        self._bound_port: int | None = None
        self._peers: dict[str, Peer] = {}
        self._watches: dict[str, Watch] = {}
        self._calls: set[asyncio.Task[tuple[bytes, str]]] = set()
        self._closed: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<GrpcRpcService {self._bind_host}:{self._bound_port or 'not started'}>"

    @property
    def address(self) -> str:
        """``host:port`` for others.

        :raises RuntimeError: the service is not started, so it has no port.
        """
        if self._bound_port is None:
            raise RuntimeError("an RPC service has an address only after it was started")
        host = self._advertised_host
        return f"[{host}]:{self._bound_port}" if ":" in host else f"{host}:{self._bound_port}"

    async def start(self) -> None:
        """Bind the port and serve.

        :raises OSError: no port can be had; the message names host, port and configuration key.
        """
        if self._bound_port is not None:
            return
        if self._closed is not None:
            raise RuntimeError(f"{self!r} was closed; make a new one")
        self._bound_port = await self._server.start(self._bind_host, self._ports, self._port_keys)
        if not is_loopback(self._bind_host):
            logger.warning(
                "This process listens on %s:%d, which other machines may reach, WITHOUT AUTHENTICATION: whoever can "
                "connect can submit a job, and a job runs any code with this user's rights. Bind to localhost "
                "(jobmanager.bind-host, taskmanager.bind-host) or let only trusted machines into this network.",
                self._bind_host,
                self._bound_port,
            )

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
        if self._closed is not None:
            raise RuntimeError(f"{self!r} was closed")
        self._watches = {watched: watch for watched, watch in self._watches.items() if not watch.ended}
        watch = self._watches.get(address)
        if watch is None:
            watch = self._watches[address] = Watch(address, lambda: self._probe(address))
        watch.add(on_lost)
        return lambda: watch.remove(on_lost)

    async def close(self) -> None:
        """Stop serving, break off running calls, close all connections. May be called twice."""
        if self._closed is not None:
            await asyncio.shield(self._closed)
            return
        self._closed = asyncio.get_running_loop().create_future()
        try:
            self._endpoints.clear()
            for task in self._calls:
                task.cancel()
            for watch in self._watches.values():
                await watch.close()
            await self._server.close()
            await asyncio.gather(*self._calls, return_exceptions=True)
            for peer in self._peers.values():
                await peer.close()
            self._peers.clear()
            self._watches.clear()
        finally:
            self._closed.set_result(None)

    async def _call(
        self,
        method: RpcMethod,
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None,
        timeout_s: float,
        request: Message,
    ) -> Message:
        try:
            payload = check_size(request.SerializeToString(), self._max_message_bytes, "the request")
        except MessageTooLargeError as error:
            raise raised_from(fault_of(error, carrier=True), method, address) from None
        answer, _ = await self._send(method, address, endpoint, fencing_token or "", timeout_s, payload)
        response = method.response_type()
        response.ParseFromString(answer)
        return response

    async def _send(
        self, method: RpcMethod, address: str, endpoint: str, token: str, timeout_s: float, payload: bytes
    ) -> tuple[bytes, str]:
        if self._closed is not None:
            raise unavailable(method, address, "the calling service was closed")
        peer = await self._peer(address)
        # A task of its own, so that closing this service is not taken for a cancellation of the caller.
        task = asyncio.get_running_loop().create_task(
            peer.call(method, endpoint, token, timeout_s, payload), name=f"call {method} at {address}"
        )
        self._calls.add(task)
        task.add_done_callback(self._call_ended)
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
        if task.cancelled():
            raise unavailable(method, address, "the calling service was closed")
        return task.result()

    def _call_ended(self, task: asyncio.Task[tuple[bytes, str]]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may have gone; asyncio is not to complain that nobody looked

    async def _peer(self, address: str) -> Peer:
        """Return the connection to ``address``; instead of one that failed a fresh one, which tries at once."""
        await self._let_go_if_broken(address)
        peer = self._peers.get(address)
        if peer is None:
            peer = self._peers[address] = Peer(address, self._options)
        return peer

    async def _let_go_if_broken(self, address: str) -> None:
        peer = self._peers.get(address)
        if peer is not None and peer.broken:
            del self._peers[address]
            await peer.retire()

    async def _probe(self, address: str) -> tuple[Peer, str]:
        """Connect to ``address`` and return the connection and who answered."""
        (method,) = methods_of(LeaderGateway)
        payload = pb.GetLeaderRequest(endpoint=LEADER_ENDPOINT).SerializeToString()
        try:
            _, instance = await self._send(method, address, LEADER_ENDPOINT, "", _PROBE_SECONDS, payload)
        except RpcUnavailableError:
            await self._let_go_if_broken(address)  # else it would knock at the closed door every second
            raise
        return await self._peer(address), instance
