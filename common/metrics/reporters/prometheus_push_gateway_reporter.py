"""Pushes the metrics to a Prometheus PushGateway, for processes that Prometheus cannot reach."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from millstream.common.config.metric_options import MetricOptions
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.http_request import send
from millstream.common.metrics.reporters.prometheus_exposition import filtered, registry_of, unfiltered
from millstream.common.metrics.reporters.prometheus_reporter import FILTER_LABEL_VALUES
from millstream.common.metrics.scope_formats import ScopeFormats

__all__ = ["PrometheusPushGatewayReporter"]

_TIMEOUT_SECONDS: Final = 5.0


class PrometheusPushGatewayReporter:
    """Replaces the metrics of its group at each report, and removes the group when the process ends.

    Parameters: ``hostUrl``, ``jobName``, ``randomJobNameSuffix``, ``deleteOnShutdown``, ``groupingKey`` and
    ``filterLabelValueCharacters``.
    """

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:  # labels, no formats
        settings.check_parameters(
            ("hostUrl", "jobName", "randomJobNameSuffix", "deleteOnShutdown", "groupingKey", FILTER_LABEL_VALUES)
        )
        self._url = settings.required("hostUrl", "http://localhost:9091")
        if urlsplit(self._url).scheme not in ("http", "https") or not urlsplit(self._url).hostname:
            raise settings.wrong("hostUrl", "expected a URL such as http://localhost:9091")
        # Several processes with one configuration must not replace each other's metrics.
        suffix = secrets.token_hex(16) if settings.truth("randomJobNameSuffix", True) else ""
        self._job = settings.text("jobName", "") + suffix
        if not self._job:
            raise settings.wrong("jobName", "expected a name, or randomJobNameSuffix: true")
        self._delete = settings.truth("deleteOnShutdown", True)
        self._grouping_key = _grouping_key(settings)
        default = MetricOptions.PROMETHEUS_FILTER_LABEL_VALUES.default
        self._label_value = filtered if settings.truth(FILTER_LABEL_VALUES, default) else unfiltered
        self.reports_at_close = not self._delete

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:  # the gateway's own
        from prometheus_client import push_to_gateway

        registry = registry_of(metrics, self._label_value)
        push_to_gateway(self._url, self._job, registry, self._grouping_key, _TIMEOUT_SECONDS, _request)

    def close(self) -> None:
        from prometheus_client import delete_from_gateway

        if self._delete:
            delete_from_gateway(self._url, self._job, self._grouping_key, _TIMEOUT_SECONDS, _request)


def _request(
    url: str, method: str, timeout: float | None, headers: Sequence[tuple[str, str]], data: bytes
) -> Callable[[], None]:
    """What prometheus_client calls to reach the gateway; its own handler tells of a refusal without the reason."""
    return partial(send, url, data, dict(headers), timeout or _TIMEOUT_SECONDS, method=method)


def _grouping_key(settings: ReporterSettings) -> dict[str, str]:
    """Labels of the group: ``k1=v1;k2=v2``."""
    labels: dict[str, str] = {}
    for item in settings.text("groupingKey", "").split(";"):
        if item.strip():
            name, equals, value = (part.strip() for part in item.partition("="))
            if not name or not equals or not value:
                raise settings.wrong("groupingKey", "expected k1=v1;k2=v2")
            labels[name] = value
    return labels
