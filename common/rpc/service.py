"""The interface of the RPC layer.

A process (or, in an embedded or simulated cluster, a group of components in one process) has one
:class:`RpcService`. Components register themselves as endpoints under a name and a fencing token; callers connect
to ``(address, endpoint name)`` and get a gateway object whose methods are the service's. There are two carriers:
gRPC between processes (:mod:`millstream.common.rpc.grpc_carrier`) and an in-process one
(:mod:`millstream.common.rpc.in_process`) for embedded and simulated clusters. Both behave alike: messages are
copied, calls have deadlines, errors come as the classes below, a wrong fencing token is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId

__all__ = [
    "EndpointNotFoundError",
    "FencingError",
    "MessageTooLargeError",
    "RemoteCallError",
    "RpcError",
    "RpcService",
    "RpcTimeoutError",
    "RpcUnavailableError",
]

G = TypeVar("G")


class RpcError(MillstreamError):
    """A remote call did not give a result. The message names the method and the address."""


class RpcTimeoutError(RpcError):
    """No answer within the deadline. The call may or may not have been carried out."""


class RpcUnavailableError(RpcError):
    """The other side cannot be reached: nobody listens, or the connection broke."""


class EndpointNotFoundError(RpcError):
    """The process answered, but the named endpoint is not (or no longer) there."""


class FencingError(RpcError):
    """The call bore another leader session id than the endpoint's: one of the two is deposed."""


class MessageTooLargeError(RpcError):
    """A request or response is longer than ``pekko.framesize``; it was not sent."""


class RemoteCallError(RpcError):
    """The endpoint's method raised.

    Errors of :mod:`millstream.common.errors` that take one message are raised again as themselves on the caller's
    side; any other exception comes as this one.

    :ivar exception_type: the class name on the other side.
    """

    def __init__(self, message: str, exception_type: str = "") -> None:
        super().__init__(message)
        self.exception_type = exception_type


class RpcService(Protocol):
    """Serves endpoints and connects to others'."""

    @property
    def address(self) -> str:
        """Where others reach this service, ``host:port`` (any unique text for the in-process carrier)."""
        ...

    async def start(self) -> None:
        """Begin to serve. Raises :class:`OSError` that names the port if it is taken."""
        ...

    def register(
        self, gateway: type[G], endpoint: str, implementation: G, fencing_token: LeaderSessionId | None
    ) -> None:
        """Serve ``implementation`` (its methods are coroutines named as in the gateway) as ``endpoint``.

        :param fencing_token: calls with another token are refused; ``None``: calls are not fenced.
        """
        ...

    def unregister(self, endpoint: str) -> None:
        """Serve the endpoint no more; calls then get :class:`EndpointNotFoundError`."""
        ...

    def explain_missing(self, explain: Callable[[str], str] | None) -> None:
        """Let callers of endpoints that are not served here be told why.

        :param explain: says for an endpoint's name what to tell, ``""`` if nothing; ``None``: nothing is said any more.
        """
        ...

    def connect(
        self,
        gateway: type[G],
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None = None,
        timeout: timedelta | None = None,
    ) -> G:
        """Return a gateway to a (possibly remote) endpoint, at once; the first call finds out whether it answers.

        :param timeout: deadline of each call, ``pekko.ask.timeout`` if not given.
        """
        ...

    async def leader_session_id(self, address: str, endpoint: str) -> LeaderSessionId:
        """Ask the service at ``address`` for the endpoint's fencing token (not itself fenced).

        :raises EndpointNotFoundError: it leads no such endpoint.
        """
        ...

    def watch_connection(self, address: str, on_lost: Callable[[str], None]) -> Callable[[], None]:
        """Call ``on_lost`` (once, on the event loop, with the reason) as soon as the process at ``address`` is gone.

        It is noticed by the broken connection, long before a heartbeat would miss it. Returns a function that ends
        the watch.
        """
        ...

    async def close(self) -> None:
        """Stop serving, break off running calls, close all connections. May be called twice."""
        ...
