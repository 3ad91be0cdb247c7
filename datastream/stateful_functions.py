"""The function behind ``map_with_state``, ``flat_map_with_state`` and ``filter_with_state`` of keyed streams.

It holds a user's function of a value and its key's state, which returns the result and the new state, and keeps the
state between its calls in a value state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from millstream.datastream.functions import FlatMapFunction
from millstream.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.datastream.functions import RuntimeContext
    from millstream.datastream.state import ValueState

__all__ = ["filter_with_state", "flat_map_with_state", "map_with_state"]


def map_with_state(function: Callable[[Any, Any], tuple[Any, Any]]) -> FlatMapFunction:
    """One result per value: ``function(value, state) -> (result, new state)``."""
    return _FunctionWithState(function, "(result, new state)", _the_result)


def flat_map_with_state(function: Callable[[Any, Any], tuple[Any, Any]]) -> FlatMapFunction:
    """Any number of results per value: ``function(value, state) -> (results, new state)``."""
    return _FunctionWithState(function, "(results, new state)", _all_results)


def filter_with_state(function: Callable[[Any, Any], tuple[bool, Any]]) -> FlatMapFunction:
    """Keeps some values: ``function(value, state) -> (whether to keep the value, new state)``."""
    return _FunctionWithState(function, "(whether to keep the value, new state)", _the_value_if)


class _FunctionWithState(FlatMapFunction):
    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        wanted: str,
        results_of: Callable[[Any, Any], Iterable[Any] | None],
    ) -> None:
        """
        :param wanted: what the function has to return, for the error.
        :param results_of: makes the results of the value and what the function returned beside the state.
        """
        self._function = function
        self._wanted = wanted
        self._results_of = results_of
        self._state: ValueState[Any] | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._state = runtime_context.get_state(ValueStateDescriptor("state"))

    def flat_map(self, value: Any) -> Iterable[Any] | None:
        state = self._state
        assert state is not None  # open() comes first
        returned = self._function(value, state.value())
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            self._refuse(returned)
        result, new_state = returned
        state.update(new_state)
        return self._results_of(value, result)

    def _refuse(self, returned: Any) -> NoReturn:
        function = self._function
        name = getattr(function, "__qualname__", repr(function))
        code = getattr(function, "__code__", None)
        where = "" if code is None else f" in {code.co_filename}:{code.co_firstlineno}"
        raise TypeError(f"{name}(value, state){where} has to return {self._wanted}, but returned {returned!r}")


def _the_result(_value: Any, result: Any) -> Iterable[Any]:
    return (result,)


def _all_results(_value: Any, results: Iterable[Any] | None) -> Iterable[Any] | None:
    return results


def _the_value_if(value: Any, kept: Any) -> Iterable[Any]:
    return (value,) if kept else ()
