"""Lengths of time where programs may give a number of milliseconds as well."""

from __future__ import annotations

from typing import Any

from millstream.common.time import milliseconds_of
from millstream.datastream.call_site import call_site

__all__ = ["length_in_ms"]


def length_in_ms(given: Any, what: str) -> int:
    """The number itself, or that of a ``Time``, ``Duration`` or ``timedelta``.

    :param what: names the setting in the error.
    :raises TypeError: it is none of these.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        return milliseconds_of(given)
    except TypeError as error:
        raise TypeError(f"{call_site()}: {what}: {error}") from None
