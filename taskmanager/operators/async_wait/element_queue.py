"""In which order results and markers leave the operator."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from millstream.common.records import LatencyMarker, Watermark, WatermarkStatus
from millstream.taskmanager.operators.async_wait.async_call import AsyncCall

__all__ = ["ElementQueue", "OrderedQueue", "QueuedMarker", "UnorderedQueue"]

QueuedMarker: TypeAlias = Watermark | WatermarkStatus | LatencyMarker


class ElementQueue(Protocol):
    """The records that are under way and the markers among them.

    :ivar size: number of records, those included whose results have come and have not been taken yet.
    """

    size: int

    def add_call(self, call: AsyncCall) -> None:
        """A record comes in."""
        ...

    def add_marker(self, marker: QueuedMarker) -> None:
        """A marker comes in. Of two watermarks with nothing between them the later one stands for both."""
        ...

    def completed(self, call: AsyncCall) -> bool:
        """A record of the queue is done; whether there is something to take now."""
        ...

    def has_ready(self) -> bool:
        """Whether there is something to take."""
        ...

    def take(self) -> AsyncCall | QueuedMarker | None:
        """Take the next record that is done, or marker; ``None``: whatever is next is not ready."""
        ...

    def elements(self) -> Iterator[AsyncCall | QueuedMarker]:
        """All that is in the queue, in the order in which it came in between any two markers."""
        ...


class OrderedQueue:
    """Everything leaves in the order in which it came."""

    __slots__ = ("_elements", "size")

    def __init__(self) -> None:
        self._elements: deque[AsyncCall | QueuedMarker] = deque()
        self.size = 0

    def add_call(self, call: AsyncCall) -> None:
        self._elements.append(call)
        self.size += 1

    def add_marker(self, marker: QueuedMarker) -> None:
        elements = self._elements
        if elements and type(marker) is Watermark and type(elements[-1]) is Watermark:
            elements[-1] = marker
        else:
            elements.append(marker)

    def completed(self, call: AsyncCall) -> bool:
        return self._elements[0] is call

    def has_ready(self) -> bool:
        if not self._elements:
            return False
        head = self._elements[0]
        return type(head) is not AsyncCall or head.done

    def take(self) -> AsyncCall | QueuedMarker | None:
        elements = self._elements
        if not elements:
            return None
        head = elements[0]
        if type(head) is AsyncCall:
            if not head.done:
                return None
            self.size -= 1
        return elements.popleft()

    def elements(self) -> Iterator[AsyncCall | QueuedMarker]:
        return iter(self._elements)


class _Segment:
    """The records between two markers, and the markers that follow them.

    :ivar calls: those that have not been taken yet, in the order in which they came.
    :ivar done: those whose results have come, in the order in which they did.
    """

    __slots__ = ("calls", "done", "markers")

    def __init__(self) -> None:
        self.calls: dict[AsyncCall, None] = {}
        self.done: deque[AsyncCall] = deque()
        self.markers: deque[QueuedMarker] = deque()


class UnorderedQueue:
    """Results leave as they come, but none crosses a marker."""

    __slots__ = ("_segments", "size")

    def __init__(self) -> None:
        self._segments: deque[_Segment] = deque([_Segment()])
        self.size = 0

    def add_call(self, call: AsyncCall) -> None:
        last = self._segments[-1]
        if last.markers:
            last = _Segment()
            self._segments.append(last)
        call.segment = last
        last.calls[call] = None
        self.size += 1

    def add_marker(self, marker: QueuedMarker) -> None:
        markers = self._segments[-1].markers
        if markers and type(marker) is Watermark and type(markers[-1]) is Watermark:
            markers[-1] = marker
        else:
            markers.append(marker)

    def completed(self, call: AsyncCall) -> bool:
        segment: _Segment = call.segment
        segment.done.append(call)
        return segment is self._segments[0]

    def has_ready(self) -> bool:
        first = self._segments[0]
        return bool(first.done) or (not first.calls and bool(first.markers))

    def take(self) -> AsyncCall | QueuedMarker | None:
        segments = self._segments
        first = segments[0]
        if first.done:
            call = first.done.popleft()
            del first.calls[call]
            self.size -= 1
            return call
        if first.calls or not first.markers:
            return None
        marker = first.markers.popleft()
        if not first.markers and len(segments) > 1:
            segments.popleft()
        return marker

    def elements(self) -> Iterator[AsyncCall | QueuedMarker]:
        for segment in self._segments:
            yield from segment.calls
            yield from segment.markers
