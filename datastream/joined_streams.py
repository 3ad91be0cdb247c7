"""Window joins: pairs of records of two streams with equal keys in the same window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions import FlatJoinFunction, JoinFunction
from millstream.datastream.functions_check import check_function
from millstream.datastream.keyed_pair import KeyedPair, Where
from millstream.datastream.keyed_stream import key_selector_of
from millstream.datastream.pair_functions import (
    FlatJoinWindowFunction,
    JoinWindowFunction,
    PairWindowFunction,
    takes_collector,
)
from millstream.datastream.two_inputs import check_streams

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.data_stream import DataStream
    from millstream.datastream.functions import KeySelector

__all__ = ["JoinedStreams"]


class JoinedStreams:
    """Two streams that are to be joined::

        a.join(b).where(key_of_a).equal_to(key_of_b).window(assigner).apply(function)

    The function is a ``JoinFunction`` or a callable of two records, which gives one result per pair; or a
    ``FlatJoinFunction`` or a callable with a collector as its third parameter, for any number of them. It is an inner
    join: a record without a partner in its window goes nowhere.
    """

    def __init__(self, first: DataStream, second: DataStream) -> None:
        """:raises InvalidProgramError: the streams belong to different environments."""
        check_streams("join", first, second)
        self._first = first
        self._second = second

    def where(
        self, key_selector: Callable[[Any], Any] | KeySelector | int | str, key_type: TypeInformation | None = None
    ) -> Where:
        """Say what the first stream's records are keyed by."""
        selector = key_selector_of((key_selector,))
        return Where(KeyedPair(self._first, self._second, "Join", _window_function, selector, key_type=key_type))


def _window_function(function: Any) -> PairWindowFunction:
    if not isinstance(function, FlatJoinFunction):
        check_function(function, JoinFunction, "apply")
        if isinstance(function, JoinFunction) or not takes_collector(function):
            return JoinWindowFunction(function)
    return FlatJoinWindowFunction(function)
