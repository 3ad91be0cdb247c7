"""Metrics as answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from millstream.dispatcher.rest.messages.metrics import AggregatedMetric, Metric
from millstream.dispatcher.rest.metrics.aggregation import Aggregate, aggregate_metrics

__all__ = ["aggregated_metrics", "metrics", "metrics_of_subtasks", "watermarks"]

_WATERMARK: Final = "currentInputWatermark"


def metrics(values: Mapping[str, str] | None, names: Collection[str]) -> list[Metric]:
    """Those of the metrics that are asked for and there; the ids alone if none are asked for.

    :param values: by id; ``None``: there are none.
    """
    if values is None:
        return []
    if not names:
        return [Metric(id=name) for name in values]
    return [Metric(id=name, value=values[name]) for name in names if name in values]


def metrics_of_subtasks(subtasks: Mapping[int, Mapping[str, str]], names: Collection[str]) -> list[Metric]:
    """The same for a whole vertex: each id has its subtask in front."""
    if not names:
        return [Metric(id=f"{subtask}.{name}") for subtask, values in subtasks.items() for name in values]
    return [Metric(id=name, value=value) for name in names if (value := _value_in_subtask(subtasks, name)) is not None]


def aggregated_metrics(
    components: Collection[Mapping[str, str]], names: Collection[str], aggregations: Collection[str]
) -> list[AggregatedMetric]:
    """What each of the named metrics comes to over the components; the ids of all metrics if none are named.

    :param aggregations: of ``min``, ``max``, ``avg``, ``sum`` and ``skew`` those that are wanted; none: all.
    """
    if not names:
        return [AggregatedMetric(id=name) for name in _all_names(components)]
    return [
        _aggregated(name, aggregate, aggregations) for name, aggregate in aggregate_metrics(components, names).items()
    ]


def watermarks(subtasks: Mapping[int, Mapping[str, str]]) -> list[Metric]:
    """The input watermark of each subtask that has one; sources have none."""
    return [
        Metric(id=f"{subtask}.{_WATERMARK}", value=values[_WATERMARK])
        for subtask, values in subtasks.items()
        if _WATERMARK in values
    ]


def _value_in_subtask(subtasks: Mapping[int, Mapping[str, str]], name: str) -> str | None:
    subtask, _, rest = name.partition(".")
    if not subtask.isdecimal() or len(subtask) > len(str(max(subtasks, default=0))):
        return None
    return subtasks.get(int(subtask), {}).get(rest)


def _all_names(components: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for component in components for name in component))


def _aggregated(name: str, aggregate: Aggregate, aggregations: Collection[str]) -> AggregatedMetric:
    numbers = {
        "min": aggregate.minimum,
        "max": aggregate.maximum,
        "avg": aggregate.average,
        "sum": aggregate.total,
        "skew": aggregate.skew,
    }
    wanted = {key: number for key, number in numbers.items() if not aggregations or key in aggregations}
    return AggregatedMetric(id=name, **wanted)
