"""Which records are copied on their way out."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from millstream.taskmanager.operators.detached import owned


class Reading(NamedTuple):
    sensor: str
    value: Any


class Marked(Reading):
    """Has attributes of its own: there is a dict in it."""


@pytest.mark.parametrize("value", [1, "a", (1, "a"), Reading("a", 1.0)])
def test_what_cannot_change_is_not_copied(value: Any) -> None:
    assert owned(value) is value


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, [2]), Reading("a", [1]), Marked("a", 1.0)])
def test_what_can_change_is_copied(value: Any) -> None:
    copied = owned(value)
    assert copied == value
    assert type(copied) is type(value)
    assert copied is not value


def test_attributes_of_a_tuple_are_copied_with_it() -> None:
    value = Marked("a", 1.0)
    value.notes = ["first"]  # type: ignore[attr-defined]  # what a user may do
    copied = owned(value)
    value.notes.append("second")  # type: ignore[attr-defined]  # as above
    assert copied.notes == ["first"]
