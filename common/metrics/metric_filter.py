"""Which metrics a reporter reports: ``<scope>:<name>[,<name>][:<type>[,<type>]]``.

The scope is the logical one, its components parted by dots (``taskmanager.job.task``), an asterisk stands for any
characters, and what is left out matches everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["MetricFilter", "MetricPattern"]

TYPES: Final = ("counter", "meter", "gauge", "histogram")

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class MetricPattern:
    """One item of a filter, read.

    :ivar types: which of ``counter``, ``meter``, ``gauge`` and ``histogram`` it matches.
    """

    scope: re.Pattern[str]
    names: tuple[re.Pattern[str], ...]
    types: frozenset[str]

    @staticmethod
    def parse(text: str) -> MetricPattern:
        """Read ``<scope>[:<name>[,<name>]][:<type>[,<type>]]``.

        :raises ValueError: it is not of that form, or names a type that there is not.
        """
        scope, *rest = (part.strip() for part in text.split(":"))
        if not scope or len(rest) > 2:
            raise ValueError(f"{text!r} is not of the form <scope>[:<name>[,<name>][:<type>[,<type>]]]")
        names = _items(rest[0]) if rest else [_ANY]
        types = _items(rest[1]) if len(rest) == 2 else [_ANY]
        unknown = sorted({each.lower() for each in types} - {*TYPES, _ANY})
        if unknown or not names or not types:
            what = f"names the type {unknown[0]!r}" if unknown else "has an empty part"
            raise ValueError(f"{text!r} {what}; types are {', '.join(TYPES)} and {_ANY}")
        return MetricPattern(
            scope=_wildcards(scope),
            names=tuple(_wildcards(name) for name in names),
            types=frozenset(TYPES) if _ANY in types else frozenset(each.lower() for each in types),
        )

    def matches(self, scope: str, name: str, kind: str) -> bool:
        """Whether it matches a metric.

        :param scope: the logical scope, parted by dots.
        :param kind: the metric's type.
        """
        return (
            kind in self.types
            and self.scope.fullmatch(scope) is not None
            and any(pattern.fullmatch(name) is not None for pattern in self.names)
        )


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Lets through what an include matches and no exclude does."""

    includes: tuple[MetricPattern, ...]
    excludes: tuple[MetricPattern, ...]

    @staticmethod
    def parse(includes: Iterable[str], excludes: Iterable[str]) -> MetricFilter:
        """Read both lists.

        :raises ValueError: an item is none.
        """
        return MetricFilter(tuple(map(MetricPattern.parse, includes)), tuple(map(MetricPattern.parse, excludes)))

    def passes(self, scope: str, name: str, kind: str) -> bool:
        """Whether a metric is reported; the parameters are those of :meth:`MetricPattern.matches`."""
        return any(each.matches(scope, name, kind) for each in self.includes) and not any(
            each.matches(scope, name, kind) for each in self.excludes
        )


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _wildcards(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split(_ANY))), re.DOTALL)
