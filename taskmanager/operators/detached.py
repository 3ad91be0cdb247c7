"""Copies of records that a user's function may change later, when they should have left for good."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["IMMUTABLE", "detached"]

IMMUTABLE = frozenset({bool, bytes, complex, float, frozenset, int, str, tuple, type(None)})
"""Types whose values are not copied. (A list inside a tuple is the user's affair.)"""


def detached(value: Any) -> Any:
    """Return a deep copy of a record; the record itself if it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # whatever a user's __deepcopy__ raises: then it is as without a copy
        return value
