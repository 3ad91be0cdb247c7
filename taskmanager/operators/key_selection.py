"""The keys of a whole batch, where an operator wants to know them before it works on the records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import NO_RECORD

__all__ = ["failed_record", "keys_of"]


def keys_of(key_selector: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """Return the key of each record."""
    it = iter(values)  # read from the frame by failed_record()
    return list(map(key_selector, it))


def failed_record(error: BaseException) -> Any:
    """The record whose key could not be found; ``NO_RECORD``: that was not it."""
    found = frame_variables(error, keys_of.__code__)
    return record_at(found.get("values"), found.get("it")) if found else NO_RECORD
