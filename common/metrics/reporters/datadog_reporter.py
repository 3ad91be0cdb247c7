"""Sends the metrics to Datadog over its HTTP interface for series.

Counters are sent as what came since the last report that arrived, which is what Datadog's counts are. The variables of
the scope are tags.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.http_request import send
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue

__all__ = ["DatadogHttpReporter"]

_SITES: Final = {"US": "https://app.datadoghq.com", "EU": "https://app.datadoghq.eu"}
_SERIES: Final = "/api/v1/series"
_TIMEOUT_SECONDS: Final = 10.0

_Key = tuple[str, tuple[str, ...]]


class DatadogHttpReporter:
    """Has Flink's parameters, and ``url`` for Datadog's other sites or an agent of one's own."""

    reports_at_close = True

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:
        settings.check_parameters(
            (
                "apikey",
                "proxyHost",
                "proxyPort",
                "dataCenter",
                "tags",
                "maxMetricsPerRequest",
                "useLogicalIdentifier",
                "url",
            )
        )
        self._api_key = settings.required("apikey", "the key that Datadog shows under API Keys")
        center = settings.text("dataCenter", "US").upper()
        if center not in _SITES:
            raise settings.wrong("dataCenter", f"expected {' or '.join(_SITES)}; for other sites set url")
        url = settings.text("url", _SITES[center]).rstrip("/")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise settings.wrong("url", "expected a URL such as https://api.us5.datadoghq.com")
        self._url = url + _SERIES
        proxy = settings.text("proxyHost", "")
        self._proxy = f"http://{proxy}:{settings.port('proxyPort', 8080)}" if proxy else None
        self._tags = [tag.strip() for tag in settings.text("tags", "").split(",") if tag.strip()]
        self._most = settings.whole_number("maxMetricsPerRequest", 2000, 1)
        self._by_logical_scope = settings.truth("useLogicalIdentifier", False)
        self._interval_seconds = max(round(settings.interval.total_seconds()), 1)
        self._delimiter = settings.delimiter(formats)
        self._counts: dict[_Key, int] = {}

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:
        seconds = timestamp_ms // 1000
        current: dict[_Key, int] = {}
        entries = [entry for metric in metrics for entry in self._series(metric, seconds, current)]
        # Those of tasks that are no more are forgotten; one that comes anew counts from 0 again.
        self._counts = {key: count for key, count in self._counts.items() if key in current}
        for first in range(0, len(entries), self._most):
            sent = entries[first : first + self._most]
            body = json.dumps({"series": [entry for _, entry in sent]}).encode()
            headers = {"Content-Type": "application/json", "DD-API-KEY": self._api_key}
            send(self._url, body, headers, _TIMEOUT_SECONDS, proxy=self._proxy)
            # What did not arrive is a part of the next difference.
            self._counts.update({key: current[key] for key, _ in sent if key is not None})

    def close(self) -> None:
        """There is nothing to let go of."""

    def _series(
        self, metric: ReportedMetric, seconds: int, current: dict[_Key, int]
    ) -> Iterator[tuple[_Key | None, dict[str, object]]]:
        name = self._name(metric)
        tags = (*self._tags, *(f"{key}:{value}" for key, value in metric.labels.items()))
        host = metric.labels.get("host", "")
        value = metric.value
        if metric.kind == "counter" and isinstance(value, int):
            key = (name, tags)
            current[key] = value
            entry = _entry(name, "count", value - self._counts.get(key, 0), seconds, host, tags)
            yield key, {**entry, "interval": self._interval_seconds}
            return
        for suffix, number in _gauges(value):
            if math.isfinite(number):
                yield None, _entry(name + suffix, "gauge", number, seconds, host, tags)

    def _name(self, metric: ReportedMetric) -> str:
        if self._by_logical_scope:
            return ".".join(("flink", *metric.logical_scope, metric.name))
        return self._delimiter.join(metric.components)


def _entry(name: str, kind: str, number: float, seconds: int, host: str, tags: Sequence[str]) -> dict[str, object]:
    return {"metric": name, "type": kind, "host": host, "tags": list(tags), "points": [[seconds, number]]}


def _gauges(value: object) -> Iterator[tuple[str, float]]:
    if isinstance(value, HistogramValue):
        yield ".avg", value.mean
        yield ".count", value.count
        yield ".median", value.p50
        yield ".95percentile", value.p95
        yield ".min", value.minimum
        yield ".max", value.maximum
    elif isinstance(value, MeterValue):
        yield "", value.rate
    elif isinstance(value, bool):
        yield "", int(value)
    elif isinstance(value, (int, float)):
        yield "", value
