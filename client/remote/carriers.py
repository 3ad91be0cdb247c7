"""Which way leads to a cluster's Dispatcher: the RPC port or the REST interface.

The configuration mostly says. Where one address is named for both (``-m host:port``), whoever listens there is asked.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from enum import Enum
from typing import Final

from millstream.client.remote.errors import ClusterUnreachableError, NoMasterThereError
from millstream.common.config import Configuration, JobManagerOptions, RestOptions, SecurityOptions
from millstream.common.rpc.http_carrier import RestAddress, client_tls

__all__ = ["Carrier", "configured_carrier", "find_carrier"]

_ANSWER_BYTES: Final = 65536
_TLS_SECONDS: Final = 2.0
_HTTP: Final = b"HTTP/1."
_REALM: Final = 'realm="Millstream"'
_UNTOLD: Final = (401, 403, 407, 500, 502, 503, 504)
"""What proxies answer, and servers that want a token: the first call will show what is behind."""


class Carrier(Enum):
    """How the Dispatcher is called."""

    RPC = "RPC"
    REST = "REST"


def configured_carrier(configuration: Configuration) -> Carrier | None:
    """Return the carrier that the configuration means; ``None``: the address is named for both.

    The RPC address counts, unless only that of the REST interface is set.
    """
    rest = RestAddress.of(configuration)
    if rest.port <= 0:
        return Carrier.RPC
    if configuration.contains(JobManagerOptions.ADDRESS) or configuration.contains(JobManagerOptions.PORT):
        rpc = configuration.get(JobManagerOptions.ADDRESS), configuration.get(JobManagerOptions.PORT)
        return None if rpc == (rest.host, rest.port) else Carrier.RPC
    if configuration.contains(RestOptions.ADDRESS) or configuration.contains(RestOptions.PORT):
        return Carrier.REST
    return Carrier.RPC


async def find_carrier(configuration: Configuration) -> Carrier:
    """Ask whoever listens at the address of the REST interface what it is.

    :raises ClusterUnreachableError: nobody is there.
    :raises NoMasterThereError: somebody else is.
    """
    address = RestAddress.of(configuration)
    seconds = configuration.get(RestOptions.CONNECTION_TIMEOUT).total_seconds()
    tls = client_tls(configuration)
    try:
        try:
            answer = await asyncio.wait_for(_ask(address, tls), seconds)
        except ssl.SSLCertVerificationError as error:
            raise NoMasterThereError(
                address.host_and_port,
                f"its certificate is not trusted ({SecurityOptions.REST_TRUSTSTORE.key}): {error.verify_message}",
            ) from error
        except ssl.SSLError:
            answer = await asyncio.wait_for(_ask(address, None), seconds)  # the RPC port knows no TLS
            if answer.startswith(_HTTP):
                raise NoMasterThereError(
                    address.host_and_port,
                    f"it does not speak TLS: name it as http://{address.host_and_port}, or set "
                    f"{SecurityOptions.REST_ENABLED.key}: false",
                ) from None
    except (asyncio.TimeoutError, TimeoutError) as error:
        reason = f"no answer within {seconds:g} s ({RestOptions.CONNECTION_TIMEOUT.key})"
        raise ClusterUnreachableError(address.host_and_port, reason) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ClusterUnreachableError(address.host_and_port, reason) from error
    if _is_grpc(answer):
        return Carrier.RPC
    if not answer.startswith(_HTTP):
        what = "it hangs up" if not answer else "it speaks neither HTTP nor Millstream's RPC"
        if tls is None and await _speaks_tls(address, min(seconds, _TLS_SECONDS)):
            what = (
                f"it speaks TLS: name it as https://{address.host_and_port}, or set {SecurityOptions.REST_ENABLED.key}"
            )
        raise NoMasterThereError(address.host_and_port, what)
    _check_http(address, answer)
    return Carrier.REST


async def _ask(address: RestAddress, tls: ssl.SSLContext | None) -> bytes:
    """Send a harmless request, without the token, and return what comes: all of an HTTP answer, else its beginning."""
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=tls, server_hostname=address.host if tls is not None else None
    )
    try:
        request = f"GET {address.path}/v1/config HTTP/1.1\r\nHost: {address.host_and_port}\r\n"
        writer.write(f"{request}Accept: application/json\r\nConnection: close\r\n\r\n".encode("ascii", "replace"))
        answer = b""
        while len(answer) < _ANSWER_BYTES and (not answer or answer.startswith(_HTTP)):
            try:
                part = await reader.read(_ANSWER_BYTES)
            except ConnectionError:
                break
            if not part:
                break
            answer += part
        return answer
    finally:
        writer.transport.abort()


def _is_grpc(answer: bytes) -> bool:
    """Whether it begins with the SETTINGS frame that each side of HTTP/2 begins with."""
    return len(answer) >= 9 and answer[0] == 0 and answer[3] == 4 and answer[5:9] == bytes(4)


def _check_http(address: RestAddress, answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if status in _UNTOLD or _REALM.encode() in head:
        return
    if status in (301, 302, 303, 307, 308):
        target = next(
            (line for line in head.decode("latin-1").splitlines() if line.lower().startswith("location:")), ""
        )
        raise NoMasterThereError(address.url, f"it is elsewhere ({target.strip()}): name that address")
    begin, end = body.find(b"{"), body.rfind(b"}")  # the body may come in chunks
    try:
        known = status == 200 and "millstream-version" in json.loads(body[begin : end + 1])
    except ValueError:
        known = False
    if not known:
        raise NoMasterThereError(address.url, f"it is a web server (status {status}), but of something else")


async def _speaks_tls(address: RestAddress, seconds: float) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address.host, address.port, ssl=context), seconds)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.transport.abort()
    return True
