"""Co-groups: all records of two streams with equal keys in the same window, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions import CoGroupFunction
from millstream.datastream.functions_check import check_function
from millstream.datastream.keyed_pair import KeyedPair, Where
from millstream.datastream.keyed_stream import key_selector_of
from millstream.datastream.pair_functions import CoGroupWindowFunction, PairWindowFunction
from millstream.datastream.two_inputs import check_streams

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.data_stream import DataStream
    from millstream.datastream.functions import KeySelector

__all__ = ["CoGroupedStreams"]


class CoGroupedStreams:
    """Two streams that are to be grouped together::

        a.co_group(b).where(key_of_a).equal_to(key_of_b).window(assigner).apply(function)

    The function is a ``CoGroupFunction``, or a callable of two lists of records that gives an iterable of results; with
    a third parameter it gets a collector there. It is called also where one of the lists is empty.
    """

    def __init__(self, first: DataStream, second: DataStream) -> None:
        """:raises InvalidProgramError: the streams belong to different environments."""
        check_streams("co_group", first, second)
        self._first = first
        self._second = second

    def where(
        self, key_selector: Callable[[Any], Any] | KeySelector | int | str, key_type: TypeInformation | None = None
    ) -> Where:
        """Say what the first stream's records are keyed by."""
        selector = key_selector_of((key_selector,))
        return Where(KeyedPair(self._first, self._second, "CoGroup", _window_function, selector, key_type=key_type))


def _window_function(function: Any) -> PairWindowFunction:
    check_function(function, CoGroupFunction, "apply")
    return CoGroupWindowFunction(function)
