"""Says of values whether the user could still change them, or takes copies that he cannot.

A snapshot is of one moment. Values that nobody can change may be serialised later; so may copies of lists and dicts of
such values, which cost a fraction of serialising them. Anything else has to be serialised before the next record.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from millstream.taskmanager.plain_types import PLAIN

__all__ = ["held_values", "weight"]

_DEEPEST: Final = 4
"""Tuples inside tuples are looked into so far."""


def held_values(values: Iterable[Any]) -> list[Any] | None:
    """Return a list of these values, or of copies, that no later change reaches.

    ``None``: there is none at little cost. Keys of dicts are taken for constant, as dicts themselves do.
    """
    held = list(values)
    if _are_constant(held, 0):
        return held
    kinds = set(map(type, held))
    if kinds == {list} and _are_constant(chain.from_iterable(held), 0):
        return list(map(list.copy, held))
    if kinds == {dict} and _are_constant(chain.from_iterable(map(dict.values, held)), 0):
        return list(map(dict.copy, held))
    return None


def _are_constant(values: Iterable[Any], depth: int) -> bool:
    if depth == _DEEPEST:
        return False
    values = values if isinstance(values, list) else list(values)
    others = set(map(type, values)) - PLAIN
    if not others:
        return True
    # Of tuples with a class of their own only those without attributes: named tuples.
    if not all(issubclass(kind, tuple) and not kind.__dictoffset__ for kind in others):
        return False
    parts = values if len(others) == 1 and type(values[0]) in others else None
    if parts is None or any(type(value) in PLAIN for value in values):
        parts = [value for value in values if type(value) in others]
    return _are_constant(chain.from_iterable(parts), depth + 1)


def weight(values: Iterable[Any]) -> int:
    """Return how many things there are to serialise in values: themselves, and what is in lists and dicts."""
    held = list(values)
    kinds = set(map(type, held))
    if kinds <= {list, dict}:
        return len(held) + sum(map(len, held))
    return len(held)
