"""Metrics as user functions see them, kept in memory.

A function asks its :class:`MetricGroup` for a metric by name, once in ``open``, and then only touches the metric
itself. Reporters read the values through :meth:`MetricGroup.values`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]


class Metric:
    """Base of all metrics."""

    __slots__ = ()


M = TypeVar("M", bound=Metric)


class Counter(Metric):
    """Counts up and down."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def inc(self, n: int = 1) -> None:
        """Add ``n``."""
        self._count += n

    def dec(self, n: int = 1) -> None:
        """Subtract ``n``."""
        self._count -= n

    def get_count(self) -> int:
        return self._count


class Meter(Metric):
    """Counts events, for a rate that is taken over a time span.

    :ivar time_span_in_seconds: over which a reporter takes the rate.
    """

    __slots__ = ("_count", "time_span_in_seconds")

    def __init__(self, time_span_in_seconds: int = 60) -> None:
        self._count = 0
        self.time_span_in_seconds = time_span_in_seconds

    def mark_event(self, value: int = 1) -> None:
        """Record ``value`` events."""
        self._count += value

    def get_count(self) -> int:
        return self._count


class Distribution(Metric):
    """Keeps count, sum, minimum, maximum and the latest values of a series of numbers."""

    __slots__ = ("_latest", "count", "maximum", "minimum", "sum")

    _KEPT = 1024

    def __init__(self) -> None:
        self.count = 0
        self.sum: float = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self._latest: deque[float] = deque(maxlen=self._KEPT)

    def update(self, value: float) -> None:
        """Record one value."""
        self.count += 1
        self.sum += value
        self.minimum = value if self.minimum is None or value < self.minimum else self.minimum
        self.maximum = value if self.maximum is None or value > self.maximum else self.maximum
        self._latest.append(value)

    def latest(self) -> list[float]:
        """The most recent values, oldest first."""
        return list(self._latest)


class MetricGroup:
    """A named place for metrics. Asking for a metric twice gives the same one."""

    __slots__ = ("_gauges", "_groups", "_metrics", "path")

    def __init__(self, path: tuple[str, ...] = ()) -> None:
        self.path = path
        self._groups: dict[tuple[str, ...], MetricGroup] = {}
        self._metrics: dict[str, Metric] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def add_group(self, name: str, extra: str | None = None) -> MetricGroup:
        """Return the subgroup ``name`` (with ``extra``: the subgroup of the key ``name`` with that value)."""
        part = (name,) if extra is None else (name, extra)
        group = self._groups.get(part)
        if group is None:
            group = self._groups[part] = MetricGroup(self.path + part)
        return group

    def counter(self, name: str) -> Counter:
        return self._register(name, Counter, Counter)

    def gauge(self, name: str, obj: Callable[[], float]) -> None:
        """Register a callable that gives the value when it is asked for."""
        if name in self._metrics:
            raise self._clash(name)
        self._gauges[name] = obj

    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        return self._register(name, Meter, lambda: Meter(time_span_in_seconds))

    def distribution(self, name: str) -> Distribution:
        return self._register(name, Distribution, Distribution)

    def values(self) -> Iterator[tuple[str, float]]:
        """Every metric of this group and the groups below as ``(dotted name, number)``."""
        for name, metric in self._metrics.items():
            full = ".".join((*self.path, name))
            if isinstance(metric, (Counter, Meter)):
                yield full, metric.get_count()
            elif isinstance(metric, Distribution):
                yield f"{full}.count", metric.count
                yield f"{full}.sum", metric.sum
        for name, gauge in self._gauges.items():
            yield ".".join((*self.path, name)), gauge()
        for group in self._groups.values():
            yield from group.values()

    def _register(self, name: str, kind: type[M], make: Callable[[], M]) -> M:
        metric = self._metrics.get(name)
        if metric is None:
            if name in self._gauges:
                raise self._clash(name)
            fresh = make()
            self._metrics[name] = fresh
            return fresh
        if not isinstance(metric, kind):
            raise self._clash(name)
        return metric

    def _clash(self, name: str) -> ValueError:
        where = ".".join((*self.path, name))
        return ValueError(f"metric {where!r} is already registered as another kind; give this one another name")
