"""Calls the user's key selector and partitioner, and says on which record they failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["PartitionerFunctionError", "key_function", "map_records"]


class PartitionerFunctionError(Exception):
    """The user's function failed on a record. ``__cause__`` is the user's exception.

    :ivar record: the record.
    :ivar phase: ``get_key`` or ``partition``.
    """

    def __init__(self, phase: str, record: object, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.phase = phase
        self.record = record


def key_function(key_selector: Any) -> Callable[[Any], Any]:
    """Return a key selector as a plain callable; a ``KeySelector`` has ``get_key``."""
    method = getattr(key_selector, "get_key", None)
    if callable(method):
        return method  # type: ignore[no-any-return]  # the user's object
    if not callable(key_selector):
        raise TypeError(f"key selector {key_selector!r} is neither callable nor a KeySelector with get_key(value)")
    return key_selector  # type: ignore[no-any-return]  # the user's object


def map_records(phase: str, function: Callable[..., Any], records: list[Any], *more: Iterable[Any]) -> list[Any]:
    """Return ``function``'s results for the records.

    :param more: further arguments of the calls; then ``function`` is not called with the records themselves.
    :raises PartitionerFunctionError: it raised for one of them.
    """
    results: list[Any] = []
    try:
        # Results before the failing call are in the list already; that tells the record at no cost.
        results.extend(map(function, *more) if more else map(function, records))
    except Exception as error:
        raise PartitionerFunctionError(phase, records[len(results)], error) from error
    return results
