"""Inlined expressions give what the functions give."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.operators.inlining import inline_expression

_GLOBAL = 3

_ONE: list[Callable[[Any], Any]] = [
    lambda x: x * 2 + 1,
    lambda x: x % 3 == 0,
    lambda x: (x, "a", 1.5),
    lambda x: not x,
    lambda x: not x == 3,  # noqa: SIM201  # Python 3.13 compiles it in a way of its own
    lambda x: (not x, not x < 3),
    lambda x: -x + ~x,
    lambda x: x in (1, 2, 3),
    lambda x: x not in (1, 2, 3),
    lambda x: x is None,
    lambda x: x is not None,
    lambda x: [x, (x,)],
    lambda x: (x, x)[0] - 2 * (x - 3) // 7,
    lambda x: (1 - (x - (2 - x))) ** 2,
    lambda x: x - (x < 3),
    lambda x: "{0}",
    lambda x: 5,
    lambda x: -5,
    lambda x: x & 6 | x ^ 2 << 1,
]


def _evaluate(function: Callable[..., Any], *arguments: Any) -> Any:
    expression = inline_expression(function, len(arguments))
    assert expression is not None
    names = [f"argument{i}" for i in range(len(arguments))]
    return eval(expression.render(*names), {**expression.constants, **dict(zip(names, arguments, strict=True))})


@given(st.sampled_from(_ONE), st.integers(-(2**70), 2**70))
def test_an_inlined_function_gives_the_same(function: Callable[[Any], Any], value: int) -> None:
    if sys.gettrace() is None:
        assert _evaluate(function, value) == function(value)


def test_two_arguments_and_subscripts() -> None:
    assert _evaluate(lambda a, b: (a[0], a[1] + b[1]), ("k", 1), ("k", 2)) == ("k", 3)
    assert _evaluate(lambda p: p[0], ("k", 1)) == "k"
    assert _evaluate(lambda a, b: b - a, 1, 10) == 9
    assert _evaluate(lambda x: x["k"][0]["n"], {"k": [{"n": 4}]}) == 4
    assert _evaluate(lambda x: (x, 2)[1], 1) == 2


def _augmented(x: Any) -> Any:
    x += 1
    return x


def _with_default(x: Any, y: int = 2) -> Any:
    return x + y


def _generator(x: Any) -> Any:
    yield x


async def _coroutine(x: Any) -> Any:
    return x


def _closure() -> Callable[[Any], Any]:
    y = 1
    return lambda x: x + y


@pytest.mark.parametrize(
    "function",
    [
        _augmented,
        _with_default,
        _generator,
        _coroutine,
        _closure(),
        lambda x: 2 if x else 1,
        lambda x: x and 1,
        lambda x: len(x) + 1,
        lambda x: x.name,
        lambda x: x + _GLOBAL,
        lambda x: f"{x}",
        lambda x: 1 < x < 3,
        lambda *x: x,
        lambda x: [-each for each in x],
        str,
        abs,
        "text".join,
    ],
)
def test_what_is_not_a_simple_expression_is_called(function: Callable[..., Any]) -> None:
    assert inline_expression(function, 1) is None


def test_the_number_of_arguments_must_fit() -> None:
    assert inline_expression(lambda a, b: a, 1) is None
    assert inline_expression(lambda a: a, 2) is None


def test_nothing_is_inlined_while_somebody_traces() -> None:
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        assert inline_expression(lambda x: x + 1, 1) is None
    finally:
        sys.settrace(before)
