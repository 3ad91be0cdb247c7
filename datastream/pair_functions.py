"""What runs in the windows of ``join`` and ``co_group``: parts the two streams' records for the user's function."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from millstream.common.required_arguments import required_arguments
from millstream.datastream.functions import (
    CoGroupFunction,
    FlatJoinFunction,
    Function,
    JoinFunction,
    KeySelector,
    WindowFunction,
)

if TYPE_CHECKING:
    from millstream.datastream.functions import RuntimeContext
    from millstream.datastream.tagged_union import TaggedUnion

__all__ = [
    "CoGroupWindowFunction",
    "FlatJoinWindowFunction",
    "JoinWindowFunction",
    "PairKey",
    "PairWindowFunction",
    "takes_collector",
]


class PairKey(KeySelector):
    """The key of a record by its own stream's key selector."""

    def __init__(self, first: Callable[[Any], Any] | KeySelector, second: Callable[[Any], Any] | KeySelector) -> None:
        self._selectors = (first, second)
        self._first: Callable[[Any], Any] = getattr(first, "get_key", first)
        self._second: Callable[[Any], Any] = getattr(second, "get_key", second)

    def open(self, runtime_context: RuntimeContext) -> None:
        for selector in self._selectors:
            if isinstance(selector, Function):
                selector.open(runtime_context)

    def close(self) -> None:
        for selector in self._selectors:
            if isinstance(selector, Function):
                selector.close()

    def get_key(self, value: TaggedUnion) -> Any:
        return self._first(value.value) if value.is_first else self._second(value.value)


class PairWindowFunction(WindowFunction[Any, Any, Any, Any]):
    """Gives the records of both streams to what the user gave, a function object or a callable.

    :ivar user_function: as it was given.
    """

    def __init__(self, user_function: Any) -> None:
        self.user_function = user_function

    def open(self, runtime_context: RuntimeContext) -> None:
        if isinstance(self.user_function, Function):
            set_context = getattr(self.user_function, "set_runtime_context", None)
            if callable(set_context):
                set_context(runtime_context)
            self.user_function.open(runtime_context)

    def close(self) -> None:
        if isinstance(self.user_function, Function):
            self.user_function.close()

    def apply(self, key: Any, window: Any, inputs: Iterable[TaggedUnion]) -> Iterable[Any]:
        first: list[Any] = []
        second: list[Any] = []
        for is_first, value in inputs:
            (first if is_first else second).append(value)
        return self.results(first, second)

    @abstractmethod
    def results(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        """Give the results of a key's window."""


class JoinWindowFunction(PairWindowFunction):
    """One result for each pair of a record of the first and a record of the second stream."""

    def __init__(self, user_function: Any) -> None:
        super().__init__(user_function)
        self._join = _method(user_function, JoinFunction, "join")

    def results(self, first: list[Any], second: list[Any]) -> Iterator[Any]:
        join = self._join
        for left in first:
            for right in second:
                yield join(left, right)


class FlatJoinWindowFunction(PairWindowFunction):
    """Any number of results for each such pair."""

    def __init__(self, user_function: Any) -> None:
        super().__init__(user_function)
        self._join = _method(user_function, FlatJoinFunction, "join")
        self._collects = takes_collector(self._join)

    def results(self, first: list[Any], second: list[Any]) -> Iterator[Any]:
        join = self._join
        collected = _Collected() if self._collects else None
        for left in first:
            for right in second:
                if collected is not None:
                    join(left, right, collected)
                    yield from collected.taken()
                else:
                    results = join(left, right)
                    if results is not None:
                        yield from results


class CoGroupWindowFunction(PairWindowFunction):
    """Any number of results for all records of both streams."""

    def __init__(self, user_function: Any) -> None:
        super().__init__(user_function)
        self._co_group = _method(user_function, CoGroupFunction, "co_group")
        self._collects = takes_collector(self._co_group)

    def results(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        if not self._collects:
            results: Iterable[Any] | None = self._co_group(first, second)
            return () if results is None else results
        collected = _Collected()
        self._co_group(first, second, collected)
        return collected.taken()


class _Collected:
    """The collector that a function puts its results into."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: list[Any] = []

    def collect(self, value: Any) -> None:
        self._values.append(value)

    def taken(self) -> list[Any]:
        values, self._values = self._values, []
        return values


def takes_collector(call: Callable[..., Any]) -> bool:
    """Whether a function of two records has a third parameter."""
    return required_arguments(call) > 2


def _method(user_function: Any, function_class: type[Function], name: str) -> Callable[..., Any]:
    call: Callable[..., Any] = (
        getattr(user_function, name) if isinstance(user_function, function_class) else user_function
    )
    return call
