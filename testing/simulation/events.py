"""The events of checked streams: everything about one follows from its stream's description and its number.

So whoever gets one can tell whether it is whole and which one must come next, and a model can tell what a job gives.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from millstream.testing.simulation.job_spec import StreamSpec

__all__ = ["Event", "copies_of", "event", "is_whole", "next_of_key", "survivors"]

_BEGINNING_MS = 1_000_000
_VERY_LATE_MS = 700
_SLIGHTLY_LATE_MS = 60


class Event(NamedTuple):
    """One event.

    :ivar copy: which of those that the flat map gives of it.
    :ivar checksum: over all that is before it, and the padding.
    """

    stream: str
    number: int
    copy: int
    key: int
    timestamp: int
    amount: int
    checksum: int
    padding: bytes


def event(stream: StreamSpec, number: int, copy: int = 0) -> Event:
    """Return the event of a number."""
    mixed = number * 2654435761 & 0xFFFFFFFF
    mixed ^= mixed >> 13
    timestamp = _BEGINNING_MS + number * stream.step_ms
    if _is_late(stream, number):
        lateness = _VERY_LATE_MS if number // stream.late_every % 2 else _SLIGHTLY_LATE_MS
        timestamp -= stream.disorder_ms + stream.step_ms + lateness
    elif stream.disorder_ms:
        timestamp -= mixed % stream.disorder_ms
    padding = bytes([number % 251]) * stream.padding
    bare = Event(stream.name, number, copy, number % stream.keys, timestamp, mixed % 1000, 0, padding)
    return bare._replace(checksum=_checksum(bare))


def is_whole(one: Event) -> bool:
    """Nothing of it was changed."""
    return _checksum(one) == one.checksum


def copies_of(stream: StreamSpec, number: int) -> int:
    """How many copies of an event come out of the stream's steps."""
    if number * 7 % 10 >= stream.keep_of_ten:
        return 0
    return stream.copies


def survivors(stream: StreamSpec) -> Iterator[Event]:
    """What comes out of the stream's steps, in the order of the numbers."""
    for number in range(stream.count):
        for copy in range(copies_of(stream, number)):
            yield event(stream, number, copy)


def next_of_key(stream: StreamSpec, key: int, last: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return number and copy of what comes out of the steps for a key after ``last``; ``None``: nothing."""
    if last is not None and last[1] + 1 < copies_of(stream, last[0]):
        return last[0], last[1] + 1
    number = key if last is None else last[0] + stream.keys
    while number < stream.count and not copies_of(stream, number):
        number += stream.keys
    return (number, 0) if number < stream.count else None


def _is_late(stream: StreamSpec, number: int) -> bool:
    return bool(stream.late_every) and number % stream.late_every == stream.late_every - 1


def _checksum(one: Event) -> int:
    text = f"{one.stream} {one.number} {one.copy} {one.key} {one.timestamp} {one.amount}"
    return zlib.crc32(one.padding, zlib.crc32(text.encode()))
