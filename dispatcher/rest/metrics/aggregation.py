"""One metric of several subtasks, TaskManagers or jobs in five numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Aggregate", "aggregate", "aggregate_metrics"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What several values of a metric come to.

    :ivar skew: how far the values lie from their mean, on average, in percent of the mean; 0 if all are alike, never
        more than 100.
    """

    minimum: float
    maximum: float
    average: float
    total: float
    skew: float


def aggregate(values: Collection[float]) -> Aggregate:
    """Return what the values come to. If one of them is not a number, neither is any of the results.

    :param values: at least one.
    """
    if any(math.isnan(value) for value in values):
        return Aggregate(math.nan, math.nan, math.nan, math.nan, math.nan)
    total = sum(values)
    average = total / len(values)
    return Aggregate(min(values), max(values), average, total, _skew(values, average))


def _skew(values: Collection[float], average: float) -> float:
    if average == 0.0 or len(values) == 1:
        return 0.0
    deviation = sum(abs(value - average) for value in values) / len(values)
    return min(deviation / abs(average) * 100.0, 100.0)


def aggregate_metrics(components: Collection[Mapping[str, str]], names: Iterable[str]) -> dict[str, Aggregate]:
    """Aggregate each named metric over the components that have it.

    Nothing at all comes back if one of the metrics is in none of them, or is not a number: who asks for several wants
    to set them against each other.

    :param components: of each, its metrics' values by id.
    """
    aggregates: dict[str, Aggregate] = {}
    for name in names:
        texts = [component[name] for component in components if name in component]
        if not texts:
            return {}
        try:
            aggregates[name] = aggregate([float(text) for text in texts])
        except ValueError:
            return {}
    return aggregates
