"""Ports in configuration values: ``9249``, ``9249-9260``, ``50100-50200,50300``; 0 lets the system choose."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.config.value_kind import IntegerKind

__all__ = ["PORT_NUMBER", "PORT_RANGE", "PortRangeKind", "parse_port_range"]

PORT_NUMBER = IntegerKind(0, 65535)


def parse_port_range(text: str) -> list[int]:
    """The ports of a range, in the order in which they are to be tried.

    :raises ValueError: where the text is not a port, a range or a comma-separated list of these.
    """
    ports: list[int] = []
    for part in text.split(","):
        low_text, dash, high_text = part.partition("-")
        low = PORT_NUMBER.parse(low_text)
        high = PORT_NUMBER.parse(high_text) if dash else low
        if high < low:
            raise ValueError(f"the range {part.strip()!r} ends before it begins")
        ports.extend(range(low, high + 1))
    return ports


@dataclass(frozen=True, slots=True)
class PortRangeKind:
    """A port or several to try, as text; :func:`parse_port_range` lists them."""

    name: str = "Port range"
    expected: str = "a port, a range or a list of these, such as '0', '50100-50200' or '50100-50200,50300'"

    def parse(self, text: str) -> str:
        parse_port_range(text)
        return text.strip()

    def format(self, value: str) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        return self.parse(value)


PORT_RANGE = PortRangeKind()
