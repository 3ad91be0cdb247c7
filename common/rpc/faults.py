"""How an error of an endpoint's method travels to its caller: as a class name and a message.

Exceptions are never pickled. What :mod:`millstream.common.errors` offers, and takes one message, is raised again as
itself on the caller's side; an error narrower than those comes as the nearest of them; everything else becomes
:class:`~millstream.common.rpc.service.RemoteCallError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from millstream.common import errors
from millstream.common.config import RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    MessageTooLargeError,
    RemoteCallError,
    RpcError,
    RpcTimeoutError,
    RpcUnavailableError,
)

__all__ = ["CANCELLED_THERE", "Fault", "check_size", "fault_of", "raised_from", "timed_out", "unavailable"]

CANCELLED_THERE: Final = "the method was cancelled over there"

_MAX_MESSAGE_CHARS: Final = 8_000
"""Longer messages are cut: over gRPC an error travels in headers, which peers limit."""


def _takes_one_message(error: type[MillstreamError]) -> bool:
    return error.__init__ is MillstreamError.__init__


_TRANSFERABLE: Final[dict[str, type[MillstreamError]]] = {
    name: error
    for name in errors.__all__
    if issubclass(error := getattr(errors, name), MillstreamError) and _takes_one_message(error)
}
_OF_THE_CARRIER: Final[dict[str, type[RpcError]]] = {
    error.__name__: error
    for error in (EndpointNotFoundError, FencingError, MessageTooLargeError, RpcTimeoutError, RpcUnavailableError)
}


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way.

    :ivar carrier: the RPC layer itself refused the call (no such endpoint, wrong fencing token); otherwise the
        endpoint's method raised.
    :ivar error_type: name of the class to raise, or of the unknown class that was raised.
    """

    carrier: bool
    error_type: str
    message: str


def fault_of(error: BaseException, *, carrier: bool = False) -> Fault:
    """Return how ``error`` travels.

    An RPC error that comes out of a *method* (which called somebody else in turn) is not of this call, so it does
    not travel as itself: its caller must not take it for a refusal of his own token.
    """
    message = str(error).encode("utf-8", "backslashreplace").decode()  # lone surrogates cannot travel
    if len(message) > _MAX_MESSAGE_CHARS:
        message = message[:_MAX_MESSAGE_CHARS] + f"... ({len(message) - _MAX_MESSAGE_CHARS} more characters)"
    name = type(error).__name__
    if not carrier and isinstance(error, MillstreamError) and not isinstance(error, RpcError):
        for ancestor in type(error).__mro__:
            if ancestor is MillstreamError and type(error) is not MillstreamError:
                break
            if _TRANSFERABLE.get(ancestor.__name__) is ancestor:
                name = ancestor.__name__
                break
    return Fault(carrier=carrier, error_type=name, message=message)


def raised_from(fault: Fault, method: RpcMethod, address: str) -> MillstreamError:
    """Return the exception to raise in the caller."""
    if fault.carrier:
        error_class = _OF_THE_CARRIER.get(fault.error_type, RpcError)
        return error_class(f"{method} at {address}: {fault.message}")
    transferable = _TRANSFERABLE.get(fault.error_type)
    if transferable is not None:
        return transferable(fault.message)
    return RemoteCallError(f"{method} at {address} failed: {fault.error_type}: {fault.message}", fault.error_type)


def timed_out(method: RpcMethod, address: str, timeout_s: float) -> RpcTimeoutError:
    """Return the error of a call that got no answer within its deadline."""
    return RpcTimeoutError(
        f"{method} at {address}: no answer within {timeout_s:g} s "
        f"(the default deadline of a call is {RpcOptions.ASK_TIMEOUT.key})"
    )


def unavailable(method: RpcMethod, address: str, reason: str) -> RpcUnavailableError:
    """Return the error of a call that did not reach the other side, or lost it."""
    return RpcUnavailableError(f"{method} at {address}: {reason}")


def check_size(payload: bytes, limit: int, what: str) -> bytes:
    """Return ``payload``.

    :raises MessageTooLargeError: it is longer than ``limit`` bytes.
    """
    if len(payload) > limit:
        raise MessageTooLargeError(
            f"{what} is {len(payload):,} bytes long, more than the largest message allowed ({limit:,} bytes); "
            f"raise {RpcOptions.FRAMESIZE.key} on both sides, or ship large files by another way"
        )
    return payload
