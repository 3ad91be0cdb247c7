"""Refuses sizes that make no windows, in the line of the program that gives them."""

from __future__ import annotations

from typing import Any

from millstream.datastream.call_site import call_site

__all__ = ["check_positive", "check_sliding", "check_tumbling"]


def check_positive(owner: str, **numbers: Any) -> None:
    """:raises TypeError, ValueError: one of the numbers is not an int from 1."""
    for name, number in numbers.items():
        _check_int(owner, name, number)
        if number <= 0:
            raise ValueError(f"{call_site()}: {owner} parameters must satisfy 0 < {name}, not {number}")


def check_tumbling(owner: str, size: Any, offset: Any) -> None:
    """:raises TypeError, ValueError: these are no settings of tumbling windows."""
    _check_int(owner, "size", size)
    _check_int(owner, "offset", offset)
    if abs(offset) >= size:
        raise ValueError(
            f"{call_site()}: {owner} parameters must satisfy abs(offset) < size: {size} and {offset} ms do not"
        )


def check_sliding(owner: str, size: Any, slide: Any, offset: Any) -> None:
    """:raises TypeError, ValueError: these are no settings of sliding windows."""
    _check_int(owner, "size", size)
    _check_int(owner, "slide", slide)
    _check_int(owner, "offset", offset)
    if abs(offset) >= slide or size <= 0:
        raise ValueError(
            f"{call_site()}: {owner} parameters must satisfy abs(offset) < slide and size > 0: size {size}, slide "
            f"{slide} and offset {offset} ms do not"
        )


def _check_int(owner: str, name: str, number: Any) -> None:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{call_site()}: {name} of {owner} must be an int, not {number!r}")
