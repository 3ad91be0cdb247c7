"""The calling half: the channel to one address, shared by all calls there, and the watch over its connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc

from millstream.common.errors import MillstreamError
from millstream.common.rpc.faults import unavailable
from millstream.common.rpc.grpc_carrier.metadata import INSTANCE, error_of, first_value, request_metadata
from millstream.common.rpc.methods import RpcMethod

__all__ = ["Peer"]

_CHANNEL_OPTIONS: Final = (
    # Components talk to each other directly, whatever proxy the user's shell has for the web.
    ("grpc.enable_http_proxy", 0),
    # Each service owns its connections: closing it closes them.
    ("grpc.use_local_subchannel_pool", 1),
    # Who retries has a backoff of his own; gRPC's must not add seconds to it.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # An idle connection must stay: that it breaks is how a death is noticed.
    ("grpc.client_idle_timeout_ms", 2**31 - 1),
)


class Peer:
    """The connection to one address."""

    def __init__(self, address: str, options: Sequence[tuple[str, int]]) -> None:
        self.address = address
        # None once it is closed: what still refers to this peer is not to keep gRPC's poller alive.
        self._channel: grpc.aio.Channel | None = grpc.aio.insecure_channel(
            f"dns:///{address}", options=[*_CHANNEL_OPTIONS, *options]
        )
        self._callables: dict[str, Any] = {}
        self._in_flight = 0
        self._retired = False

    async def call(
        self, method: RpcMethod, endpoint: str, fencing_token: str, timeout_s: float, payload: bytes
    ) -> tuple[bytes, str]:
        """Return the response, and the name of the answering process where it gave it.

        :raises MillstreamError: see :class:`~millstream.common.rpc.service.RpcError`, or what the method raised.
        """
        problem: MillstreamError
        self._in_flight += 1
        try:
            return await self._unary_call(method, endpoint, fencing_token, timeout_s, payload)
        except grpc.aio.AioRpcError as error:
            problem = error_of(error, method, self.address, timeout_s)
        finally:
            self._in_flight -= 1
            if self._retired and not self._in_flight:
                await self.close()
        # Raised out here it has no context: gRPC's own exception would keep the channel alive as long as itself.
        raise problem

    async def _unary_call(
        self, method: RpcMethod, endpoint: str, fencing_token: str, timeout_s: float, payload: bytes
    ) -> tuple[bytes, str]:
        multi_callable = self._callables.get(method.path)
        if multi_callable is None:
            if self._channel is None:
                raise unavailable(method, self.address, "the connection was closed")
            multi_callable = self._callables[method.path] = self._channel.unary_unary(method.path, None, None)
        call = multi_callable(payload, timeout=timeout_s, metadata=request_metadata(endpoint, fencing_token))
        response: bytes = await call
        return response, first_value(await call.trailing_metadata() or (), INSTANCE)

    @property
    def broken(self) -> bool:
        """The last attempt to connect failed: gRPC would now refuse calls for a while without trying."""
        return self._channel is None or self._channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE

    async def connection_lost(self) -> None:
        """Return when there is no connection (any more)."""
        while self._channel is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(grpc.ChannelConnectivity.READY)

    async def retire(self) -> None:
        """Close as soon as the running calls have ended."""
        self._retired = True
        if not self._in_flight:
            await self.close()

    async def close(self) -> None:
        """Close the connection; running calls are cancelled. May be called twice."""
        channel, self._channel = self._channel, None
        self._callables.clear()
        if channel is not None:
            await channel.close(None)
