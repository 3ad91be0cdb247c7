"""What a ``SourceFunction`` emits through, in its own thread."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from millstream.common.records import MAX_WATERMARK, Marker, Watermark
from millstream.datastream.functions import SourceContext
from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.plain_types import PLAIN

if TYPE_CHECKING:
    from millstream.taskmanager.task.legacy_source import LegacySource

__all__ = ["EmittedMarker", "LegacySourceContext", "StampedRecord"]


class StampedRecord:
    """A record with a timestamp, on its way to the loop."""

    __slots__ = ("timestamp", "value")

    def __init__(self, value: Any, timestamp: int) -> None:
        self.value = value
        self.timestamp = timestamp


class EmittedMarker:
    """A marker on its way to the loop (a user's record may be anything, even a marker)."""

    __slots__ = ("marker",)

    def __init__(self, marker: Marker) -> None:
        self.marker = marker


class LegacySourceContext(SourceContext):
    """What ``run`` emits through."""

    __slots__ = ("_event_time", "_idle", "_pending", "_source", "_watermark")

    def __init__(self, source: LegacySource, *, event_time: bool) -> None:
        self._source = source
        self._event_time = event_time
        self._pending = source.pending
        self._idle = False
        self._watermark: int | None = None

    def collect(self, element: Any) -> None:
        source = self._source
        if self._idle:
            self._wake_up()
        pending = self._pending
        pending.append(element if type(element) in PLAIN else owned(element))
        if source.waiting:
            source.wake()
        if len(pending) >= source.capacity:
            source.block()

    def collect_with_timestamp(self, element: Any, timestamp: int) -> None:
        if type(timestamp) is not int:
            timestamp = _checked(element, timestamp)
        if not self._event_time:
            self.collect(element)
            return
        if self._idle:
            self._wake_up()
        self._source.put(StampedRecord(owned(element), timestamp))

    def emit_watermark(self, timestamp: Any) -> None:
        if not self._event_time:
            return
        if self._idle:
            self._wake_up()
        moment = int(getattr(timestamp, "timestamp", timestamp))
        if self._watermark is None or moment > self._watermark:
            self._watermark = moment
            self._source.put(EmittedMarker(MAX_WATERMARK if moment == MAX_WATERMARK.timestamp else Watermark(moment)))

    def mark_as_temporarily_idle(self) -> None:
        self._idle = True
        self._source.mark_idle()

    def get_checkpoint_lock(self) -> Any:
        return self._source.lock

    def close(self) -> None:
        """The end of ``run`` is the end of the source."""

    def _wake_up(self) -> None:
        self._idle = False
        self._source.mark_active()


def _checked(element: Any, timestamp: Any) -> int:
    try:
        if not isinstance(timestamp, bool):
            return index(timestamp)  # ints of other libraries, such as numpy's
    except TypeError:
        pass
    raise TypeError(
        f"collect_with_timestamp() takes the timestamp as an int, a number of ms; not {timestamp!r} of type "
        f"{type(timestamp).__name__} (record: {element!r:.200})"
    )
