"""Functions made from generated source: what failed in which of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from millstream.taskmanager.operators.generated import GeneratedFunction, Line

_LINES = [Line("def generated(values):"), Line("    return [call(value) for value in values]", tag=7)]


def _make(call: Callable[[Any], Any]) -> GeneratedFunction:
    return GeneratedFunction("calls", _LINES, {"call": call})


def _error_of(function: GeneratedFunction) -> ZeroDivisionError:
    with pytest.raises(ZeroDivisionError) as raised:
        function.call([2, 1, 0])
    return raised.value


def test_functions_of_one_source_call_each_their_own() -> None:
    assert _make(lambda value: value + 1).call([1]) == [2]
    assert _make(lambda value: value * 10).call([1]) == [10]


def test_functions_of_one_source_do_not_answer_for_each_other() -> None:
    sound, failing = _make(lambda value: value), _make(lambda value: 1 // value)
    error = _error_of(failing)
    failed = failing.failed_line(error)
    assert failed is not None
    assert (failed.tag, failed.first_argument) == (7, 0)
    assert sound.failed_line(error) is None


def test_of_two_of_one_source_within_each_other_each_knows_its_own_part() -> None:
    inner = _make(lambda value: 1 // value)
    outer = _make(lambda value: inner.call([value, 5]))
    error = _error_of(outer)
    there, here = inner.failed_line(error), outer.failed_line(error)
    assert there is not None
    assert here is not None
    assert there.variables["values"] == [0, 5]
    assert here.variables["values"] == [2, 1, 0]
