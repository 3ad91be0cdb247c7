"""What a function says about its results by its annotations.

It is used to tell the user what could be declared (in the execution plan, in ``explain()``), and by programs that ask
for it: ``stream.map(parse, output_type=extract_output_type(parse))``. It never converts anything by itself: a stream
without a declared type holds whatever objects its function returns.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import typing
from typing import Any

from millstream.common.typeinfo import PickledBytesTypeInfo, TypeInformation
from millstream.common.typeinfo.type_hints import type_of_hint, type_of_value, type_of_values

__all__ = ["extract_output_type", "type_of_hint", "type_of_value", "type_of_values"]

_ONE = ("map", "reduce", "get_result", "get_key", "map1", "join")
"""Methods of function classes that return one result."""
_SEVERAL = ("flat_map", "process_element", "apply", "process", "flat_map1", "process_element1", "co_group")
"""Methods of function classes that return or yield results."""
_ITERABLES = (
    collections.abc.Iterable,
    collections.abc.Iterator,
    collections.abc.Generator,
    collections.abc.Collection,
    collections.abc.Sequence,
    list,
    set,
    frozenset,
)


def extract_output_type(function: Any, *, several: bool | None = None) -> TypeInformation | None:
    """Return the type of a function's results; ``None`` if it says nothing.

    :param function: a callable or an instance of a function class. If it has a method ``get_produced_type()``, that
        says it.
    :param several: it gives an iterable of results, as that of a ``flat_map`` does; ``None``: its method's name, or
        whether it is a generator, tells.
    """
    produced = getattr(function, "get_produced_type", None)
    if callable(produced):
        given = produced()
        return given if isinstance(given, TypeInformation) else None
    call, of_method = _called(function)
    if several is None:
        several = of_method if of_method is not None else _is_generator(call)
    hint = _return_hint(call)
    if several:
        hint = _element_hint(hint)
    found = None if hint is None else type_of_hint(hint)
    return None if found is None or isinstance(found, PickledBytesTypeInfo) else found


def _called(function: Any) -> tuple[Any, bool | None]:
    """What is called for a record, and whether it gives several results."""
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isfunction(function) or inspect.ismethod(function) or inspect.isclass(function)):
        for names, several in ((_ONE, False), (_SEVERAL, True)):
            for name in names:
                method = getattr(function, name, None)
                if callable(method):
                    return method, several
        if callable(function):
            return getattr(type(function), "__call__", function), None  # noqa: B004  # its annotations are asked for
    return function, None


def _is_generator(call: Any) -> bool:
    return inspect.isgeneratorfunction(call)


def _return_hint(call: Any) -> Any:
    if inspect.isclass(call):
        return call
    try:
        return typing.get_type_hints(inspect.unwrap(call), include_extras=True).get("return")
    except (NameError, TypeError, AttributeError, SyntaxError, ValueError):
        return None  # names that exist for a type checker only, or no Python function


def _element_hint(hint: Any) -> Any:
    """``X`` of ``Iterable[X]`` and its like."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or (origin is not None and getattr(origin, "__name__", "") == "UnionType"):
        real = [each for each in arguments if each is not type(None)]
        return _element_hint(real[0]) if len(real) == 1 else None
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]
    return arguments[0] if origin in _ITERABLES and arguments else None
