"""Copies of records that a user's function may change later, when they should have left for good.

Records go downstream in batches, so when a function is called again, what it gave before may still wait here. A
function that gives the same list, dict or object again and again, changed in between, or gives what it keeps in state
and changes there, would change records that it has emitted. Flink is safe from that, since it hands over (or
serialises) each record at once. So what a function may still hold is copied on its way out, where it can be changed at
all: numbers, texts and tuples of them are not.
"""

from __future__ import annotations

import copy
import inspect
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from millstream.common.types import Row
from millstream.taskmanager.plain_types import PLAIN

__all__ = ["IMMUTABLE", "detached", "may_hold_results", "owned"]

IMMUTABLE = frozenset({bool, bytes, complex, float, frozenset, int, str, tuple, type(None)})
"""Types whose values are not copied by those who look at nothing else. (A list inside a tuple is the user's affair.)"""

_all_plain = PLAIN.issuperset


def detached(value: Any) -> Any:
    """Return a deep copy of a record; the record itself if it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # whatever a user's __deepcopy__ raises: then it is as without a copy
        return value


def owned(value: Any) -> Any:
    """Return a value that nobody else can change: itself if it cannot change, else a copy.

    What cannot be copied (a lock, an open file) stays as it is.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple:
        return value if _all_plain(map(type, value)) else tuple(map(owned, value))
    copier = _COPIERS.get(kind)
    if copier is not None:
        return copier(value)
    if issubclass(kind, tuple) and not kind.__dictoffset__ and _all_plain(map(type, value)):
        return value  # a named tuple: there is nothing else in it that could change
    return detached(value)


def _owned_list(value: list[Any]) -> list[Any]:
    return value[:] if _all_plain(map(type, value)) else list(map(owned, value))


def _owned_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    # Keys can be hashed, so nobody changes them.
    return value.copy() if _all_plain(map(type, value.values())) else {key: owned(each) for key, each in value.items()}


def _owned_row(value: Row) -> Row:
    result = copy.copy(value)
    if not _all_plain(map(type, value)):
        for index, each in enumerate(value):
            result[index] = owned(each)
    return result


_COPIERS: dict[type, Callable[[Any], Any]] = {
    bytearray: bytearray,
    dict: _owned_dict,
    list: _owned_list,
    Row: _owned_row,
    set: set,
    **dict.fromkeys((types.FunctionType, types.BuiltinFunctionType, type), lambda value: value),
}


def may_hold_results(function: Any) -> bool:
    """Whether a function may still have what it gave: it has a place to keep it, besides global variables."""
    if isinstance(function, partial):
        return may_hold_results(function.func) or any(
            map(may_hold_results, (*function.args, *function.keywords.values()))
        )
    if inspect.isfunction(function):
        cells = function.__closure__ or ()
        return any(not _holds_nothing(cell) for cell in cells) or bool(function.__defaults__)
    return not (inspect.isbuiltin(function) or inspect.isclass(function) or type(function) in PLAIN)


def _holds_nothing(cell: types.CellType) -> bool:
    try:
        content = cell.cell_contents
    except ValueError:  # not assigned yet
        return False
    return type(content) in PLAIN or inspect.isfunction(content) or inspect.isclass(content)
