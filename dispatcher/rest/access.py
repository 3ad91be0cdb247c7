"""Who may call: what stands before every route, static files included.

- A token, where one is configured: as bearer, or as the password of HTTP basic, so that a browser asks its user.
- Pages of other origins may not change anything, and may not read anything unless they are allowed to: a browser would
  let them call a server that only this machine reaches.
- A server on the loopback interface answers only to its own names: else a page could have its own host's name resolved
  to this machine, and so become the same origin.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from millstream.common.config import Configuration, RestOptions, WebOptions
from millstream.common.rpc.loopback import is_loopback
from millstream.dispatcher.rest.responses import error_response

__all__ = ["AccessGuard", "AccessRules"]

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANGING_PATHS: Final = ("/yarn-cancel", "/yarn-stop")
"""Ends of paths that are read with GET and change something all the same."""
_ANY_ORIGIN: Final = "*"
_PREFLIGHT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Who may call.

    :ivar token: what clients must show; ``None``: nothing.
    :ivar origins: of pages that may call; ``*`` among them: all.
    :ivar hosts: names that requests may be addressed to, besides numeric addresses; ``None``: any.
    """

    token: str | None
    origins: frozenset[str]
    hosts: frozenset[str] | None

    @staticmethod
    def of(configuration: Configuration) -> AccessRules:
        """Return the rules that are configured."""
        listed = configuration.get(WebOptions.ACCESS_CONTROL_ALLOW_ORIGIN).split(",")
        bind_address = configuration.get(RestOptions.BIND_ADDRESS)
        hosts: frozenset[str] | None = None
        if is_loopback(bind_address):
            names = ("localhost", bind_address, configuration.get(RestOptions.ADDRESS) or "localhost")
            hosts = frozenset(name.lower() for name in names)
        return AccessRules(
            token=configuration.get(RestOptions.AUTHENTICATION_TOKEN) or None,
            origins=frozenset(origin.strip().rstrip("/").lower() for origin in listed if origin.strip()),
            hosts=hosts,
        )


class AccessGuard:
    """Middleware that refuses who may not call, and tells browsers which pages may.

    :param url_prefix: is taken off the paths of requests; empty, or ``/foo``.
    :param open_paths: may be read without a token: they hold nothing of the cluster.
    """

    def __init__(self, application: ASGIApp, rules: AccessRules, url_prefix: str, open_paths: Collection[str]) -> None:
        self._application = application
        self._rules = rules
        self._url_prefix = url_prefix
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._url_prefix and scope["path"].startswith(f"{self._url_prefix}/"):
            scope = {**scope, "path": scope["path"][len(self._url_prefix) :]}
        headers = Headers(scope=scope)
        allowed = self._allowed_origin(headers)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and self._rules.origins:
                answer = MutableHeaders(scope=message)
                if allowed:
                    answer["access-control-allow-origin"] = allowed
                if _ANY_ORIGIN not in self._rules.origins:
                    answer.add_vary_header("Origin")
            await send(message)

        answer = self._refusal(scope, headers, allowed)
        if answer is not None:
            await answer(scope, receive, marked)
        else:
            await self._application(scope, receive, marked)

    def _refusal(self, scope: Scope, headers: Headers, allowed: str) -> Response | None:
        """The answer to a request that must not come further."""
        rules = self._rules
        host = headers.get("host", "")
        if rules.hosts is not None and host and not _is_known(host, rules.hosts):
            return error_response(
                403,
                f"This server is not called {_name(host)!r}: it answers to {', '.join(sorted(rules.hosts))} "
                f"({RestOptions.ADDRESS.key} adds a name).",
            )
        method: str = scope["method"]
        if allowed and method == "OPTIONS" and "access-control-request-method" in headers:
            return _preflight()
        is_open = method == "GET" and scope["path"] in self._open_paths
        if rules.token is not None and not is_open and not _shows(headers, rules.token):
            return _unauthorized(headers)
        changes = method not in _READING or scope["path"].endswith(_CHANGING_PATHS)
        if changes and not allowed and _is_from_elsewhere(headers):
            return error_response(
                403,
                f"Pages of {headers.get('origin') or 'other sites'} may not change anything here "
                f"({WebOptions.ACCESS_CONTROL_ALLOW_ORIGIN.key}).",
            )
        return None

    def _allowed_origin(self, headers: Headers) -> str:
        """What to tell the browser of the page's origin; empty if it is not allowed, or there is none to tell."""
        if _ANY_ORIGIN in self._rules.origins:
            return _ANY_ORIGIN
        origin = headers.get("origin", "")
        return origin if origin.lower() in self._rules.origins else ""


def _unauthorized(headers: Headers) -> Response:
    answer = error_response(401, f"Show the token of this cluster ({RestOptions.AUTHENTICATION_TOKEN.key}).")
    answer.headers.append("www-authenticate", 'Bearer realm="Millstream"')
    if headers.get("sec-fetch-mode", "navigate") == "navigate":  # else a browser would ask over the page's own field
        answer.headers.append("www-authenticate", 'Basic realm="Millstream", charset="UTF-8"')
    return answer


def _preflight() -> Response:
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
            "access-control-allow-headers": "Authorization, Content-Type",
            "access-control-max-age": str(_PREFLIGHT_SECONDS),
        },
    )


def _shows(headers: Headers, token: str) -> bool:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "basic":
        try:
            _, _, credentials = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(credentials.encode(), token.encode())


def _is_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser sends this for a page that this server has not served. Other clients send none of these."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    netloc = origin.rpartition("/")[2].lower()
    return netloc not in (headers.get("host", "").lower(), headers.get("x-forwarded-host", "").lower()) or not netloc


def _name(host: str) -> str:
    """The name of a ``Host`` header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_known(host: str, hosts: frozenset[str]) -> bool:
    name = _name(host)
    if name in hosts:
        return True
    try:
        ip_address(name)  # no name, so nobody can have it resolved to something else
    except ValueError:
        return False
    return True
