"""How many arguments a function has to be given."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from millstream.common.required_arguments import required_arguments


class Functions:
    def method(self, first: Any, second: Any) -> None: ...

    def __call__(self, first: Any, *, name: Any) -> None: ...


def named(first: Any, /, second: Any, third: Any = None, *more: Any, name: Any, **others: Any) -> None: ...


@pytest.mark.parametrize(
    ("call", "count"),
    [
        (lambda: None, 0),
        (lambda *values: values, 0),
        (lambda first, second=2: (first, second), 1),
        (named, 2),
        (partial(named, 1), 1),
        (Functions().method, 2),
        (Functions(), 1),
        (max, 0),
    ],
)
def test_what_has_no_default_counts(call: Any, count: int) -> None:
    assert required_arguments(call) == count
