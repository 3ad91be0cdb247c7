"""One metric as a reporter sees it: who it is, in every form that reporters name metrics by, and its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue, MetricValue

__all__ = ["ReportedMetric", "ReportedValue"]

ReportedValue = int | float | bool | str | MeterValue | HistogramValue


@dataclass(frozen=True, slots=True)
class ReportedMetric:
    """A metric that has passed a reporter's filter.

    :ivar logical_scope: the kind of scope and the user groups (of a group with a key: the key), outermost first.
    :ivar name: the metric's own name.
    :ivar components: the formatted scope, the user groups and the name: what an identifier is made of.
    :ivar labels: what tells it from others of the same logical scope and name.
    :ivar kind: ``counter``, ``gauge``, ``meter`` or ``histogram``.
    """

    logical_scope: tuple[str, ...]
    name: str
    components: tuple[str, ...]
    labels: Mapping[str, str]
    kind: str
    value: ReportedValue


_KINDS = {"count": "counter", "meter": "meter", "histogram": "histogram"}


def kind_and_value(value: MetricValue) -> tuple[str, ReportedValue] | None:
    """The type of a metric in a dump and what it is worth; ``None`` where a dump says nothing of it."""
    which = value.WhichOneof("value")
    if which is None:
        return None
    held: ReportedValue = getattr(value, which)
    return _KINDS.get(which, "gauge"), held
