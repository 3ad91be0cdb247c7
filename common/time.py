"""Lengths and points of time, as programs state them.

:class:`Duration` and :class:`Time` are lengths (the second is the older form), :class:`Instant` is a point on the time
line. What takes a length takes either of them, or a :class:`datetime.timedelta`: see :func:`milliseconds_of`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

__all__ = ["Duration", "Instant", "Time", "milliseconds_of"]

_NANOS_OF_MILLI = 1_000_000
_NANOS_OF_SECOND = 1_000_000_000


class Duration:
    """A length of time with a resolution of a nanosecond; it may be negative."""

    __slots__ = ("_nanos",)

    def __init__(self, nanos: int) -> None:
        """:param nanos: the length in nanoseconds; programs rather use the static methods."""
        self._nanos = _whole(nanos, "nanoseconds")

    @staticmethod
    def of_days(days: int) -> Duration:
        return Duration(_whole(days, "days") * 86_400 * _NANOS_OF_SECOND)

    @staticmethod
    def of_hours(hours: int) -> Duration:
        return Duration(_whole(hours, "hours") * 3_600 * _NANOS_OF_SECOND)

    @staticmethod
    def of_minutes(minutes: int) -> Duration:
        return Duration(_whole(minutes, "minutes") * 60 * _NANOS_OF_SECOND)

    @staticmethod
    def of_seconds(seconds: int) -> Duration:
        return Duration(_whole(seconds, "seconds") * _NANOS_OF_SECOND)

    @staticmethod
    def of_millis(millis: int) -> Duration:
        return Duration(_whole(millis, "milliseconds") * _NANOS_OF_MILLI)

    @staticmethod
    def of_nanos(nanos: int) -> Duration:
        return Duration(nanos)

    def to_millis(self) -> int:
        """The length in whole milliseconds, rounded towards the past."""
        return self._nanos // _NANOS_OF_MILLI

    def to_nanos(self) -> int:
        """The length in nanoseconds."""
        return self._nanos

    def __eq__(self, other: object) -> bool:
        return self._nanos == other._nanos if isinstance(other, Duration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._nanos)

    def __reduce__(self) -> tuple[type[Duration], tuple[int]]:
        return Duration, (self._nanos,)

    def __repr__(self) -> str:
        """The ISO form, as Java writes it: ``PT1H0.5S``."""
        sign = "-" if self._nanos < 0 else ""
        minutes, nanos = divmod(abs(self._nanos), 60 * _NANOS_OF_SECOND)
        hours, minutes = divmod(minutes, 60)
        seconds, nanos = divmod(nanos, _NANOS_OF_SECOND)
        text = "PT" + (f"{sign}{hours}H" if hours else "") + (f"{sign}{minutes}M" if minutes else "")
        if nanos:
            return text + f"{sign}{seconds}.{nanos:09d}".rstrip("0") + "S"
        return text + f"{sign}{seconds}S" if seconds or text == "PT" else text


class Time:
    """A length of time in milliseconds: what programs used before :class:`Duration`."""

    __slots__ = ("_milliseconds",)

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = _whole(milliseconds, "milliseconds")

    def to_milliseconds(self) -> int:
        """The length in milliseconds."""
        return self._milliseconds

    def to_duration(self) -> Duration:
        """The same length as a :class:`Duration`."""
        return Duration.of_millis(self._milliseconds)

    @staticmethod
    def milliseconds(milliseconds: int) -> Time:
        return Time(milliseconds)

    @staticmethod
    def seconds(seconds: int) -> Time:
        return Time(_whole(seconds, "seconds") * 1000)

    @staticmethod
    def minutes(minutes: int) -> Time:
        return Time(_whole(minutes, "minutes") * 60_000)

    @staticmethod
    def hours(hours: int) -> Time:
        return Time(_whole(hours, "hours") * 3_600_000)

    @staticmethod
    def days(days: int) -> Time:
        return Time(_whole(days, "days") * 86_400_000)

    def __eq__(self, other: object) -> bool:
        return self._milliseconds == other._milliseconds if isinstance(other, Time) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._milliseconds)

    def __reduce__(self) -> tuple[type[Time], tuple[int]]:
        return Time, (self._milliseconds,)

    def __repr__(self) -> str:
        return f"{self._milliseconds} ms"


class Instant:
    """A point on the time line: seconds since 1970-01-01 UTC, and the nanoseconds after that second."""

    __slots__ = ("nanos", "seconds")

    def __init__(self, seconds: int, nanos: int) -> None:
        self.seconds = seconds
        self.nanos = nanos

    def to_epoch_milli(self) -> int:
        """Milliseconds since 1970-01-01 UTC, rounded towards the past."""
        return self.seconds * 1000 + self.nanos // _NANOS_OF_MILLI

    @staticmethod
    def of_epoch_milli(epoch_milli: int) -> Instant:
        """:param epoch_milli: milliseconds since 1970-01-01 UTC."""
        seconds, millis = divmod(epoch_milli, 1000)
        return Instant(seconds, millis * _NANOS_OF_MILLI)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instant):
            return NotImplemented
        return self.seconds == other.seconds and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash((self.seconds, self.nanos))

    def __stable_key__(self) -> tuple[int, int]:
        return self.seconds, self.nanos

    def __reduce__(self) -> tuple[type[Instant], tuple[int, int]]:
        return Instant, (self.seconds, self.nanos)

    def __repr__(self) -> str:
        return f"Instant<{self.seconds}, {self.nanos}>"


def milliseconds_of(length: Duration | Time | timedelta) -> int:
    """The length in whole milliseconds.

    :raises TypeError: it is none of the types for lengths. A bare number is refused: its unit could only be guessed.
    """
    if isinstance(length, Duration):
        return length.to_millis()
    if isinstance(length, Time):
        return length.to_milliseconds()
    if isinstance(length, timedelta):
        return length // timedelta(milliseconds=1)
    raise TypeError(f"{length!r} is no length of time: give a Duration, for example Duration.of_seconds(5)")


def _whole(value: Any, unit: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number of {unit}")
    return value
