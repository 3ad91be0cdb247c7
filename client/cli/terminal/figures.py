"""Figures as people read them."""

from __future__ import annotations

from typing import Final

__all__ = ["amount", "clock", "size"]

_EXACT: Final = 1_000_000


def amount(number: float) -> str:
    """Return ``12,345``, ``1.2M``, ``3.4G``."""
    if number < _EXACT:
        return f"{number:,.0f}"
    for unit in ("M", "G"):
        number /= 1e6 if unit == "M" else 1e3
        if number < 1000:
            return f"{number:.1f}{unit}"
    return f"{number / 1e3:.1f}T"


def clock(seconds: float) -> str:
    """Return ``00:12``, or ``1:00:12`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def size(number: float) -> str:
    """Return ``512 B``, ``1.5 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
