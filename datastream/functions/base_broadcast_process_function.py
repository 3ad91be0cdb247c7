"""What the functions of the broadcast state pattern have in common: contexts with and without write access."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.state import BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState

__all__ = ["BaseBroadcastProcessFunction"]


class BaseBroadcastProcessFunction(RichFunction):
    """Processes a stream together with a broadcast one, whose records it keeps in broadcast state.

    Results are yielded (or returned as an iterable); a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A method with one more parameter
    gets a collector there: ``out.collect(value)``.
    """

    class BaseContext(ABC):
        """What is known beside the record. One object serves all records: do not keep it."""

        @abstractmethod
        def timestamp(self) -> int:
            """The event timestamp of the record or timer, ms; -2**63 (as in PyFlink): there is none."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """The time of day, ms."""

        @abstractmethod
        def current_watermark(self) -> int:
            """How far event time has come, ms; the smallest 64-bit number before the first watermark."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    class Context(BaseContext):
        """For a record of the broadcast stream, which every subtask sees: state may be written."""

        @abstractmethod
        def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
            """The broadcast state of a descriptor that the stream was broadcast with."""

    class ReadOnlyContext(BaseContext):
        """For a record that one subtask only sees: were it to change broadcast state, subtasks would differ."""

        @abstractmethod
        def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> ReadOnlyBroadcastState[Any, Any]:
            """The broadcast state of a descriptor that the stream was broadcast with, to be read."""
