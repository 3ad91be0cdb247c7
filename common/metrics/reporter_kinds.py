"""The reporters there are, by the names that configurations give them.

Each module is imported only where its reporter is configured.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import Final, TypeAlias

from millstream.common.errors import ConfigurationError
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.reporter import PushReporter
from millstream.common.metrics.scope_formats import ScopeFormats

__all__ = ["JMX", "PROMETHEUS", "make_push_reporter", "reporter_kind"]

PROMETHEUS: Final = "prometheus"
JMX: Final = "jmx"

_PUSHING: Final = {
    "prometheus_push_gateway": "PrometheusPushGatewayReporter",
    "statsd": "StatsDReporter",
    "graphite": "GraphiteReporter",
    "datadog": "DatadogHttpReporter",
    "slf4j": "Slf4jReporter",
    "opentelemetry": "OpenTelemetryReporter",
}

# The last word of Flink's classes; the older ones are without "Factory".
_FLINK_CLASSES: Final = {
    "PrometheusReporter": PROMETHEUS,
    "PrometheusPushGatewayReporter": "prometheus_push_gateway",
    "StatsDReporter": "statsd",
    "GraphiteReporter": "graphite",
    "DatadogHttpReporter": "datadog",
    "Slf4jReporter": "slf4j",
    "OpenTelemetryMetricReporter": "opentelemetry",
    "JMXReporter": JMX,
}

_Factory: TypeAlias = Callable[[ReporterSettings, ScopeFormats], PushReporter]


def reporter_kind(settings: ReporterSettings) -> str:
    """What kind of reporter is configured: a word such as ``prometheus``.

    :raises ConfigurationError: none that there is.
    """
    given = settings.factory_class
    known = _FLINK_CLASSES.get(given.rpartition(".")[2].removesuffix("Factory"))
    if known is not None:
        return known
    word = given.lower().replace("-", "_")
    words = (PROMETHEUS, JMX, *_PUSHING)
    if word in words:
        return word
    near = difflib.get_close_matches(word, words, n=1)
    mend = (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(words))}, and Flink's classes of these."
    )
    raise ConfigurationError(f"{settings.key('factory.class')}: there is no reporter {given!r}; {mend}")


def make_push_reporter(kind: str, settings: ReporterSettings, formats: ScopeFormats) -> PushReporter:
    """A reporter that pushes.

    :raises ConfigurationError: its settings are wrong, or a library that it needs is missing.
    """
    module = import_module(f"millstream.common.metrics.reporters.{kind}_reporter")
    factory: _Factory = getattr(module, _PUSHING[kind])
    return factory(settings, formats)
