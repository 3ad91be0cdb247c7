"""What accompanies a call in gRPC's headers and trailers.

The endpoint's name and the fencing token go with the request; an error's class comes back in the trailers, its
message as the status' details; the answering process names itself, so that a successor on the same port is not
taken for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias, cast
from urllib.parse import quote, unquote

import grpc

from millstream.common.config import RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.rpc.faults import Fault, fault_of, raised_from, timed_out, unavailable
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import MessageTooLargeError, RpcError

__all__ = ["error_of", "first_value", "instance_trailer", "read_request", "request_metadata", "status_of"]

Pairs: TypeAlias = tuple[tuple[str, str], ...]

INSTANCE: Final = "millstream-instance"
_ENDPOINT: Final = "millstream-endpoint"
_FENCING_TOKEN: Final = "millstream-fencing-token"
_ERROR_TYPE: Final = "millstream-error-type"
_ERROR_ORIGIN: Final = "millstream-error-origin"
_CARRIER: Final = "carrier"
_METHOD: Final = "method"

_CODES: Final = {
    "EndpointNotFoundError": grpc.StatusCode.NOT_FOUND,
    "FencingError": grpc.StatusCode.FAILED_PRECONDITION,
    "MessageTooLargeError": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "RpcUnavailableError": grpc.StatusCode.UNAVAILABLE,
}


def request_metadata(endpoint: str, fencing_token: str) -> Pairs:
    """Return the headers of a request."""
    return ((_ENDPOINT, quote(endpoint)), (_FENCING_TOKEN, quote(fencing_token)))


def read_request(metadata: Iterable[tuple[str, str | bytes]]) -> tuple[str, str]:
    """Return endpoint and fencing token of a request; empty text for what it does not say."""
    return first_value(metadata, _ENDPOINT), first_value(metadata, _FENCING_TOKEN)


def instance_trailer(instance: str) -> Pairs:
    return ((INSTANCE, quote(instance)),)


def status_of(fault: Fault) -> tuple[grpc.StatusCode, str, Pairs]:
    """Return the status, its details and the trailers that carry ``fault``."""
    code = _CODES.get(fault.error_type, grpc.StatusCode.UNKNOWN) if fault.carrier else grpc.StatusCode.UNKNOWN
    origin = _CARRIER if fault.carrier else _METHOD
    return code, fault.message, ((_ERROR_TYPE, quote(fault.error_type)), (_ERROR_ORIGIN, origin))


def error_of(error: grpc.aio.AioRpcError, method: RpcMethod, address: str, timeout_s: float) -> MillstreamError:
    """Return the exception to raise for a call that ended with a status other than OK."""
    code, details = error.code(), error.details() or "no details"
    # The stubs give it the type of the synchronous API.
    trailers = cast(Pairs, error.trailing_metadata() or ())
    error_type = first_value(trailers, _ERROR_TYPE)
    if error_type:
        fault = Fault(first_value(trailers, _ERROR_ORIGIN) == _CARRIER, error_type, details)
        return raised_from(fault, method, address)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return timed_out(method, address, timeout_s)
    if code is grpc.StatusCode.UNAVAILABLE:
        _, connecting, reason = details.rpartition("Failed to connect to remote host: ")
        return unavailable(method, address, f"cannot connect: {reason.strip()}" if connecting else details)
    if code is grpc.StatusCode.CANCELLED:
        return unavailable(method, address, f"the call was broken off over there ({details})")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        too_large = MessageTooLargeError(
            f"the message is longer than its receiver allows ({details}); "
            f"set the same {RpcOptions.FRAMESIZE.key} on both sides"
        )
        return raised_from(fault_of(too_large, carrier=True), method, address)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return RpcError(f"{method} at {address}: unknown there; is that a Millstream process of this version?")
    return RpcError(f"{method} at {address}: {code.name}: {details}")


def first_value(metadata: Iterable[tuple[str, str | bytes]], key: str) -> str:
    """Return the value of ``key``, empty text if it is not there."""
    for name, value in metadata:
        if name == key:
            return unquote(value.decode("ascii", "replace") if isinstance(value, bytes) else value)
    return ""
