"""Sends the metrics to an OpenTelemetry collector: OTLP over HTTP, protobuf bodies.

The messages are OpenTelemetry's own, from the optional library ``opentelemetry-proto``. Its SDK is not used: it would
count anew what is counted already, and it has no summaries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from millstream.common.errors import ConfigurationError
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.http_request import send
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.version import VERSION
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

__all__ = ["OpenTelemetryReporter"]

_PATH: Final = "/v1/metrics"
_TIMEOUT: Final = timedelta(seconds=10)
_NANOSECONDS: Final = 1_000_000
_QUANTILES: Final = {0.5: "p50", 0.75: "p75", 0.95: "p95", 0.98: "p98", 0.99: "p99", 0.999: "p999"}


class OpenTelemetryReporter:
    """Has the parameters ``exporter.endpoint``, ``exporter.timeout``, ``service.name`` and ``service.version``."""

    reports_at_close = True

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:  # logical names
        settings.check_parameters(
            ("exporter.endpoint", "exporter.protocol", "exporter.timeout", "service.name", "service.version")
        )
        _require_library(settings)
        if settings.text("exporter.protocol", "http").lower() != "http":
            raise settings.wrong("exporter.protocol", "expected http, which every collector speaks on port 4318")
        endpoint = settings.required("exporter.endpoint", "http://localhost:4318")
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise settings.wrong("exporter.endpoint", "expected a URL such as http://localhost:4318")
        self._url = endpoint if parts.path.strip("/") else endpoint.rstrip("/") + _PATH
        self._timeout = settings.duration("exporter.timeout", _TIMEOUT).total_seconds()
        self._resource = {"service.name": settings.text("service.name", "millstream")}
        version = settings.text("service.version", "")
        if version:
            self._resource["service.version"] = version
        self._since_ns = 0

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
        from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
        from opentelemetry.proto.resource.v1.resource_pb2 import Resource

        now_ns = timestamp_ms * _NANOSECONDS
        self._since_ns = self._since_ns or now_ns
        of_scope = ScopeMetrics(
            scope=InstrumentationScope(name="millstream", version=VERSION),
            metrics=[made for metric in metrics for made in self._metrics(metric, now_ns)],
        )
        resource = Resource(attributes=_attributes(self._resource))
        request = ExportMetricsServiceRequest(
            resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[of_scope])]
        )
        headers = {"Content-Type": "application/x-protobuf"}
        send(self._url, request.SerializeToString(), headers, self._timeout)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _metrics(self, metric: ReportedMetric, now_ns: int) -> Iterator[Metric]:
        name = ".".join(("flink", *metric.logical_scope, metric.name))
        value = metric.value
        labels = metric.labels
        if isinstance(value, HistogramValue):
            yield self._summary(name, value, _attributes(labels), now_ns)
        elif isinstance(value, MeterValue):
            yield self._sum(f"{name}.count", value.count, _attributes(labels), now_ns)
            yield _gauge(f"{name}.rate", value.rate, _attributes(labels), now_ns)
        elif isinstance(value, str):
            return
        elif metric.kind == "counter":
            yield self._sum(name, int(value), _attributes(labels), now_ns)
        else:
            yield _gauge(name, value, _attributes(labels), now_ns)

    def _sum(self, name: str, count: int, attributes: list[KeyValue], now_ns: int) -> Metric:
        from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, NumberDataPoint, Sum

        point = NumberDataPoint(
            as_int=count, attributes=attributes, start_time_unix_nano=self._since_ns, time_unix_nano=now_ns
        )
        # Counters may go down again.
        temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        return Metric(name=name, sum=Sum(data_points=[point], aggregation_temporality=temporality, is_monotonic=False))

    def _summary(self, name: str, value: HistogramValue, attributes: list[KeyValue], now_ns: int) -> Metric:
        from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, Summary, SummaryDataPoint

        quantiles = {0.0: value.minimum, **{q: getattr(value, field) for q, field in _QUANTILES.items()}}
        quantiles[1.0] = value.maximum
        point = SummaryDataPoint(
            attributes=attributes,
            start_time_unix_nano=self._since_ns,
            time_unix_nano=now_ns,
            count=max(value.count, 0),
            sum=value.mean * value.count if math.isfinite(value.mean) else 0.0,
            quantile_values=[
                SummaryDataPoint.ValueAtQuantile(quantile=quantile, value=number)
                for quantile, number in quantiles.items()
                if math.isfinite(number)
            ],
        )
        return Metric(name=name, summary=Summary(data_points=[point]))


def _gauge(name: str, value: float, attributes: list[KeyValue], now_ns: int) -> Metric:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint

    if isinstance(value, float):
        point = NumberDataPoint(as_double=value, attributes=attributes, time_unix_nano=now_ns)
    else:
        point = NumberDataPoint(as_int=int(value), attributes=attributes, time_unix_nano=now_ns)
    return Metric(name=name, gauge=Gauge(data_points=[point]))


def _attributes(labels: Mapping[str, str]) -> list[KeyValue]:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels.items()]


def _require_library(settings: ReporterSettings) -> None:
    try:
        import opentelemetry.proto.metrics.v1.metrics_pb2  # noqa: F401  # only to see that it is there
    except ImportError as error:
        raise ConfigurationError(
            f"The reporter {settings.name!r} needs the library opentelemetry-proto: "
            "pip install 'millstream[opentelemetry]'"
        ) from error
