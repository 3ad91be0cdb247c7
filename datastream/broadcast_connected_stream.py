"""A stream together with a broadcast one: the broadcast state pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from millstream.common.graph.operator_spec import BroadcastProcessSpec
from millstream.datastream.call_site import call_site
from millstream.datastream.functions import BroadcastProcessFunction, KeyedBroadcastProcessFunction
from millstream.datastream.functions_check import check_function_class
from millstream.datastream.keyed_stream import KeyedStream
from millstream.datastream.two_inputs import add_two_input_operator, check_streams

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.broadcast_stream import BroadcastStream
    from millstream.datastream.data_stream import DataStream
    from millstream.datastream.state import MapStateDescriptor

__all__ = ["BroadcastConnectedStream"]


class BroadcastConnectedStream:
    """A stream whose records are processed by what a broadcast stream has said so far."""

    def __init__(
        self,
        non_broadcast_stream: DataStream,
        broadcast_stream: BroadcastStream,
        broadcast_state_descriptors: Sequence[MapStateDescriptor],
    ) -> None:
        """:raises InvalidProgramError: the streams belong to different environments."""
        check_streams("connect", non_broadcast_stream, broadcast_stream.input_stream)
        self.non_broadcast_stream = non_broadcast_stream
        self.broadcast_stream = broadcast_stream
        self.broadcast_state_descriptors = list(broadcast_state_descriptors)

    def process(
        self,
        func: BroadcastProcessFunction[Any, Any, Any] | KeyedBroadcastProcessFunction[Any, Any, Any, Any],
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Any number of records out for each record of either stream.

        :raises TypeError: a keyed stream needs a ``KeyedBroadcastProcessFunction``, any other a
            ``BroadcastProcessFunction``.
        """
        check_function_class(func, BroadcastProcessFunction, "process", also=(KeyedBroadcastProcessFunction,))
        stream = self.non_broadcast_stream
        keyed = isinstance(stream, KeyedStream)
        if keyed and not isinstance(func, KeyedBroadcastProcessFunction):
            raise TypeError(
                f"{call_site()}: BroadcastProcessFunction should be applied to non-keyed DataStream; for a keyed one "
                "there is KeyedBroadcastProcessFunction"
            )
        if not keyed and not isinstance(func, BroadcastProcessFunction):
            raise TypeError(
                f"{call_site()}: KeyedBroadcastProcessFunction should be applied to keyed DataStream; call key_by() "
                "before connect()"
            )
        name = "Keyed-Co-Process-Broadcast" if keyed else "Co-Process-Broadcast"
        spec = BroadcastProcessSpec(func, tuple(self.broadcast_state_descriptors), stream._key_selector())
        return add_two_input_operator(
            "broadcast_process", name, spec, stream, self.broadcast_stream.input_stream, output_type
        )
