"""Streams through functions that wait."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from millstream.common.borrowed_names import borrowed_names
from millstream.common.graph.operator_spec import AsyncSpec
from millstream.datastream.async_retry_strategies import NoRetryStrategy
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream
from millstream.datastream.functions import AsyncFunction, AsyncRetryStrategy, takes_result_future
from millstream.datastream.functions_check import check_function_class
from millstream.datastream.length_of_time import length_in_ms

if TYPE_CHECKING:
    from millstream.common.time import Duration, Time
    from millstream.common.typeinfo import TypeInformation

__all__ = ["AsyncDataStream"]

_NAME = "async wait operator"


class AsyncDataStream:
    """Applies an :class:`AsyncFunction` to a stream.

    All methods take these parameters:

    * ``data_stream``: the stream; of a keyed stream, its records.
    * ``async_function``: an :class:`AsyncFunction`, or a coroutine function that returns a list.
    * ``timeout``: how long one record may take, all its retries included: a ``Time``, a ``Duration``, a
      ``datetime.timedelta`` or a number of ms; 0: as long as it likes.
    * ``capacity``: at most so many records are under way in one subtask; until their results have gone on, no more are
      taken from the input.
    * ``output_type``: what the results are converted to.
    """

    @staticmethod
    def unordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any] | Callable[[Any], Any],
        timeout: Time | Duration | timedelta | int,
        capacity: int = 100,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results go on as they come. They do not cross watermarks: none becomes late by this."""
        return _add(data_stream, async_function, timeout, None, capacity, output_type, ordered=False)

    @staticmethod
    def unordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any] | Callable[[Any], Any],
        timeout: Time | Duration | timedelta | int,
        async_retry_strategy: AsyncRetryStrategy[Any],
        capacity: int = 100,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """The same, and calls are tried again as the strategy says. There must be a timeout."""
        strategy = _checked_strategy(async_retry_strategy)
        return _add(data_stream, async_function, timeout, strategy, capacity, output_type, ordered=False)

    @staticmethod
    def ordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any] | Callable[[Any], Any],
        timeout: Time | Duration | timedelta | int,
        capacity: int = 100,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results go on in the order of the records."""
        return _add(data_stream, async_function, timeout, None, capacity, output_type, ordered=True)

    @staticmethod
    def ordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any] | Callable[[Any], Any],
        timeout: Time | Duration | timedelta | int,
        async_retry_strategy: AsyncRetryStrategy[Any],
        capacity: int = 100,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """The same, and calls are tried again as the strategy says. There must be a timeout."""
        strategy = _checked_strategy(async_retry_strategy)
        return _add(data_stream, async_function, timeout, strategy, capacity, output_type, ordered=True)


def _add(
    data_stream: DataStream,
    function: Any,
    timeout: Any,
    strategy: AsyncRetryStrategy[Any] | None,
    capacity: int,
    output_type: TypeInformation | None,
    *,
    ordered: bool,
) -> DataStream:
    if not isinstance(data_stream, DataStream):
        raise TypeError(f"{call_site()}: AsyncDataStream takes a DataStream first, not {data_stream!r}")
    _check_function(function, "ordered_wait" if ordered else "unordered_wait")
    timeout_ms = max(0, length_in_ms(timeout, "timeout"))
    if strategy is not None and timeout_ms == 0:
        raise ValueError(
            f"{call_site()}: Timeout should be configured when retries are wanted: without one, a record could be "
            "tried for ever"
        )
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        raise TypeError(f"{call_site()}: capacity is a number of records, not {capacity!r}")
    if capacity < 1:
        raise ValueError(f"{call_site()}: capacity must be at least 1, not {capacity}")
    spec = AsyncSpec(function, ordered, timeout_ms, capacity, strategy)
    return data_stream._operator("async", _NAME, spec, output_type)


def _check_function(given: Any, method: str) -> None:
    if inspect.iscoroutinefunction(given):
        if takes_result_future(given):
            raise TypeError(f"{call_site()}: a coroutine function for {method}() takes one argument, the record")
        return
    invoke: Any = getattr(given, "async_invoke", None)
    if isinstance(given, type) or not callable(invoke):
        check_function_class(given, AsyncFunction, method)
    name = type(given).__name__
    if inspect.isasyncgenfunction(invoke):
        raise TypeError(f"{call_site()}: 'async_invoke' of class '{name}' yields; it should return a list of results")
    is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(invoke))
    if not is_coroutine and not takes_result_future(invoke):
        raise TypeError(
            f"{call_site()}: Method 'async_invoke' of class '{name}' should be declared as 'async def' and return a "
            "list of results; one that starts something and returns at once takes a second argument, the ResultFuture"
        )
    at_timeout = getattr(given, "timeout", None)
    if inspect.iscoroutinefunction(at_timeout) or inspect.isasyncgenfunction(at_timeout):
        raise TypeError(f"{call_site()}: Method 'timeout' of class '{name}' should be a plain method, not a coroutine")


def _checked_strategy(strategy: Any) -> AsyncRetryStrategy[Any] | None:
    if type(strategy) is NoRetryStrategy:
        return None
    methods = ("can_retry", "get_backoff_time_millis", "get_retry_predicate")
    if isinstance(strategy, type) or not all(callable(getattr(strategy, each, None)) for each in methods):
        raise TypeError(f"{call_site()}: async_retry_strategy must be an AsyncRetryStrategy, not {strategy!r}")
    if strategy.get_retry_predicate() is None:
        raise TypeError(
            f"{call_site()}: get_retry_predicate() of {type(strategy).__name__} returns None; it must return an "
            "AsyncRetryPredicate"
        )
    checked: AsyncRetryStrategy[Any] = strategy
    return checked


__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.time": "Time",
    },
)
