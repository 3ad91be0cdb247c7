"""Dates as directory names, by the patterns of Java's ``DateTimeFormatter``, in which PyFlink programs write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo

__all__ = ["DateTimePattern", "time_zone"]

_Field: TypeAlias = Callable[[datetime], str]

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_NUMBERS: dict[str, tuple[Callable[[datetime], int], int]] = {
    "D": (lambda t: t.timetuple().tm_yday, 3),
    "d": (lambda t: t.day, 2),
    "H": (lambda t: t.hour, 2),
    "k": (lambda t: t.hour or 24, 2),
    "K": (lambda t: t.hour % 12, 2),
    "h": (lambda t: t.hour % 12 or 12, 2),
    "m": (lambda t: t.minute, 2),
    "s": (lambda t: t.second, 2),
}
"""Fields that are numbers: what they are, and how many letters there may be."""

_TOKENS = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']", re.DOTALL)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")


class DateTimePattern:
    """Writes points in time.

    Known are the letters ``y u M L d D E a H k K h m s S X x Z`` and texts in quotes; names are English.

    :raises ValueError: the pattern has another letter, or a letter too many times.
    """

    __slots__ = ("_fields", "_zone", "pattern")

    def __init__(self, pattern: str, zone: tzinfo | None) -> None:
        """:param zone: ``None``: that of the machine which formats."""
        if not isinstance(pattern, str):
            raise TypeError(f"a date pattern is a text such as 'yyyy-MM-dd--HH', not {pattern!r}")
        self.pattern = pattern
        self._zone = zone
        self._fields = tuple(_fields(pattern))

    def format(self, time_ms: int) -> str:
        """The text of a time in ms since the Unix epoch."""
        moment = datetime.fromtimestamp(time_ms // 1000, timezone.utc).astimezone(self._zone)
        moment = moment.replace(microsecond=time_ms % 1000 * 1000)
        return "".join([field if isinstance(field, str) else field(moment) for field in self._fields])

    def __reduce__(self) -> tuple[type[DateTimePattern], tuple[str, tzinfo | None]]:
        return DateTimePattern, (self.pattern, self._zone)  # the fields hold functions


def time_zone(name: str) -> tzinfo:
    """The time zone of a name: ``America/Los_Angeles``, ``UTC``, ``Z``, ``GMT-08:00``, ``+02:00``.

    :raises ValueError: there is none.
    """
    if name in ("Z", "UTC", "GMT", "UT"):
        return timezone.utc
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        hours, minutes, seconds = (int(part or 0) for part in offset.groups()[1:])
        if hours <= 18 and minutes < 60 and seconds < 60:
            distance = timedelta(hours=hours, minutes=minutes, seconds=seconds)
            return timezone(-distance if offset[1] == "-" else distance)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        pass
    except KeyError:
        pass
    raise ValueError(
        f"there is no time zone {name!r}; give a name such as 'America/Los_Angeles' or an offset such as 'GMT-08:00'"
    )


def _fields(pattern: str) -> Iterator[str | _Field]:
    position = 0
    while position < len(pattern):
        token = _TOKENS.match(pattern, position)
        if token is None:
            raise ValueError(f"date pattern {pattern!r}: the quote at {position} has no end")
        text = token[0]
        position = token.end()
        if text[0] == "'":
            yield "'" if text == "''" else text[1:-1].replace("''", "'")
        elif token[1] is None:
            if text in "[]{}#":
                raise ValueError(f"date pattern {pattern!r}: {text!r} has a meaning that is not supported; quote it")
            yield text
        else:
            field = _field(text[0], len(text))
            if field is None:
                raise ValueError(
                    f"date pattern {pattern!r}: {text!r} is not supported; the letters are y M d H m s S a D E h k K u "
                    "L X x Z, and other text stands in single quotes"
                )
            yield field


def _field(letter: str, count: int) -> _Field | None:
    if letter in _NUMBERS:
        number, most = _NUMBERS[letter]
        return (lambda t: f"{number(t):0{count}d}") if count <= most else None
    if letter in "yu":
        return (lambda t: f"{t.year % 100:02d}") if count == 2 else lambda t: f"{t.year:0{count}d}"
    if letter in "ML" and count <= 4:
        return (lambda t: f"{t.month:0{count}d}") if count <= 2 else _name(lambda t: _MONTHS[t.month - 1], count)
    if letter == "E" and count <= 4:
        return _name(lambda t: _DAYS[t.weekday()], max(count, 3))
    if letter == "S" and count <= 9:
        return lambda t: f"{t.microsecond * 1000:09d}"[:count]
    if letter == "a" and count == 1:
        return lambda t: "AM" if t.hour < 12 else "PM"
    if letter in "XxZ" and count <= 3:
        return _offset(letter, count)
    return None


def _name(name: _Field, count: int) -> _Field:
    return name if count == 4 else lambda t: name(t)[:3]


def _offset(letter: str, count: int) -> _Field:
    """``X`` ``+01``, ``XX`` ``+0100``, ``XXX`` ``+01:00``, with ``Z`` for 0; ``x`` the same without it; ``Z`` as xx."""
    colon = ":" if count == 3 and letter != "Z" else ""
    short = count == 1 and letter != "Z"

    def offset(moment: datetime) -> str:
        minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
        if not minutes and letter == "X":
            return "Z"
        sign = "-" if minutes < 0 else "+"
        hours, rest = divmod(abs(minutes), 60)
        return f"{sign}{hours:02d}" if short and not rest else f"{sign}{hours:02d}{colon}{rest:02d}"

    return offset
