"""The endpoints that one RPC service serves, and the gate before them.

Whatever the carrier: a call names an endpoint and bears a fencing token; here the endpoint is found, the token
compared, the request parsed and the method awaited.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError, Message

from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.faults import Fault, check_size, fault_of
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.methods import Handler, RpcMethod, methods_of
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RpcError,
)
from millstream.common.version import VERSION
from millstream.common.wire import cluster_pb2 as pb

__all__ = ["LEADER_ENDPOINT", "Endpoints"]

logger = logging.getLogger(__name__)

LEADER_ENDPOINT: Final = "leader"
"""Every service answers here, unfenced, who leads its other endpoints."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    gateway: str
    fencing_token: LeaderSessionId | None
    handlers: dict[str, Handler]


class _Leader:
    """Answers who leads an endpoint of this service."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def get_leader(self, request: pb.GetLeaderRequest) -> pb.GetLeaderResponse:
        token = self._endpoints.fencing_token(request.endpoint)
        known = self._endpoints.knows(request.endpoint)
        reason = "" if known else self._endpoints.reason_missing(request.endpoint)
        return pb.GetLeaderResponse(known=known, leader_session_id=token or "", version=VERSION, reason=reason)


class Endpoints:
    """The table of endpoints. :meth:`serve` never raises for what a caller or an implementation did wrong."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._endpoints: dict[str, _Endpoint] = {}
        self._explain: Callable[[str], str] | None = None
        self.register(LeaderGateway, LEADER_ENDPOINT, _Leader(self), None)

    def register(
        self, gateway: type[object], endpoint: str, implementation: object, fencing_token: LeaderSessionId | None
    ) -> None:
        """Serve ``implementation`` under the name ``endpoint``.

        :raises ValueError: the name is empty or taken.
        :raises TypeError: the implementation lacks a method of the gateway.
        """
        if not endpoint:
            raise ValueError("an endpoint needs a name")
        if endpoint in self._endpoints:
            raise ValueError(f"endpoint {endpoint!r} is registered already; unregister it first")
        handlers: dict[str, Handler] = {}
        for method in methods_of(gateway):
            handler = getattr(implementation, method.name, None)
            if not inspect.iscoroutinefunction(handler):
                raise TypeError(
                    f"{type(implementation).__qualname__} cannot serve {gateway.__name__} as endpoint {endpoint!r}: "
                    f"it has no coroutine {method.name}"
                )
            handlers[method.name] = handler
        self._endpoints[endpoint] = _Endpoint(gateway.__name__, fencing_token, handlers)

    def unregister(self, endpoint: str) -> None:
        """Forget the endpoint; unknown names are ignored."""
        if endpoint != LEADER_ENDPOINT:
            self._endpoints.pop(endpoint, None)

    def explain_missing(self, explain: Callable[[str], str] | None) -> None:
        """Let callers of an endpoint that is not here be told what ``explain`` says of its name; ``""``: nothing."""
        self._explain = explain

    def reason_missing(self, endpoint: str) -> str:
        """Return what there is to say of an endpoint that is not here, ``""`` if nothing."""
        return self._explain(endpoint) if self._explain is not None else ""

    def clear(self) -> None:
        """Forget all endpoints but the one that tells about leaders."""
        for endpoint in list(self._endpoints):
            self.unregister(endpoint)

    def knows(self, endpoint: str) -> bool:
        return endpoint in self._endpoints

    def fencing_token(self, endpoint: str) -> LeaderSessionId | None:
        known = self._endpoints.get(endpoint)
        return known.fencing_token if known is not None else None

    async def serve(self, method: RpcMethod, endpoint: str, fencing_token: str, payload: bytes) -> bytes | Fault:
        """Carry out one call and return the serialised response, or what went wrong.

        Cancelling this cancels the endpoint's method.
        """
        try:
            handler = self._admit(method, endpoint, fencing_token)
            request = _parse(method, payload)
        except RpcError as error:
            return fault_of(error, carrier=True)
        try:
            response = await handler(request)
        except Exception as error:
            # An error meant for the caller is the caller's to report; any other is a defect that is only seen here.
            level = logging.DEBUG if isinstance(error, MillstreamError) else logging.ERROR
            logger.log(level, "%s of endpoint %s raised", method, endpoint, exc_info=error)
            return fault_of(error)
        try:
            return self._serialise(method, response)
        except RpcError as error:
            return fault_of(error, carrier=True)

    def _admit(self, method: RpcMethod, endpoint: str, fencing_token: str) -> Handler:
        known = self._endpoints.get(endpoint)
        if known is None:
            reason = self.reason_missing(endpoint) or "it never was, or it has ended"
            raise EndpointNotFoundError(f"no endpoint {endpoint!r} here ({reason})")
        if known.gateway != method.gateway:
            raise EndpointNotFoundError(f"endpoint {endpoint!r} is a {known.gateway}, not a {method.gateway}")
        if known.fencing_token is not None and fencing_token != known.fencing_token:
            raise FencingError(
                f"the call bears leader session id {fencing_token or '(none)'}, but endpoint {endpoint!r} has "
                f"{known.fencing_token}: one of the two is deposed; ask for the leader again"
            )
        return known.handlers[method.name]

    def _serialise(self, method: RpcMethod, response: Message) -> bytes:
        if not isinstance(response, method.response_type):
            raise RpcError(
                f"the endpoint returned a {type(response).__qualname__}, not a {method.response_type.__name__}"
            )
        return check_size(response.SerializeToString(), self._max_message_bytes, "the response")


def _parse(method: RpcMethod, payload: bytes) -> Message:
    request = method.request_type()
    try:
        request.ParseFromString(payload)
    except DecodeError as error:
        raise RpcError(
            f"the request is not a {method.request_type.__name__} ({error}); do caller and callee run one version?"
        ) from None
    return request
