"""The carrier that reaches a cluster's Dispatcher by way of the REST interface, with the standard library alone."""

from __future__ import annotations

from millstream.common.rpc.http_carrier.connections import HttpAnswer, HttpConnections
from millstream.common.rpc.http_carrier.rest_address import RestAddress
from millstream.common.rpc.http_carrier.rpc_service import HttpRpcService
from millstream.common.rpc.http_carrier.tls import client_tls

__all__ = ["HttpAnswer", "HttpConnections", "HttpRpcService", "RestAddress", "client_tls"]
