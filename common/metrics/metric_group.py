"""Named places for metrics, one within another.

A function asks its :class:`MetricGroup` for a metric by name, once in ``open``, and then only touches the metric
itself. Reports read the group when they are due (:mod:`~millstream.common.metrics.metric_dump`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from millstream.common.metrics.counter import Counter, CounterView
from millstream.common.metrics.distribution import Distribution
from millstream.common.metrics.gauge import Gauge, GaugeValue
from millstream.common.metrics.histogram import Histogram
from millstream.common.metrics.meter import Meter, MeterView
from millstream.common.metrics.metric import Metric

__all__ = ["MetricGroup"]

_logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Metric)


class MetricGroup:
    """A named place for metrics. Asking for a metric twice gives the same one.

    :param path: the components of the scope that stand before the names of its metrics.
    :param variables: what the scope's format may speak of, by name without angle brackets.
    :param delimiter: what parts the components of an identifier.
    """

    __slots__ = ("_broken", "_delimiter", "_groups", "_metrics", "_variables", "path")

    def __init__(
        self, path: tuple[str, ...] = (), variables: Mapping[str, str] | None = None, delimiter: str = "."
    ) -> None:
        self.path = path
        self._variables = dict(variables or {})
        self._delimiter = delimiter
        self._groups: dict[tuple[str, ...], MetricGroup] = {}
        self._metrics: dict[str, Metric] = {}
        self._broken: set[str] = set()

    def add_group(self, name: str, extra: str | None = None) -> MetricGroup:
        """Return the subgroup ``name`` (with ``extra``: the subgroup of the key ``name`` with that value)."""
        part = (_text(name),) if extra is None else (_text(name), _text(extra))
        group = self._groups.get(part)
        if group is None:
            variables = self._variables if len(part) == 1 else {**self._variables, part[0]: part[1]}
            group = self._groups[part] = MetricGroup(self.path + part, variables, self._delimiter)
        return group

    def get_all_variables(self) -> dict[str, str]:
        """Those of the scope and those of the groups with keys, each name in angle brackets: ``<host>``."""
        return {f"<{name}>": value for name, value in self._variables.items()}

    def get_metric_identifier(self, name: str) -> str:
        """The full identifier of a metric of this group."""
        return self._delimiter.join((*self.path, name))

    def counter(self, name: str) -> Counter:
        """A number that goes up and down.

        :raises ValueError: a metric of another kind has the name, here as in the methods below.
        """
        return self._register(name, Counter, Counter)

    def counter_view(self, name: str, total: Callable[[], int]) -> CounterView:
        """A number of events that is counted elsewhere.

        :param total: gives the number; it must be quick and must not wait.
        """
        return self._register(name, CounterView, lambda: CounterView(total))

    def gauge(self, name: str, obj: Callable[[], GaugeValue]) -> None:
        """Register a callable that gives a value when it is asked for; it takes the place of an earlier one."""
        if not callable(obj):
            raise TypeError(f"gauge {self._full(name)!r} needs a function without arguments, not {obj!r}")
        self._register(name, Gauge, lambda: Gauge(obj)).get_value = obj

    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        """Counts events, and tells how many there are a second."""
        return self._register(name, Meter, lambda: Meter(time_span_in_seconds))

    def meter_view(self, name: str, total: Callable[[], float], time_span_in_seconds: int = 60) -> MeterView:
        """Tells how fast a total grows that is counted elsewhere.

        :param total: gives the total; it must be quick and must not wait.
        """
        return self._register(name, MeterView, lambda: MeterView(total, time_span_in_seconds))

    def histogram(self, name: str, size: int = 1024) -> Histogram:
        """Tells how the latest ``size`` values of a series spread."""
        return self._register(name, Histogram, lambda: Histogram(size))

    def add(self, name: str, metric: Metric) -> None:
        """Register a metric that is there already.

        :raises ValueError: the name is taken by another one.
        """
        if self._register(name, type(metric), lambda: metric) is not metric:
            raise ValueError(f"metric {self._full(name)!r} is already registered; give this one another name")

    def distribution(self, name: str) -> Distribution:
        """Count, sum and extremes of a series of numbers."""
        return self._register(name, Distribution, Distribution)

    def update(self, now: float) -> None:
        """Bring all rates of this group and the groups below up to date; to be called every five seconds.

        :param now: seconds on a clock that never goes backwards.
        """
        for name, metric in self.metrics():
            if isinstance(metric, (Meter, MeterView)):
                try:
                    metric.update(now)
                except Exception as error:  # noqa: BLE001  # the total is a user's function; it is told once
                    self.report_broken(name, error)
        for _, group in self.groups():
            group.update(now)

    def metrics(self) -> list[tuple[str, Metric]]:
        """The metrics of this group alone, by name. Safe while another thread registers more."""
        return list(self._metrics.items())

    def groups(self) -> list[tuple[tuple[str, ...], MetricGroup]]:
        """The groups right below, each with its name, or its key and value."""
        return list(self._groups.items())

    def report_broken(self, name: str, error: Exception) -> None:
        """Say in the log, once for each metric, that its value cannot be had."""
        if name not in self._broken:
            self._broken.add(name)
            _logger.warning(
                "The metric %s has no value: %s: %s. It is left out of reports while that is so.",
                self._full(name),
                type(error).__name__,
                error,
                exc_info=error,
            )

    def values(self) -> Iterator[tuple[str, GaugeValue]]:
        """Every metric of this group and the groups below as ``(dotted name, value)``."""
        for name, metric in self.metrics():
            full = self._full(name)
            if isinstance(metric, (Counter, CounterView, Meter, MeterView)):
                yield full, metric.get_count()
            elif isinstance(metric, Gauge):
                yield full, metric.get_value()
            elif isinstance(metric, Distribution):
                yield f"{full}.count", metric.count
                yield f"{full}.sum", metric.sum
            elif isinstance(metric, Histogram):
                yield f"{full}.count", metric.get_count()
        for _, group in self.groups():
            yield from group.values()

    def _register(self, name: str, kind: type[M], make: Callable[[], M]) -> M:
        name = _text(name)
        metric = self._metrics.get(name)
        if metric is None:
            fresh = make()
            self._metrics[name] = fresh
            return fresh
        if not isinstance(metric, kind):
            raise ValueError(
                f"metric {self._full(name)!r} is already registered as another kind; give this one another name"
            )
        return metric

    def _full(self, name: str) -> str:
        return ".".join((*self.path, name))


def _text(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"names of metrics and of their groups are text, not {name!r}")
    # Half a surrogate pair is nothing that a report could say.
    return name.encode("utf-8", "replace").decode("utf-8")
