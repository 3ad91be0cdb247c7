"""Tests of many values at once: whether all of them are of a type already.

Nearly all values that a function with an output type gives are. A test in Python for each costs more than the function
often does; over a list of values the loops run in C: the list of their types, the columns of tuples, the bits of ints.
Where a test says no, the conversion looks at the values one by one, and knows better.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import chain
from operator import is_, itemgetter
from typing import Any, TypeAlias

__all__ = [
    "ColumnTest",
    "convert_each",
    "elements_test",
    "fields_test",
    "floats_test",
    "instances",
    "instances_test",
    "integers_test",
    "unchanged_test",
]

ColumnTest: TypeAlias = Callable[[Sequence[Any]], bool]
"""True only if each of the values would be converted to itself, or to one that nobody can tell from it."""

_NONE = type(None)


def convert_each(convert: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """Convert values one by one. From the variables of this frame operators see which one was refused."""
    it = iter(values)
    return list(map(convert, it))


def instances(column: Sequence[Any], cls: type) -> Sequence[Any] | None:
    """The values that are not ``None`` if all of these are of exactly this class; else ``None``."""
    types = list(map(type, column))
    count = types.count(cls)
    if count == len(types):
        return column
    if count + types.count(_NONE) == len(types):
        return [value for value in column if value is not None]
    return None


def instances_test(cls: type, test: ColumnTest | None = None) -> ColumnTest:
    """Return the test of a type all of whose values are instances of one class.

    :param test: what has to hold for these instances as well; ``None``: nothing.
    """
    if test is None:
        return lambda column: instances(column, cls) is not None

    def test_instances(column: Sequence[Any]) -> bool:
        found = instances(column, cls)
        return found is not None and test(found)

    return test_instances


def integers_test(bits: int) -> ColumnTest:
    """Return the test of ints of so many bits."""
    code = {8: "b", 16: "h", 32: "i", 64: "q"}[bits]

    def test(column: Sequence[Any]) -> bool:
        numbers = instances(column, int)
        if numbers is None:
            return False
        try:
            struct.pack(f"{len(numbers)}{code}", *numbers)
        except struct.error:
            return False
        return True

    return test


def floats_test(column: Sequence[Any]) -> bool:
    """The test of floats of 32 bits."""
    numbers = instances(column, float)
    if numbers is None:
        return False
    single = f"{len(numbers)}f"
    try:
        return struct.unpack(single, struct.pack(single, *numbers)) == tuple(numbers)
    except OverflowError:
        return False


def fields_test(size: int, tests: Sequence[ColumnTest | None]) -> ColumnTest:
    """Return the test of tuples with so many fields.

    :param tests: those of the fields; ``None``: it may be anything.
    """
    first_column = _first_column(size)
    first_test = tests[0] if tests else None
    others = [(itemgetter(position), test) for position, test in enumerate(tests) if position and test is not None]

    def test_fields(column: Sequence[Any]) -> bool:
        try:
            first = first_column(column)
        except ValueError:  # one has more fields, or fewer
            return False
        if first_test is not None and not first_test(first):
            return False
        # No tuples or iterators per record: the garbage collector would look at all results because of them.
        return all(test(list(map(field, column))) for field, test in others)

    return test_fields


def _first_column(size: int) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what takes the first fields out of tuples, and raises ``ValueError`` if one has not ``size`` of them."""
    if size == 0:
        return lambda column: [() for () in column]
    scope: dict[str, Any] = {}
    names = ", ".join(["v", *["_"] * (size - 1)])
    source = f"def first_column(column):\n    return [v for [{names}] in column]\n"
    exec(compile(source, "<millstream generated first column>", "exec"), scope)  # our own text
    first_column: Callable[[Sequence[Any]], list[Any]] = scope["first_column"]
    return first_column


def elements_test(cls: type, test: ColumnTest | None, *, nullable: bool = True) -> ColumnTest:
    """Return the test of collections of a class.

    :param test: that of all their elements; ``None``: they may be anything.
    """

    def test_elements(column: Sequence[Any]) -> bool:
        collections = instances(column, cls)
        if collections is None:
            return False
        elements = list(chain.from_iterable(collections))
        return (test is None or test(elements)) and (nullable or None not in elements)

    return test_elements


def unchanged_test(convert: Callable[[Any], Any]) -> ColumnTest:
    """Return the test of a type for which there is no quicker one."""

    def test(column: Sequence[Any]) -> bool:
        try:
            return all(map(is_, column, map(convert, column)))
        except Exception:  # noqa: BLE001  # a value's own methods may raise anything; it will be raised again
            return False

    return test
