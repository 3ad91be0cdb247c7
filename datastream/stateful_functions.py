"""The functions behind ``map_with_state``, ``flat_map_with_state`` and ``filter_with_state`` of keyed streams.

Each holds a user's function of a value and its key's state, which returns the result and the new state, and keeps the
state between its calls in a value state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions import FlatMapFunction
from millstream.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.datastream.functions import RuntimeContext
    from millstream.datastream.state import ValueState

__all__ = ["FilterWithState", "FlatMapWithState", "MapWithState"]

_STATE = "state"


class MapWithState(FlatMapFunction):
    """One result per value: ``function(value, state) -> (result, new state)``."""

    def __init__(self, function: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self._function = function
        self._state: ValueState[Any] | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._state = runtime_context.get_state(ValueStateDescriptor(_STATE))

    def flat_map(self, value: Any) -> Iterable[Any]:
        return (_stepped(self._function, self._state, value, "(result, new state)"),)


class FlatMapWithState(FlatMapFunction):
    """Any number of results per value: ``function(value, state) -> (results, new state)``."""

    def __init__(self, function: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self._function = function
        self._state: ValueState[Any] | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._state = runtime_context.get_state(ValueStateDescriptor(_STATE))

    def flat_map(self, value: Any) -> Iterator[Any] | None:
        results: Iterator[Any] | None = _stepped(self._function, self._state, value, "(results, new state)")
        return results


class FilterWithState(FlatMapFunction):
    """Keeps some values: ``function(value, state) -> (whether to keep the value, new state)``."""

    def __init__(self, function: Callable[[Any, Any], tuple[bool, Any]]) -> None:
        self._function = function
        self._state: ValueState[Any] | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._state = runtime_context.get_state(ValueStateDescriptor(_STATE))

    def flat_map(self, value: Any) -> Iterable[Any]:
        kept = _stepped(self._function, self._state, value, "(whether to keep the value, new state)")
        return (value,) if kept else ()


def _stepped(function: Callable[[Any, Any], Any], state: ValueState[Any] | None, value: Any, wanted: str) -> Any:
    """Call the user's function and keep the new state; what else it returned is the result."""
    assert state is not None  # open() comes first
    returned = function(value, state.value())
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        name = getattr(function, "__qualname__", repr(function))
        code = getattr(function, "__code__", None)
        where = "" if code is None else f" in {code.co_filename}:{code.co_firstlineno}"
        raise TypeError(f"{name}(value, state){where} has to return {wanted}, but returned {returned!r}")
    result, new_state = returned
    state.update(new_state)
    return result
