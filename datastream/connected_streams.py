"""Two streams, of two types perhaps, that one function processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import CoFlatMapSpec, CoMapSpec, CoProcessSpec
from millstream.datastream.call_site import call_site
from millstream.datastream.functions import (
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    KeyedCoProcessFunction,
    KeySelector,
)
from millstream.datastream.functions_check import check_function_class
from millstream.datastream.keyed_stream import KeyedStream
from millstream.datastream.two_inputs import add_two_input_operator, check_key_types, check_streams

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.data_stream import DataStream
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["ConnectedStreams"]


class ConnectedStreams:
    """Two streams whose records come to the same function, in no order between the two.

    Where both are keyed, records of either stream with equal keys come to the same subtask and share the key's state.
    Where only one is, nothing is keyed.
    """

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        """:raises InvalidProgramError: the streams belong to different environments."""
        check_streams("connect", stream1, stream2)
        self.stream1 = stream1
        self.stream2 = stream2

    def get_execution_environment(self) -> StreamExecutionEnvironment:
        return self.stream1.get_execution_environment()

    def get_first_input(self) -> DataStream:
        return self.stream1

    def get_second_input(self) -> DataStream:
        return self.stream2

    def key_by(
        self,
        key_selector1: Callable[[Any], Any] | KeySelector | int | str,
        key_selector2: Callable[[Any], Any] | KeySelector | int | str,
        key_type: TypeInformation | None = None,
    ) -> ConnectedStreams:
        """Key both streams; a stream that is keyed already is keyed anew.

        :param key_selector1: a callable, a :class:`KeySelector`, a field position or expression, or a list of
            positions or expressions.
        :param key_type: what the keys of both are.
        """
        return ConnectedStreams(
            self.stream1.key_by(key_selector1, key_type=key_type), self.stream2.key_by(key_selector2, key_type=key_type)
        )

    def map(self, func: CoMapFunction, output_type: TypeInformation | None = None) -> DataStream:
        """At most one record out for each record in: a result of ``None`` is left out."""
        check_function_class(func, CoMapFunction, "map")
        spec = CoMapSpec(func, *self._key_selectors("map"))
        return add_two_input_operator("co_map", "Co-Map", spec, self.stream1, self.stream2, output_type)

    def flat_map(self, func: CoFlatMapFunction, output_type: TypeInformation | None = None) -> DataStream:
        """Any number of records out for each record in."""
        check_function_class(func, CoFlatMapFunction, "flat_map")
        spec = CoFlatMapSpec(func, *self._key_selectors("flat_map"))
        return add_two_input_operator("co_flat_map", "Co-Flat Map", spec, self.stream1, self.stream2, output_type)

    def process(
        self, func: CoProcessFunction | KeyedCoProcessFunction, output_type: TypeInformation | None = None
    ) -> DataStream:
        """Any number of records out for each record in, with time, side outputs and, where keyed, state and timers.

        :raises InvalidProgramError: a ``KeyedCoProcessFunction`` on streams that are not both keyed.
        """
        check_function_class(func, CoProcessFunction, "process", also=(KeyedCoProcessFunction,))
        keys = self._key_selectors("process")
        if isinstance(func, KeyedCoProcessFunction) and not keys:
            keyed = "only one of these is" if self._is_any_keyed() else "these are not"
            raise InvalidProgramError(
                f"{call_site()}: a KeyedCoProcessFunction needs two keyed streams, and {keyed}; connect keyed streams, "
                "or call connect(...).key_by(key_selector1, key_selector2).process(...)"
            )
        name = "Keyed Co-Process" if keys else "Co-Process"
        spec = CoProcessSpec(func, *keys)
        return add_two_input_operator("co_process", name, spec, self.stream1, self.stream2, output_type)

    def _key_selectors(self, method: str) -> tuple[Any, ...]:
        """Both key selectors; none if not both streams are keyed."""
        if not isinstance(self.stream1, KeyedStream) or not isinstance(self.stream2, KeyedStream):
            return ()
        check_key_types(method, self.stream1, self.stream2)
        return self.stream1._key_selector(), self.stream2._key_selector()

    def _is_any_keyed(self) -> bool:
        return isinstance(self.stream1, KeyedStream) or isinstance(self.stream2, KeyedStream)
