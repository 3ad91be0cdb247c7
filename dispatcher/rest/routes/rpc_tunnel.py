"""``/millstream/rpc/<Method>``: the calls of the Dispatcher's gateway over HTTP.

With it a client of Millstream's own needs the REST port only: it submits jobs and fetches results as it does over gRPC,
but through proxies, with TLS and with a token, like any other client of the REST interface. The form is in
:mod:`millstream.common.rpc.http_tunnel`. It is as internal as the messages are, so the interface's description leaves
it out.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from google.protobuf.message import DecodeError

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.rpc.faults import Fault, fault_of
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.http_tunnel import CONTENT_TYPE, fault_headers
from millstream.common.rpc.methods import methods_of
from millstream.common.rpc.service import EndpointNotFoundError, RemoteCallError, RpcError, RpcTimeoutError
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError, NotFoundError
from millstream.dispatcher.rest.responses import error_response

__all__ = ["make_router"]

_METHODS: Final = {method.path.rpartition("/")[2]: method for method in methods_of(DispatcherGateway)}


def make_router(context: RestContext) -> APIRouter:
    """The route of the calls."""
    router = APIRouter()

    @router.post("/millstream/rpc/{name}", include_in_schema=False)
    async def call_dispatcher(name: str, http_request: Request) -> Response:
        """Pass the call on to the Dispatcher that leads."""
        method = _METHODS.get(name)
        if method is None:
            raise NotFoundError(f"The Dispatcher has no method {name}: do client and cluster run one version?")
        request = method.request_type()
        try:
            request.ParseFromString(await http_request.body())
        except DecodeError as error:
            raise BadRequestError(f"The body is not a {method.request_type.__name__}: {error}") from error
        try:
            response = await getattr(context.cluster.dispatcher, method.name)(request)
        except MillstreamError as error:
            return _failed(error)
        return Response(response.SerializeToString(), media_type=CONTENT_TYPE)

    return router


def _failed(error: MillstreamError) -> Response:
    if isinstance(error, NoLeaderError):
        status, fault = 503, fault_of(EndpointNotFoundError(str(error)), carrier=True)
    elif isinstance(error, RemoteCallError):
        status, fault = 500, Fault(carrier=False, error_type=error.exception_type, message=str(error))
    elif isinstance(error, RpcError):
        status, fault = 504 if isinstance(error, RpcTimeoutError) else 502, fault_of(error, carrier=True)
    else:
        status, fault = _status(error), fault_of(error)
    answer = error_response(status, fault.message)
    answer.headers.update(fault_headers(fault))
    return answer


def _status(error: MillstreamError) -> int:
    if isinstance(error, JobNotFoundError):
        return 404
    return 409 if isinstance(error, DuplicateJobError) else 400
