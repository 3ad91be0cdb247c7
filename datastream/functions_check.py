"""Refuses what is no function where one is wanted, in the line where it is given."""

from __future__ import annotations

from typing import Any

from millstream.datastream.call_site import call_site
from millstream.datastream.functions import Function

__all__ = ["check_function", "check_function_class"]


def check_function(given: Any, function_class: type[Function], method: str) -> None:
    """Accept a callable or an instance of ``function_class``.

    :raises TypeError: it is neither; another kind of function class is neither as well.
    """
    if isinstance(given, function_class):
        return
    wanted = f"{_article(function_class.__name__)} or a callable function"
    if isinstance(given, type) and issubclass(given, Function):
        raise TypeError(
            f"{call_site()}: {method}() takes {wanted}, not a class; pass an instance: {method}({given.__name__}(...))"
        )
    if isinstance(given, Function) or not callable(given):
        raise TypeError(f"{call_site()}: the input of {method}() must be {wanted}, not {_kind(given)}")


def check_function_class(
    given: Any, function_class: type[Function], method: str, also: tuple[type[Function], ...] = ()
) -> None:
    """Accept an instance of ``function_class``, or of one of the classes ``also``.

    :raises TypeError: it is something else; a callable does not say enough.
    """
    if isinstance(given, (function_class, *also)):
        return
    wanted = " or ".join(_article(each.__name__) for each in (function_class, *also))
    if isinstance(given, type) and issubclass(given, Function):
        raise TypeError(
            f"{call_site()}: {method}() takes {wanted}, not a class; pass an instance: {method}({given.__name__}(...))"
        )
    raise TypeError(f"{call_site()}: the input of {method}() must be {wanted}, not {_kind(given)}")


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _kind(given: Any) -> str:
    if isinstance(given, Function):
        bases = [base.__name__ for base in type(given).__mro__ if base.__module__.startswith("millstream.")]
        return _article(bases[0]) if bases else type(given).__name__
    return f"{given!r} of type {type(given).__name__}"
