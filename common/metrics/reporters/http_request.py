"""Sends a report to a collector over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["send"]

_SHOWN_CHARACTERS: Final = 200


def send(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_seconds: float,
    *,
    method: str = "POST",
    proxy: str | None = None,
) -> None:
    """Send a body.

    :param proxy: URL of the proxy to go through; that of the environment where it is ``None``.
    :raises OSError: it did not arrive, or the collector refused it; the message has the beginning of its answer.
    """
    opener = build_opener(ProxyHandler() if proxy is None else ProxyHandler({"http": proxy, "https": proxy}))
    try:
        with opener.open(Request(url, body, dict(headers), method=method), timeout=timeout_seconds) as response:
            response.read()
    except HTTPError as error:
        with error:
            answer = error.read(_SHOWN_CHARACTERS).decode("utf-8", "replace").strip()
        raise OSError(f"{url} answers {error.code} {error.reason}: {answer}") from None
