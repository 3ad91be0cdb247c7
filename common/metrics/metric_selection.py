"""From a dump to what one reporter reports: filtered, and named in the forms that reporters use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from millstream.common.metrics.metric_filter import MetricFilter
from millstream.common.metrics.metric_scope import ScopeKind
from millstream.common.metrics.reported_metric import ReportedMetric, kind_and_value
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump, MetricValue

__all__ = ["MetricSelection"]

# Names that are written with dots but mean groups, so that filters and help texts see the groups.
_FIXED_GROUPS: Final = ("Status.", "System.", "Shuffle.", "Network.", "buffers.")


@dataclass(frozen=True, slots=True)
class MetricSelection:
    """What a reporter reports of a dump.

    :ivar formats: make the first components of identifiers.
    :ivar filter: decides what is reported.
    :ivar excluded_variables: labels that are left out.
    :ivar additional_variables: labels that are added.
    """

    formats: ScopeFormats
    filter: MetricFilter
    excluded_variables: frozenset[str] = frozenset()
    additional_variables: Mapping[str, str] | None = None

    def select(self, dump: MetricDump) -> list[ReportedMetric]:
        """The metrics of a dump that are reported, in its order."""
        return [metric for group in dump.groups for metric in self._of_group(group)]

    def _of_group(self, group: MetricGroupDump) -> Iterator[ReportedMetric]:
        kind = ScopeKind(group.scope)
        scope = self.formats.scope_components(kind, group.variables)
        # A map on the wire has no order; one thing must have the same labels in the same order each time.
        labels = self._labels(dict(sorted(group.variables.items())))
        for value in group.metrics:
            reported = self._metric(kind, scope, labels, value)
            if reported is not None:
                yield reported

    def _metric(
        self, kind: ScopeKind, scope: tuple[str, ...], labels: Mapping[str, str], value: MetricValue
    ) -> ReportedMetric | None:
        found = kind_and_value(value)
        if found is None:
            return None
        name, logical, components = value.name, list(kind.logical_scope), list(scope)
        if value.groups:
            own = {group.name: group.value for group in value.groups if group.has_value}
            labels = self._labels({**labels, **own}) if own else labels
            for group in value.groups:
                logical.append(group.name)
                components.extend((group.name, group.value) if group.has_value else (group.name,))
        elif name.startswith(_FIXED_GROUPS):
            *groups, name = name.split(".")
            logical.extend(groups)
            components.extend(groups)
        if not self.filter.passes(".".join(logical), name, found[0]):
            return None
        return ReportedMetric(tuple(logical), name, (*components, name), labels, *found)

    def _labels(self, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in variables.items() if name not in self.excluded_variables}
        return {**kept, **(self.additional_variables or {})}
