"""Durations in configuration values: ``10 s``, ``5min``, ``250`` (a bare number is milliseconds)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["DURATION", "DURATION_IN_SECONDS", "DurationKind", "format_duration", "parse_duration"]

# Microseconds of each unit. Nanoseconds are handled apart: a timedelta knows nothing below a microsecond.
_UNITS: dict[str, tuple[str, ...]] = {
    "d": ("d", "day", "days"),
    "h": ("h", "hour", "hours"),
    "min": ("m", "min", "minute", "minutes"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "milli", "millis", "millisecond", "milliseconds"),
    "us": ("µs", "μs", "us", "micro", "micros", "microsecond", "microseconds"),
    "ns": ("ns", "nano", "nanos", "nanosecond", "nanoseconds"),
}
_NANOSECONDS: dict[str, int] = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "min": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_UNIT_OF_SPELLING = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings}
_PATTERN = re.compile(r"\s*([0-9]+)\s*([^\s0-9]*)\s*")


def parse_duration(text: str, bare_unit: str = "ms") -> timedelta:
    """Reads a duration.

    :param text: a whole number and a unit; blanks around both and the unit's case do not matter.
    :param bare_unit: the unit of a number without one.
    :raises ValueError: where the text is not a duration.
    """
    match = _PATTERN.fullmatch(text)
    unit = _UNIT_OF_SPELLING.get(match[2].lower() or bare_unit) if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} is not a duration")
    nanoseconds = int(match[1]) * _NANOSECONDS[unit]
    if nanoseconds % 1_000:
        raise ValueError(f"{text!r} is finer than a microsecond")
    try:
        return timedelta(microseconds=nanoseconds // 1_000)
    except OverflowError:
        # Flink users write Long.MAX_VALUE for "never".
        return timedelta.max


def format_duration(value: timedelta) -> str:
    """Writes a duration in the largest unit that holds it as a whole number."""
    if value == timedelta.max:
        return f"{timedelta.max.days} d"
    microseconds = value // timedelta(microseconds=1)
    if microseconds < 0:
        raise ValueError(f"{value!r} is negative")
    for unit in ("d", "h", "min", "s", "ms"):
        size = _NANOSECONDS[unit] // 1_000
        if microseconds and microseconds % size == 0:
            return f"{microseconds // size} {unit}"
    return f"{microseconds} us" if microseconds else "0 ms"


@dataclass(frozen=True, slots=True)
class DurationKind:
    """A length of time, not negative.

    :ivar bare_unit: the unit of a number without one.
    """

    bare_unit: str = "ms"
    name: str = "Duration"

    @property
    def expected(self) -> str:
        return f"a duration such as '10 s', '5 min' or '200 ms' (a bare number is in {self.bare_unit})"

    def parse(self, text: str) -> timedelta:
        return parse_duration(text, self.bare_unit)

    def format(self, value: timedelta) -> str:
        if not isinstance(value, timedelta):
            raise ValueError(f"{value!r} is not a datetime.timedelta")
        return format_duration(value)


DURATION = DurationKind()
DURATION_IN_SECONDS = DurationKind("s")
