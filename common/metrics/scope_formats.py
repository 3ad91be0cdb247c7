"""How the scope of a metric becomes the first components of its identifier: ``metrics.scope.*``.

Reporters that know no labels (Graphite, StatsD, the log) put the scope into the name. Which variables stand in it,
and in what order, is set for each kind of scope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from millstream.common.config.configuration import Configuration
from millstream.common.config.metric_options import MetricOptions
from millstream.common.metrics.metric_group import MetricGroup
from millstream.common.metrics.metric_scope import MetricScope, ScopeKind

__all__ = ["ScopeFormats"]

_OPTIONS: Final = {
    ScopeKind.JOB_MANAGER: MetricOptions.SCOPE_JM,
    ScopeKind.JOB_MANAGER_JOB: MetricOptions.SCOPE_JM_JOB,
    ScopeKind.JOB_MANAGER_OPERATOR: MetricOptions.SCOPE_JM_OPERATOR,
    ScopeKind.TASK_MANAGER: MetricOptions.SCOPE_TM,
    ScopeKind.TASK_MANAGER_JOB: MetricOptions.SCOPE_TM_JOB,
    ScopeKind.TASK: MetricOptions.SCOPE_TASK,
    ScopeKind.OPERATOR: MetricOptions.SCOPE_OPERATOR,
}

# Whose format an asterisk at the beginning of a format stands for.
_PARENTS: Final = {
    ScopeKind.JOB_MANAGER_JOB: ScopeKind.JOB_MANAGER,
    ScopeKind.JOB_MANAGER_OPERATOR: ScopeKind.JOB_MANAGER_JOB,
    ScopeKind.TASK_MANAGER_JOB: ScopeKind.TASK_MANAGER,
    ScopeKind.TASK: ScopeKind.TASK_MANAGER_JOB,
    ScopeKind.OPERATOR: ScopeKind.TASK,
}

_SEPARATOR: Final = "."
_PARENT: Final = "*"
_VARIABLE: Final = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class ScopeFormats:
    """The formats of all kinds of scopes, read.

    :ivar components: of each kind, the components with their variables still in angle brackets.
    :ivar delimiter: what parts the components of an identifier, where a reporter has no delimiter of its own.
    """

    components: Mapping[ScopeKind, tuple[str, ...]]
    delimiter: str

    @staticmethod
    def of(configuration: Configuration) -> ScopeFormats:
        """The formats that a configuration sets."""
        components: dict[ScopeKind, tuple[str, ...]] = {}
        for kind, option in _OPTIONS.items():
            parts = tuple(part for part in configuration.get(option).split(_SEPARATOR) if part)
            parent = _PARENTS.get(kind)
            if parts[:1] == (_PARENT,) and parent is not None:
                parts = (*components[parent], *parts[1:])
            components[kind] = parts
        return ScopeFormats(components, configuration.get(MetricOptions.SCOPE_DELIMITER))

    def scope_components(self, kind: ScopeKind, variables: Mapping[str, str]) -> tuple[str, ...]:
        """The components of a scope. A variable that the scope does not have stays in its angle brackets."""
        return tuple(
            _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), part) for part in self.components[kind]
        )

    def group(self, scope: MetricScope) -> MetricGroup:
        """A fresh group for the metrics of a scope, which knows its identifier and variables."""
        return MetricGroup(self.scope_components(scope.kind, scope.variables), scope.variables, self.delimiter)
