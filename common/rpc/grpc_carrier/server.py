"""The serving half: binds a port and hands every call to the table of endpoints."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

import grpc

from millstream.common.rpc.endpoints import LEADER_ENDPOINT, Endpoints
from millstream.common.rpc.faults import CANCELLED_THERE, Fault, fault_of
from millstream.common.rpc.grpc_carrier.metadata import instance_trailer, read_request, status_of
from millstream.common.rpc.methods import RpcMethod, method_at
from millstream.common.rpc.service import RpcUnavailableError

__all__ = ["GrpcServer", "ServerOptions"]

logger = logging.getLogger(__name__)

ServerOptions = Sequence[tuple[str, int]]

_STOP_GRACE_SECONDS: Final = 0.5
"""How long answers that are ready may take to leave when the server stops."""


class GrpcServer:
    """Serves the endpoints on one port.

    :param instance: names this process (and this start of it) to those who watch its connection.
    """

    def __init__(self, endpoints: Endpoints, instance: str, options: ServerOptions) -> None:
        self._endpoints = endpoints
        self._instance = instance
        self._options = options
        self._server: grpc.aio.Server | None = None
        self._running: set[asyncio.Task[bytes | Fault]] = set()
        self._closing = False

    async def start(self, host: str, ports: Sequence[int], port_keys: str) -> int:
        """Begin to serve on the first of ``ports`` that is free and return it (0: the system chooses).

        :param port_keys: the configuration keys that an error is to name.
        :raises OSError: none of the ports can be had.
        """
        # Without this option Linux lets two servers share a port, each getting some of the connections.
        server = grpc.aio.server(handlers=(_EveryMethod(self),), options=[("grpc.so_reuseport", 0), *self._options])
        problem: OSError | None = None
        for port in ports:
            problem = await _obstacle(host, port)
            if problem is not None:
                continue
            try:
                bound = server.add_insecure_port(f"{_bracketed(host)}:{port}")
            except RuntimeError as error:
                problem = OSError(errno.EADDRINUSE, str(error))
                continue
            if bound:
                await server.start()
                self._server = server
                return bound
        raise _cannot_bind(host, ports, port_keys, problem)

    async def close(self) -> None:
        """Take no more calls, break off the running ones, let go of the port."""
        self._closing = True
        for task in self._running:
            task.cancel()
        if self._server is not None:
            await self._server.stop(_STOP_GRACE_SECONDS)
            self._server = None
        await asyncio.gather(*self._running, return_exceptions=True)

    async def serve(self, method: RpcMethod, payload: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """Carry out one call; gRPC cancels this when the caller is gone or its deadline has passed."""
        endpoint, fencing_token = read_request(context.invocation_metadata() or ())
        if endpoint == LEADER_ENDPOINT:
            context.set_trailing_metadata(instance_trailer(self._instance))
        task = asyncio.get_running_loop().create_task(
            self._endpoints.serve(method, endpoint, fencing_token, payload), name=f"serve {method}"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if self._closing:
            task.cancel()
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                task.cancel()
        if task.cancelled():
            reason = "the service over there was closed" if self._closing else CANCELLED_THERE
            outcome: bytes | Fault = fault_of(RpcUnavailableError(reason), carrier=True)
        else:
            outcome = task.result()
        if isinstance(outcome, Fault):
            code, details, trailers = status_of(outcome)
            # Not context.abort(): the exception that it raises keeps the server alive until the garbage collector runs.
            context.set_code(code)
            context.set_details(details)
            context.set_trailing_metadata(trailers)
            return b""
        return outcome


class _EveryMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Routes the methods of all services that ``proto/`` knows, whatever endpoints there are just now."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = method_at(handler_call_details.method)
        if method is None:
            return None

        async def serve(payload: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return await self._server.serve(method, payload, context)

        return grpc.unary_unary_rpc_method_handler(serve)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _obstacle(host: str, port: int) -> OSError | None:
    """Return why ``port`` cannot be listened on.

    gRPC is content if one of the host's addresses (127.0.0.1 and ::1 of ``localhost``) is free and does not say
    what was wrong, so every address is tried here first.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        return OSError(errno.EADDRNOTAVAIL, f"host {host!r} cannot be resolved: {error}")
    usable = False
    problem: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen(1)
                usable = True
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return error
            problem = error  # an address family that this machine does not have
    return None if usable else problem


def _cannot_bind(host: str, ports: Sequence[int], port_keys: str, problem: OSError | None) -> OSError:
    number = problem.errno if problem is not None and problem.errno is not None else errno.EADDRINUSE
    reason = os.strerror(number)
    if number == errno.EADDRNOTAVAIL:
        return OSError(
            number,
            f"cannot listen on {host}: {reason} ({problem}); set the bind host (jobmanager.bind-host, "
            "taskmanager.bind-host) to an address of this machine",
        )
    if len(ports) == 1:
        which = f"port {ports[0]} on {host}"
    else:
        which = f"any of the {len(ports)} ports {ports[0]} to {ports[-1]} on {host}"
    return OSError(number, f"cannot listen on {which}: {reason}; stop what uses it or change {port_keys}")
