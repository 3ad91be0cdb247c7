"""What windows are to give, computed in the simplest way there is: from the definition, over all events at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R")


class Event(NamedTuple):
    key: int
    value: int
    timestamp: int


class Pane(NamedTuple):
    """The content of one key's window."""

    key: Any
    start: int
    end: int
    values: tuple[int, ...]
    """In the order in which they came."""


Windows = Callable[[list[Event]], dict[tuple[int, int], list[Event]]]
"""From the events of one key to its windows."""


def sliding(size: int, slide: int, offset: int = 0) -> Windows:
    def windows(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
        found: dict[tuple[int, int], list[Event]] = {}
        for event in events:
            start = (event.timestamp - offset) // slide * slide + offset
            while start > event.timestamp - size:
                found.setdefault((start, start + size), []).append(event)
                start -= slide
        return found

    return windows


def tumbling(size: int, offset: int = 0) -> Windows:
    return sliding(size, size, offset)


def sessions(gap: int) -> Windows:
    def windows(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
        found: dict[tuple[int, int], list[Event]] = {}
        current: list[Event] = []
        for event in [*sorted(events, key=lambda each: each.timestamp), None]:
            if current and (event is None or event.timestamp > current[-1].timestamp + gap):
                found[current[0].timestamp, current[-1].timestamp + gap] = current
                current = []
            if event is not None:
                current.append(event)
        return found

    return windows


def panes(events: Iterable[Event], windows: Windows) -> list[Pane]:
    """All windows of all keys, sorted."""
    by_key: dict[int, list[Event]] = {}
    for event in events:
        by_key.setdefault(event.key, []).append(event)
    return sorted(
        Pane(key, start, end, tuple(event.value for event in content))
        for key, of_key in by_key.items()
        for (start, end), content in windows(of_key).items()
    )


def unordered(results: Iterable[Pane]) -> list[Pane]:
    """Panes with sorted values, for where their order is not fixed: inputs of several parts, sessions that merge."""
    return sorted(pane._replace(values=tuple(sorted(pane.values))) for pane in results)


def disorder(events: list[Event]) -> int:
    """How far the timestamp of an event is behind that of an earlier one, at most."""
    most, latest = 0, None
    for event in events:
        latest = event.timestamp if latest is None else max(latest, event.timestamp)
        most = max(most, latest - event.timestamp)
    return most
