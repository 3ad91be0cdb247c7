"""The methods of a gateway, read from its protobuf service.

The services of ``proto/`` are the only description of what can be called: no stub code is generated for them. Both
carriers walk the service's descriptor, find the gateway's coroutine for each method and move messages of the types
that it names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from millstream.common.wire import cluster_pb2

__all__ = ["Handler", "RpcMethod", "method_at", "methods_of"]

Handler: TypeAlias = Callable[[Message], Awaitable[Message]]
"""A coroutine function of a gateway's implementation."""

_PACKAGE = cluster_pb2.DESCRIPTOR.package
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class RpcMethod:
    """One method of a service.

    :ivar gateway: name of the service and of the gateway class.
    :ivar name: name of the gateway's coroutine, ``submit_job``.
    :ivar path: the method's path in gRPC, ``/millstream.wire.DispatcherGateway/SubmitJob``.
    """

    gateway: str
    name: str
    path: str
    request_type: type[Message]
    response_type: type[Message]

    def __str__(self) -> str:
        return f"{self.gateway}.{self.name}"


def methods_of(gateway: type[Any]) -> tuple[RpcMethod, ...]:
    """Return the methods of the service that is named as the class ``gateway``.

    :raises TypeError: there is no such service.
    """
    full_name = f"{_PACKAGE}.{gateway.__name__}"
    try:
        service = descriptor_pool.Default().FindServiceByName(full_name)
    except KeyError:
        raise TypeError(
            f"{gateway.__qualname__} is not a gateway: no proto file of Millstream has a service {full_name}"
        ) from None
    return _methods_of_service(service)


@functools.cache
def _methods_of_service(service: ServiceDescriptor) -> tuple[RpcMethod, ...]:
    return tuple(
        RpcMethod(
            gateway=service.name,
            name=_WORD.sub("_", method.name).lower(),
            path=f"/{service.full_name}/{method.name}",
            request_type=message_factory.GetMessageClass(method.input_type),
            response_type=message_factory.GetMessageClass(method.output_type),
        )
        for method in service.methods
    )


@functools.cache
def method_at(path: str) -> RpcMethod | None:
    """Return the method with this path, ``/millstream.wire.DispatcherGateway/SubmitJob``; ``None``: there is none."""
    service, _, _ = path.removeprefix("/").rpartition("/")
    try:
        descriptor = descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        return None
    return next((method for method in _methods_of_service(descriptor) if method.path == path), None)
