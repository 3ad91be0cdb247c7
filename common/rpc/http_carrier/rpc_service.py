"""The RPC service of a client that reaches a cluster's Dispatcher by its REST interface.

It only calls: clients serve nothing. The form of calls is in :mod:`millstream.common.rpc.http_tunnel`; the errors are
those of the gRPC carrier. Whoever leads is found by the REST server, so there are no fencing tokens here. Once the
interface has answered, a connection that breaks is tried again (``rest.retry.*``), and a cluster that has no leader for
a while is waited for (``rest.await-leader-timeout``); before that nobody may be there at all, which is told at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final, NoReturn, TypeVar

from google.protobuf.message import DecodeError, Message

from millstream.common.config import Configuration, RestOptions, RpcOptions
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.faults import check_size, raised_from, timed_out, unavailable
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.http_carrier.connections import (
    AnswerLostError,
    AnswerTooLargeError,
    HttpAnswer,
    HttpConnections,
    NotConnectedError,
)
from millstream.common.rpc.http_carrier.rest_address import RestAddress
from millstream.common.rpc.http_carrier.tls import client_tls
from millstream.common.rpc.http_tunnel import CONTENT_TYPE, PATH, error_text, read_fault
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    MessageTooLargeError,
    RpcError,
    RpcUnavailableError,
)
from millstream.common.rpc.stub import make_stub

__all__ = ["HttpRpcService"]

G = TypeVar("G")

_NOT_TWICE: Final = frozenset({"submit_job", "send_operator_request", "dispose_savepoint", "shut_down_cluster"})
"""What may have been done is not asked for again. The other calls only ask, or bear an id that tells a repetition."""
_LEADER_POLL_SECONDS: Final = 0.5


class _NotSentError(RpcUnavailableError):
    """Nothing was sent, so it can be sent again whatever it is."""


class HttpRpcService:
    """An :class:`~millstream.common.rpc.service.RpcService` that reaches the Dispatcher at one address.

    :param configuration: says where the REST interface is, and how to speak to it (``rest.*``,
        ``security.ssl.rest.*``).
    :raises ConfigurationError: the files for TLS are not what they should be.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._rest = RestAddress.of(configuration)
        self._token = configuration.get(RestOptions.AUTHENTICATION_TOKEN)
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._max_message_bytes = configuration.get(RpcOptions.FRAMESIZE)
        self._attempts = configuration.get(RestOptions.RETRY_MAX_ATTEMPTS)
        self._pause = configuration.get(RestOptions.RETRY_DELAY).total_seconds()
        self._await_leader = configuration.get(RestOptions.AWAIT_LEADER_TIMEOUT).total_seconds()
        self._connections = HttpConnections(
            self._rest,
            client_tls(configuration),
            configuration.get(RestOptions.CONNECTION_TIMEOUT).total_seconds(),
            configuration.get(RestOptions.CLIENT_MAX_CONTENT_LENGTH),
        )
        self._answered = False

    def __repr__(self) -> str:
        return f"<HttpRpcService {self.address}>"

    @property
    def address(self) -> str:
        """The URL of the REST interface, which is what to connect to."""
        return self._rest.url

    async def start(self) -> None:
        """There is nothing to serve."""

    def register(
        self, gateway: type[G], endpoint: str, implementation: G, fencing_token: LeaderSessionId | None
    ) -> NoReturn:
        """A client serves nothing."""
        raise NotImplementedError(f"{self!r} only calls: it cannot serve {endpoint!r}")

    def unregister(self, endpoint: str) -> None:
        """Nothing is served."""

    def explain_missing(self, explain: Callable[[str], str] | None) -> None:
        """Nothing is served, so nobody asks."""

    def connect(
        self,
        gateway: type[G],
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None = None,
        timeout: timedelta | None = None,
    ) -> G:
        """See :meth:`~millstream.common.rpc.service.RpcService.connect`. Only the Dispatcher can be reached."""
        if gateway is not DispatcherGateway:
            raise NotImplementedError(f"{gateway.__name__} cannot be reached through the REST interface")
        return make_stub(self._call, gateway, address, endpoint, fencing_token, timeout or self._ask_timeout)

    async def leader_session_id(self, address: str, endpoint: str) -> LeaderSessionId:
        """The REST server knows who leads; nobody else needs to."""
        return LeaderSessionId("")

    def watch_connection(self, address: str, on_lost: Callable[[str], None]) -> NoReturn:
        """There is no lasting connection."""
        raise NotImplementedError(f"{self!r} has no connection to watch")

    async def close(self) -> None:
        """Break off running calls, close all connections. May be called twice."""
        self._connections.close()

    async def _call(
        self,
        method: RpcMethod,
        address: str,
        endpoint: str,
        fencing_token: LeaderSessionId | None,
        timeout_s: float,
        request: Message,
    ) -> Message:
        payload = check_size(request.SerializeToString(), self._max_message_bytes, "the request")
        loop = asyncio.get_running_loop()
        begun = loop.time()
        tries = 0
        while True:
            left = begun + timeout_s - loop.time()
            try:
                return await self._try(method, left, payload)
            except EndpointNotFoundError:
                pause = _LEADER_POLL_SECONDS
                if loop.time() + pause > begun + min(self._await_leader, timeout_s):
                    raise
            except RpcUnavailableError as error:
                tries, pause = tries + 1, self._pause
                again = self._answered and (isinstance(error, _NotSentError) or method.name not in _NOT_TWICE)
                if not again or tries > self._attempts or left <= pause:
                    raise
            await asyncio.sleep(pause)

    async def _try(self, method: RpcMethod, timeout_s: float, payload: bytes) -> Message:
        headers = {"content-type": CONTENT_TYPE, "accept": CONTENT_TYPE}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        path = PATH + method.path.rpartition("/")[2]
        try:
            answer = await self._connections.exchange("POST", path, payload, headers, max(timeout_s, 0.001))
        except NotConnectedError as error:
            raise _NotSentError(f"{method} at {self.address}: {error}") from error
        except AnswerLostError as error:
            raise unavailable(method, self.address, str(error)) from error
        except AnswerTooLargeError as error:
            raise MessageTooLargeError(f"{method} at {self.address}: {error}") from error
        except TimeoutError:
            raise timed_out(method, self.address, timeout_s) from None
        return self._read(method, answer)

    def _read(self, method: RpcMethod, answer: HttpAnswer) -> Message:
        fault = read_fault(answer.headers, answer.body)
        if fault is not None:
            self._answered = True
            raise raised_from(fault, method, self.address)
        if answer.status == 200 and answer.headers.get("content-type", "").startswith(CONTENT_TYPE):
            self._answered = True
            response = method.response_type()
            try:
                response.ParseFromString(answer.body)
            except DecodeError as error:
                raise RpcError(f"{method} at {self.address}: the answer is no {type(response).__name__}") from error
            return response
        raise self._refusal(method, answer)

    def _refusal(self, method: RpcMethod, answer: HttpAnswer) -> RpcError:
        """What an answer means that is not of the call."""
        where, told = f"{method} at {self.address}", error_text(answer.body)
        if answer.status in (401, 407):
            given = "is not the cluster's" if self._token else "is not set"
            return RpcError(f"{where}: access is refused: {RestOptions.AUTHENTICATION_TOKEN.key} {given}")
        if answer.status == 403:
            return RpcError(f"{where}: access is refused: {told}")
        if answer.status == 413:
            return MessageTooLargeError(
                f"{where}: the request is too large: {told} ({RestOptions.SERVER_MAX_CONTENT_LENGTH.key})"
            )
        if answer.status in (502, 503, 504):
            return unavailable(method, self.address, f"status {answer.status}: {told}")
        if answer.status in (301, 302, 303, 307, 308):
            return RpcError(f"{where}: it is elsewhere: {answer.headers.get('location')}. Name that address with -m")
        return RpcError(
            f"{where}: status {answer.status}: {told} Is this the REST interface of a Millstream cluster of the same "
            "version?"
        )
