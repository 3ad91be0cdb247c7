"""Tells apart functions of users that may be written with one parameter more, by how many they have to be given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["required_arguments"]


def required_arguments(call: Callable[..., Any]) -> int:
    """How many positional arguments there have to be; 0 if that cannot be found out, as of some builtins."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(
        each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        for each in parameters
    )
