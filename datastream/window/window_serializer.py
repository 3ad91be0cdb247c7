"""Windows as bytes.

The engine pickles windows. These are for programs with window assigners of their own, whose ``get_window_serializer``
gives one.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from millstream.common.serializer import TypeSerializer
from millstream.datastream.window.count_window import CountWindow
from millstream.datastream.window.global_window import GlobalWindow
from millstream.datastream.window.time_window import TimeWindow

__all__ = ["CountWindowSerializer", "GlobalWindowSerializer", "TimeWindowSerializer"]

_TIME = struct.Struct(">qq")
_COUNT = struct.Struct(">q")


class TimeWindowSerializer(TypeSerializer[TimeWindow]):
    """16 bytes: start and end."""

    def serialize(self, element: TimeWindow, stream: BinaryIO) -> None:
        stream.write(_TIME.pack(element.start, element.end))

    def deserialize(self, stream: BinaryIO) -> TimeWindow:
        return TimeWindow(*_TIME.unpack(stream.read(_TIME.size)))


class CountWindowSerializer(TypeSerializer[CountWindow]):
    """8 bytes: the id."""

    def serialize(self, element: CountWindow, stream: BinaryIO) -> None:
        stream.write(_COUNT.pack(element.id))

    def deserialize(self, stream: BinaryIO) -> CountWindow:
        return CountWindow(*_COUNT.unpack(stream.read(_COUNT.size)))


class GlobalWindowSerializer(TypeSerializer[GlobalWindow]):
    """One byte, since some formats cannot tell an empty value from none."""

    def serialize(self, element: GlobalWindow, stream: BinaryIO) -> None:
        stream.write(b"\0")

    def deserialize(self, stream: BinaryIO) -> GlobalWindow:
        stream.read(1)
        return GlobalWindow.get()
