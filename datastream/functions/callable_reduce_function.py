"""Lets a plain callable stand where a ReduceFunction is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.datastream.functions.reduce_function import ReduceFunction

__all__ = ["CallableReduceFunction"]


class CallableReduceFunction(ReduceFunction):
    """A ReduceFunction that calls a function of two values."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._function = function

    def reduce(self, value1: Any, value2: Any) -> Any:
        return self._function(value1, value2)
