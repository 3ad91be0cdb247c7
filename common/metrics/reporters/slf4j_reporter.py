"""Writes the metrics into the log: the reporter for those who collect logs and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue

__all__ = ["Slf4jReporter"]

_logger = logging.getLogger(__name__)

_SECTIONS: Final = {"counter": "Counters", "gauge": "Gauges", "meter": "Meters", "histogram": "Histograms"}
_RULE: Final = 80


class Slf4jReporter:
    """One record at level INFO for each report, a line for each metric, sorted by kind and identifier."""

    reports_at_close = True

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:
        settings.check_parameters(())
        self._delimiter = settings.delimiter(formats)

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:
        lines: dict[str, list[str]] = {kind: [] for kind in _SECTIONS}
        for metric in metrics:
            lines[metric.kind].append(f"{_printable(self._delimiter.join(metric.components))}: {_shown(metric)}")
        text: list[str] = [" Metrics report ".center(_RULE, "=")]
        for kind, heading in _SECTIONS.items():
            if lines[kind]:
                text += ["", f"-- {heading} ".ljust(_RULE, "-"), *sorted(lines[kind])]
        text += ["", " End of metrics report ".center(_RULE, "=")]
        _logger.info("%s", "\n".join(text))

    def close(self) -> None:
        """There is nothing to let go of."""


def _shown(metric: ReportedMetric) -> str:
    value = metric.value
    if isinstance(value, MeterValue):
        return str(value.rate)
    if isinstance(value, HistogramValue):
        figures = {
            "count": value.count,
            "min": value.minimum,
            "max": value.maximum,
            "mean": value.mean,
            "stddev": value.standard_deviation,
            "p50": value.p50,
            "p75": value.p75,
            "p95": value.p95,
            "p98": value.p98,
            "p99": value.p99,
            "p999": value.p999,
        }
        return ", ".join(f"{name}={figure}" for name, figure in figures.items())
    return _printable(str(value).lower() if isinstance(value, bool) else str(value))


def _printable(text: str) -> str:
    """The text on one line."""
    return text if text.isprintable() else "".join(mark if mark.isprintable() else " " for mark in text)
