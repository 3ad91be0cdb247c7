"""Sessions and counted windows as simply as they can be written down, to compare the operator with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from millstream.common.records import MIN_TIMESTAMP

Element = tuple[str, int, int]
"""Key, number and timestamp; the number is the element's own."""
Step = list[Element] | int
"""A batch of elements, or a watermark."""


@st.composite
def steps(draw: st.DrawFn, disorder: int = 12) -> list[Step]:
    """Batches of any size with timestamps in some disorder, and watermarks at any place between them.

    Watermarks follow the elements, as real ones do, but some come too early, so that elements are late.
    """
    made: list[Step] = []
    now = draw(st.integers(-20, 20))
    watermark = MIN_TIMESTAMP
    number = 0
    for _ in range(draw(st.integers(0, 12))):
        batch: list[Element] = []
        for _ in range(draw(st.integers(0, 6))):
            now += draw(st.integers(0, 6))
            timestamp = now - draw(st.integers(0, disorder))
            batch.append((draw(st.sampled_from("ab")), number, timestamp))
            number += 1
        made.append(batch)
        if draw(st.booleans()):
            watermark = max(watermark, now - draw(st.integers(0, disorder)))
            made.append(watermark)
    return made


@dataclass
class Session:
    start: int
    end: int
    elements: list[Element]


@dataclass
class NaiveSessions:
    """Every element is a session of its own, and all sessions of a key that touch are one.

    :ivar fired: ``(key, start, end, numbers)`` of each firing.
    """

    gap: Callable[[Element], int]
    lateness: int = 0
    watermark: int = MIN_TIMESTAMP
    fired: list[tuple[str, int, int, list[int]]] = field(default_factory=list)
    late: list[Element] = field(default_factory=list)
    sessions: dict[str, list[Session]] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        key, _, timestamp = element
        new = Session(timestamp, timestamp + self.gap(element), [element])
        others = self.sessions.setdefault(key, [])
        grown = True
        while grown:
            grown = False
            for other in list(others):
                if other.start <= new.end and new.start <= other.end:
                    others.remove(other)
                    new = Session(
                        min(other.start, new.start), max(other.end, new.end), [*other.elements, *new.elements]
                    )
                    grown = True
        if new.end - 1 + self.lateness <= self.watermark:
            assert new.elements == [element]  # what was there before had not ended yet
            self.late.append(element)
            return
        others.append(new)
        if new.end - 1 <= self.watermark:
            self.fire(key, new)

    def advance(self, watermark: int) -> None:
        before, self.watermark = self.watermark, max(watermark, self.watermark)
        for key, sessions in self.sessions.items():
            for session in list(sessions):
                if before < session.end - 1 <= watermark:
                    self.fire(key, session)
                if session.end - 1 + self.lateness <= watermark:
                    sessions.remove(session)

    def fire(self, key: str, session: Session) -> None:
        numbers = sorted(number for _, number, _ in session.elements)
        self.fired.append((key, session.start, session.end, numbers))


def naive_count_windows(elements: list[Element], size: int, slide: int) -> list[tuple[str, list[int]]]:
    """The full windows of each key: ``size`` elements from every ``slide``-th one on."""
    by_key: dict[str, list[int]] = {}
    for key, number, _ in elements:
        by_key.setdefault(key, []).append(number)
    return [
        (key, numbers[start : start + size])
        for key, numbers in by_key.items()
        for start in range(0, len(numbers) - size + 1, slide)
    ]


def key_of(element: Any) -> Any:
    return element[0]
