"""The object that a caller gets for a gateway: its methods send the request over a carrier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol, TypeVar, cast

from google.protobuf.message import Message

from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.endpoints import LEADER_ENDPOINT
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.methods import RpcMethod, methods_of
from millstream.common.rpc.service import EndpointNotFoundError, RpcService
from millstream.common.wire import cluster_pb2 as pb

__all__ = ["Call", "ask_leader", "make_stub"]

G = TypeVar("G")


class Call(Protocol):
    """What a carrier does for one call."""

    async def __call__(
        self,
        method: RpcMethod,
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None,
        timeout_s: float,
        request: Message,
    ) -> Message: ...


class _Stub:
    """Has one attribute per method of the gateway."""

    def __init__(self, gateway: str, address: str, endpoint: str) -> None:
        self._description = f"<{gateway} of endpoint {endpoint!r} at {address}>"

    def __repr__(self) -> str:
        return self._description


def make_stub(
    call: Call,
    gateway: type[G],
    address: str,
    endpoint: str,
    fencing_token: LeaderSessionId | None,
    timeout: timedelta,
) -> G:
    """Return an object with the gateway's methods, each of which goes through ``call``."""
    timeout_s = timeout.total_seconds()
    if timeout_s <= 0:
        raise ValueError(f"the deadline of a call must be longer than nothing, got {timeout}")
    stub = _Stub(gateway.__name__, address, endpoint)

    def bind(method: RpcMethod) -> Callable[[Message], Awaitable[Message]]:
        async def send(request: Message) -> Message:
            if not isinstance(request, method.request_type):
                raise TypeError(f"{method} takes a {method.request_type.__name__}, not a {type(request).__qualname__}")
            return await call(method, address, endpoint, fencing_token, timeout_s, request)

        send.__name__ = send.__qualname__ = method.name
        return send

    for method in methods_of(gateway):
        setattr(stub, method.name, bind(method))
    return cast(G, stub)


async def ask_leader(rpc: RpcService, address: str, endpoint: str) -> LeaderSessionId:
    """Return the fencing token of ``endpoint`` as the service at ``address`` tells it.

    :raises EndpointNotFoundError: no such endpoint is there.
    """
    leader = rpc.connect(
        LeaderGateway,  # type: ignore[type-abstract]  # connect makes it concrete
        address,
        LEADER_ENDPOINT,
    )
    response = await leader.get_leader(pb.GetLeaderRequest(endpoint=endpoint))
    if not response.known:
        reason = response.reason or f"{LEADER_ENDPOINT} does not know it"
        raise EndpointNotFoundError(f"no endpoint {endpoint!r} at {address} ({reason})")
    return LeaderSessionId(response.leader_session_id)
