"""Metrics as Prometheus knows them: families of samples with labels, under the names that Flink gives them.

``flink_`` + logical scope + groups + name, joined by underscores; counters and meters are gauges, histograms are
summaries without a sum. What cannot be told without breaking the text format (two metrics whose names only differ in
characters that Prometheus has not, and are of different types) is left out: the first wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

__all__ = ["families", "filtered", "registry_of", "unfiltered"]

_PREFIX: Final = "flink"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9:_]")
_NOT_IN_LABELS: Final = re.compile(r"[^a-zA-Z0-9_]")
_QUANTILE: Final = "quantile"
_QUANTILES: Final = {
    "0.5": "p50",
    "0.75": "p75",
    "0.95": "p95",
    "0.98": "p98",
    "0.99": "p99",
    "0.999": "p999",
}


def filtered(value: str) -> str:
    """A label's value in which every character that is no letter, digit, colon or underscore is an underscore."""
    return _NOT_IN_NAMES.sub("_", value)


def unfiltered(value: str) -> str:
    """A label's value as it is, but for what UTF-8 cannot say."""
    return value.encode("utf-8", "replace").decode("utf-8")


def families(metrics: Sequence[ReportedMetric], label_value: Callable[[str], str]) -> list[Metric]:
    """The metrics as families, each with its samples; of samples with the same labels the last counts.

    :param label_value: makes the values of labels fit.
    """
    made: dict[str, _Family] = {}
    names_taken: set[str] = set()
    # The metrics of a scope share one map of labels, which is made fit once.
    fitting: dict[tuple[int, str], _Labels] = {}
    for metric in metrics:
        name = _NOT_IN_NAMES.sub("_", "_".join((_PREFIX, *metric.logical_scope, metric.name)))
        kind = "summary" if isinstance(metric.value, HistogramValue) else "gauge"
        family = made.get(name)
        if family is None:
            own_names = {name, f"{name}_count"} if kind == "summary" else {name}
            if own_names & names_taken:
                continue
            names_taken |= own_names
            family = made[name] = _Family(name, kind, _help(metric))
        if family.kind == kind:
            key = id(metric.labels), kind
            labels = fitting.get(key)
            if labels is None:
                labels = fitting[key] = _Labels.fit(metric.labels, label_value, kind)
            family.add(metric, labels)
    return [family.build() for family in made.values()]


def registry_of(metrics: Sequence[ReportedMetric], label_value: Callable[[str], str]) -> CollectorRegistry:
    """A registry that holds these metrics, for the functions of prometheus_client."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

    class Collected(Collector):
        def collect(self) -> Iterable[Metric]:
            return made

    made = families(metrics, label_value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return registry


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels as Prometheus takes them.

    :ivar key: the same for the same labels.
    """

    values: dict[str, str]
    key: tuple[tuple[str, str], ...]

    @staticmethod
    def fit(labels: Mapping[str, str], label_value: Callable[[str], str], kind: str) -> _Labels:
        made: dict[str, str] = {}
        for name, value in labels.items():
            fitting = _NOT_IN_LABELS.sub("_", name) or "_"
            if fitting[0].isdigit() or fitting.startswith("__"):
                # Names with two underscores in front are Prometheus' own.
                fitting = "_" + fitting.lstrip("_")
            if kind == "summary" and fitting == _QUANTILE:
                fitting = f"{_QUANTILE}_"
            made[fitting] = label_value(value)
        return _Labels(made, tuple(sorted(made.items())))


class _Family:
    """Samples of one name, by their labels."""

    __slots__ = ("_help", "_name", "_samples", "kind")

    def __init__(self, name: str, kind: str, help_text: str) -> None:
        self._name = name
        self.kind = kind
        self._help = help_text
        self._samples: dict[tuple[tuple[str, str], ...], tuple[dict[str, str], ReportedMetric]] = {}

    def add(self, metric: ReportedMetric, labels: _Labels) -> None:
        self._samples[labels.key] = labels.values, metric

    def build(self) -> Metric:
        from prometheus_client.core import Metric

        family = Metric(self._name, self._help, self.kind)
        for labels, metric in self._samples.values():
            value = metric.value
            if isinstance(value, HistogramValue):
                for fraction, field in _QUANTILES.items():
                    family.add_sample(self._name, {**labels, _QUANTILE: fraction}, getattr(value, field))
                family.add_sample(f"{self._name}_count", labels, value.count)
            else:
                family.add_sample(self._name, labels, _number(value))
        return family


def _number(value: float | bool | str | MeterValue) -> float:
    if isinstance(value, MeterValue):
        return value.rate
    return 0.0 if isinstance(value, str) else float(value)


def _help(metric: ReportedMetric) -> str:
    scope = _NOT_IN_NAMES.sub("_", "_".join(metric.logical_scope))
    return unfiltered(f"{metric.name} (scope: {scope})")
