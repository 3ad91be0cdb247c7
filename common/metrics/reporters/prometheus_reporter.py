"""Serves the metrics to Prometheus: on every path, as text, read afresh at each scrape."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from millstream.common.config.metric_options import MetricOptions
from millstream.common.http import HttpServer
from millstream.common.metrics.complaints import Complaints
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.prometheus_exposition import filtered, registry_of, unfiltered
from millstream.common.metrics.reporters.reporter import Collect

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["FILTER_LABEL_VALUES", "PrometheusReporter"]

_logger = logging.getLogger(__name__)

FILTER_LABEL_VALUES: Final = MetricOptions.PROMETHEUS_FILTER_LABEL_VALUES.key.rpartition(".")[2]
"""The parameter that says whether unusual characters in the values of labels are replaced."""

_CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_PORT: Final = "9249"
# Prometheus itself waits ten seconds unless told otherwise.
_COLLECT_SECONDS: Final = 8.0


class PrometheusReporter:
    """An HTTP server for scrapes, with the parameters ``port``, ``host`` and ``filterLabelValueCharacters``.

    :param collect: gives the metrics at a scrape.
    :param bind_host: the interface to listen on, unless the parameter ``host`` names another.
    """

    def __init__(self, settings: ReporterSettings, collect: Collect, bind_host: str) -> None:
        settings.check_parameters(("port", "host", FILTER_LABEL_VALUES))
        default = MetricOptions.PROMETHEUS_FILTER_LABEL_VALUES.default
        self._label_value = filtered if settings.truth(FILTER_LABEL_VALUES, default) else unfiltered
        self._name = settings.name
        self._collect = collect
        self._complaints = Complaints(settings.name)
        self._server = HttpServer(
            _Scrapes(self._answer),
            settings.text("host", bind_host),
            settings.ports("port", _PORT),
            settings.key("port"),
        )

    @property
    def url(self) -> str:
        """Where Prometheus finds the metrics."""
        return self._server.url

    async def start(self) -> None:
        await self._server.start()
        _logger.info("The reporter %s gives metrics to Prometheus at %s.", self._name, self.url)

    async def close(self) -> None:
        await self._server.close()

    async def _answer(self, scope: Scope, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 405, b"Metrics can only be read: use GET.\n", (b"allow", b"GET, HEAD"))
            return
        try:
            metrics = await asyncio.wait_for(self._collect(), _COLLECT_SECONDS)
            body = await asyncio.to_thread(self._render, metrics)
        except (TimeoutError, asyncio.TimeoutError):
            await _respond(send, 503, f"The metrics were not there within {_COLLECT_SECONDS:g} s.\n".encode())
        except Exception as error:  # noqa: BLE001  # whatever it is must not end the connection without an answer
            self._complaints.add("answer a scrape", error)
            await _respond(send, 503, b"The metrics cannot be had at present; the log says why.\n")
        else:
            await _respond(send, 200, body)

    def _render(self, metrics: Sequence[ReportedMetric]) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(registry_of(metrics, self._label_value))


class _Scrapes:
    """The application as uvicorn tells one: an object with an asynchronous ``__call__``."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[Scope, Send], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose body nobody reads."""
        await self._answer(scope, send)


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", _CONTENT_TYPE), length, *headers]})
    await send({"type": "http.response.body", "body": body})
