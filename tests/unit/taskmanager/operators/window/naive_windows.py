"""Windows of time as simply as they can be written down, to compare operators with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP


@dataclass
class NaiveWindows:
    """Keeps all elements of all windows, and looks at every one of them whenever time goes on.

    :ivar fired: ``(key, start, end, elements)`` of each firing, in order but for windows that fire at the same time.
    :ivar late: what came too late for all its windows, and its timestamp.
    """

    size: int
    slide: int
    offset: int = 0
    lateness: int = 0
    watermark: int = MIN_TIMESTAMP
    fired: list[tuple[Any, int, int, list[Any]]] = field(default_factory=list)
    late: list[tuple[Any, int]] = field(default_factory=list)
    contents: dict[tuple[int, Any], list[Any]] = field(default_factory=dict)

    def add(self, key: Any, value: Any, timestamp: int) -> None:
        in_time = False
        # The last window first, as operators assign them.
        for start in range(timestamp, timestamp - self.size, -1):
            if (start - self.offset) % self.slide:
                continue
            last = start + self.size - 1
            if min(last + self.lateness, MAX_TIMESTAMP) <= self.watermark:
                continue
            in_time = True
            self.contents.setdefault((start, key), []).append(value)
            if last <= self.watermark:
                self.fire(start, key)
        if not in_time and timestamp + self.lateness <= self.watermark:
            self.late.append((value, timestamp))

    def advance(self, watermark: int) -> None:
        before, self.watermark = self.watermark, watermark
        for start, key in sorted(self.contents, key=lambda each: each[0]):
            last = start + self.size - 1
            if before < last <= watermark:
                self.fire(start, key)
            if last + self.lateness <= watermark:
                del self.contents[start, key]

    def fire(self, start: int, key: Any) -> None:
        self.fired.append((key, start, start + self.size, list(self.contents[start, key])))
