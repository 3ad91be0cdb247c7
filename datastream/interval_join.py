"""Pairs of records of two keyed streams that are not too far from one another in event time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import IntervalJoinSpec
from millstream.datastream.call_site import call_site
from millstream.datastream.functions import ProcessJoinFunction
from millstream.datastream.functions_check import check_function_class
from millstream.datastream.keyed_stream import KeyedStream
from millstream.datastream.length_of_time import length_in_ms
from millstream.datastream.output_tag import OutputTag
from millstream.datastream.two_inputs import add_two_input_operator, check_key_types, check_streams

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.data_stream import DataStream

__all__ = ["IntervalJoin", "IntervalJoined"]


class IntervalJoin:
    """Two keyed streams that are to be joined; :meth:`between` says how far apart two records may be."""

    def __init__(self, stream1: KeyedStream, stream2: KeyedStream) -> None:
        """
        :raises TypeError: one of them is not keyed.
        :raises InvalidProgramError: they belong to different environments, or their keys are of different types.
        """
        check_streams("interval_join", stream1, stream2)
        for stream in (stream1, stream2):
            if not isinstance(stream, KeyedStream):
                raise TypeError(f"{call_site()}: interval_join() joins keyed streams; call key_by() on both")
        check_key_types("interval_join", stream1, stream2)
        self._left = stream1
        self._right = stream2

    def in_event_time(self) -> IntervalJoin:
        """Go by the records' timestamps, as is done anyway."""
        return self

    def in_processing_time(self) -> IntervalJoin:
        """Refused: there are joins in event time only.

        :raises InvalidProgramError: always.
        """
        raise InvalidProgramError(
            f"{call_site()}: Time-bounded stream joins are only supported in event time; for processing time use a "
            "KeyedCoProcessFunction with state and timers"
        )

    def between(self, lower_bound: Any, upper_bound: Any) -> IntervalJoined:
        """A right record belongs to a left one if its timestamp is that one's plus ``lower_bound`` to ``upper_bound``.

        :param lower_bound: a ``Time``, a ``Duration``, a ``timedelta`` or a number of ms; may be negative, as may the
            upper one. Both bounds are included.
        :raises ValueError: the lower bound is above the upper one.
        """
        lower, upper = (length_in_ms(bound, "between()") for bound in (lower_bound, upper_bound))
        if lower > upper:
            raise ValueError(f"{call_site()}: between(): the lower bound {lower} ms is above the upper one, {upper} ms")
        return IntervalJoined(self._left, self._right, lower, upper)


class IntervalJoined:
    """An interval join that lacks only the function for its pairs."""

    def __init__(self, left: KeyedStream, right: KeyedStream, lower_bound_ms: int, upper_bound_ms: int) -> None:
        self._left = left
        self._right = right
        self._lower_bound_ms = lower_bound_ms
        self._upper_bound_ms = upper_bound_ms
        self._lower_exclusive = False
        self._upper_exclusive = False
        self._late_left_tag = ""
        self._late_right_tag = ""

    def lower_bound_exclusive(self) -> IntervalJoined:
        """Leave pairs out that are just at the lower bound."""
        self._lower_exclusive = True
        return self

    def upper_bound_exclusive(self) -> IntervalJoined:
        """Leave pairs out that are just at the upper bound."""
        self._upper_exclusive = True
        return self

    def side_output_left_late_data(self, output_tag: OutputTag) -> IntervalJoined:
        """Put left records that come behind the watermark out with a tag, instead of counting and dropping them."""
        self._late_left_tag = _tag_id(output_tag, "side_output_left_late_data")
        return self

    def side_output_right_late_data(self, output_tag: OutputTag) -> IntervalJoined:
        """Put right records that come behind the watermark out with a tag, instead of counting and dropping them."""
        self._late_right_tag = _tag_id(output_tag, "side_output_right_late_data")
        return self

    def process(self, func: ProcessJoinFunction, output_type: TypeInformation | None = None) -> DataStream:
        """Any number of records out for each pair. Their timestamp is the later one of the pair's."""
        check_function_class(func, ProcessJoinFunction, "process")
        spec = IntervalJoinSpec(
            func,
            self._left._key_selector(),
            self._right._key_selector(),
            self._lower_bound_ms + self._lower_exclusive,
            self._upper_bound_ms - self._upper_exclusive,
            self._late_left_tag,
            self._late_right_tag,
        )
        return add_two_input_operator("interval_join", "Interval Join", spec, self._left, self._right, output_type)


def _tag_id(output_tag: OutputTag, method: str) -> str:
    if not isinstance(output_tag, OutputTag):
        raise TypeError(f"{call_site()}: {method}() takes an OutputTag, not {output_tag!r}")
    return output_tag.tag_id
