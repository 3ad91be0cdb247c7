"""Memory sizes in configuration values: ``32 kb``, ``1g``, ``1048576`` (a bare number is bytes)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MEMORY_SIZE", "MemorySizeKind", "format_memory_size", "parse_memory_size"]

_UNITS: dict[int, tuple[str, ...]] = {
    1: ("", "b", "bytes"),
    1 << 10: ("k", "kb", "kibibytes"),
    1 << 20: ("m", "mb", "mebibytes"),
    1 << 30: ("g", "gb", "gibibytes"),
    1 << 40: ("t", "tb", "tebibytes"),
}
_SIZE_OF_SPELLING = {spelling: size for size, spellings in _UNITS.items() for spelling in spellings}
_PATTERN = re.compile(r"\s*([0-9]+)\s*([A-Za-z]*)\s*")


def parse_memory_size(text: str) -> int:
    """Reads a memory size, in bytes; units are binary multiples. Raises ``ValueError`` where the text is not one."""
    match = _PATTERN.fullmatch(text)
    size = _SIZE_OF_SPELLING.get(match[2].lower()) if match else None
    if match is None or size is None:
        raise ValueError(f"{text!r} is not a memory size")
    return int(match[1]) * size


def format_memory_size(value: int) -> str:
    """Writes a number of bytes in the largest unit that holds it as a whole number."""
    for size, unit in ((1 << 40, "tb"), (1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")):
        if value and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value} bytes"


@dataclass(frozen=True, slots=True)
class MemorySizeKind:
    """A number of bytes, not negative."""

    minimum: int = 0
    name: str = "MemorySize"

    @property
    def expected(self) -> str:
        least = f" of at least {format_memory_size(self.minimum)}" if self.minimum else ""
        return f"a memory size{least} such as '32 kb' or '1g' (a bare number is in bytes)"

    def parse(self, text: str) -> int:
        return self._checked(parse_memory_size(text))

    def format(self, value: int) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a number of bytes")
        return format_memory_size(self._checked(value))

    def _checked(self, value: int) -> int:
        if value < self.minimum:
            raise ValueError(f"{value} bytes are too few")
        return value


MEMORY_SIZE = MemorySizeKind()
