"""The loops of the operator for aligned windows, generated for its kind of windows and the user's functions.

In the common case a record costs a comparison with the bounds of the slice of time that the one before was in, its
key, a look into the window's dictionary, the user's function, and an entry into the dictionary. Functions that are
mere expressions stand in the loop itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

from millstream.taskmanager.operators.generated import GeneratedFunction, Line
from millstream.taskmanager.operators.inlining import InlineExpression, inline_expression

__all__ = [
    "ADD",
    "CREATE",
    "HASH",
    "KEY",
    "KEY_OF_ALL",
    "REDUCE",
    "RESULT",
    "SLICE",
    "UNKNOWN_KEY",
    "CallNames",
    "WindowCalls",
    "compile_adding",
    "compile_results",
]

KEY_OF_ALL = 0
"""The key of everything where there are no keys."""
UNKNOWN_KEY = object()
"""Stands for a key that is to be computed."""
KEY = "key_by"
HASH = "hash"
SLICE = "slice"
REDUCE = "reduce"
CREATE = "create_accumulator"
ADD = "add"
RESULT = "get_result"


@dataclass(frozen=True, slots=True)
class WindowCalls:
    """What the loops call of the user's.

    :ivar key: the key selector; ``None``: there are no keys.
    :ivar kind: ``reduce``, ``aggregate`` or ``list``.
    :ivar fold: ``reduce(a, b)`` or ``add(value, accumulator)``; ``None`` for lists.
    :ivar create: ``create_accumulator()``; ``None`` but for aggregates.
    :ivar inline: simple functions may stand in the loops.
    """

    key: Callable[[Any], Any] | None
    kind: str
    fold: Callable[..., Any] | None = None
    create: Callable[[], Any] | None = None
    inline: bool = False


class CallNames:
    """Gives the text of calls, and what the names in them mean."""

    def __init__(self, inline: bool) -> None:
        self._inline = inline
        self.namespace: dict[str, Any] = {"UNKNOWN_KEY": UNKNOWN_KEY}
        self.parameters: list[str] = []

    def call(self, name: str, function: Callable[..., Any], *arguments: str) -> str:
        inlined = _inline_call(function, len(arguments)) if self._inline else None
        if inlined is None:
            self.namespace[name] = function
            self.parameters.append(f"{name}={name}")
            return f"{name}({', '.join(arguments)})"
        expression, bound = inlined
        self.namespace.update(expression.constants)
        if bound is None:
            return expression.render(*arguments)
        own = f"{name}_self"
        self.namespace[own] = bound
        return expression.render(own, *arguments)


def _inline_call(function: Callable[..., Any], arguments: int) -> tuple[InlineExpression, Any] | None:
    """Return the expression of a function, or of a method with the object that it is bound to as first argument."""
    if isinstance(function, MethodType):
        expression = inline_expression(function.__func__, arguments + 1)
        return None if expression is None else (expression, function.__self__)
    expression = inline_expression(function, arguments)
    return None if expression is None else (expression, None)


def compile_adding(calls: WindowCalls, *, stamped: bool, sliding: bool, keyed_batch: bool) -> GeneratedFunction:
    """Return the loop ``(values, timestamps, target, keys) -> records that need a closer look``.

    :param stamped: records have timestamps and ``target`` is :meth:`AlignedWindows.slice_of`; what needs a closer look
        comes back as ``(value, timestamp, key)``, with :data:`UNKNOWN_KEY` if the keys are not known. Else ``target``
        is the contents that all records go to.
    :param sliding: contents are lists of dictionaries.
    :param keyed_batch: the records' keys are known.
    """
    names = CallNames(calls.inline)
    key = str(KEY_OF_ALL) if calls.key is None or keyed_batch else names.call("key_of", calls.key, "value")
    indent = "        "
    body: list[Line] = []
    if stamped:
        known = "key" if keyed_batch else "UNKNOWN_KEY"
        body += [
            Line(f"{indent}if not low <= timestamp < high:", SLICE),
            Line(f"{indent}    low, high, panes, closer = slice_of(timestamp)", SLICE),
            Line(f"{indent}    if closer:"),
            Line(f"{indent}        low = high = 0"),
            Line(f"{indent}        rest.append((value, timestamp, {known}))"),
        ]
        if not sliding:
            body.append(Line(f"{indent}        continue"))
    if not keyed_batch:
        body.append(Line(f"{indent}key = {key}", KEY))
    target = "panes"
    if sliding:
        body.append(Line(f"{indent}for pane in panes:"))
        indent += "    "
        target = "pane"
    body += _fold_lines(calls, names, target, indent)
    given = ["it"]
    taken = ["value"]
    if stamped:
        given.append("timestamps")
        taken.append("timestamp")
    if keyed_batch:
        given.append("keys")
        taken.append("key")
    loop = f"for {', '.join(taken)} in " + (f"zip({', '.join(given)}):" if len(given) > 1 else "it:")
    target = "slice_of" if stamped else "panes"
    head = [
        Line(f"def generated(values, timestamps, {target}, keys, {', '.join(names.parameters)}):"),
        Line("    it = iter(values)"),
        Line("    rest = []"),
        Line("    low = high = 0"),
        Line(f"    {loop}"),
    ]
    return GeneratedFunction("window", [*head, *body, Line("    return rest")], names.namespace)


def _fold_lines(calls: WindowCalls, names: CallNames, panes: str, indent: str) -> list[Line]:
    test = Line(f"{indent}if key in {panes}:", HASH)
    otherwise = Line(f"{indent}else:")
    if calls.kind == "list":
        return [
            test,
            Line(f"{indent}    {panes}[key].append(value)"),
            otherwise,
            Line(f"{indent}    {panes}[key] = [value]"),
        ]
    assert calls.fold is not None
    if calls.kind == REDUCE:
        return [
            test,
            Line(f"{indent}    old = {panes}[key]"),
            Line(f"{indent}    {panes}[key] = {names.call('fold', calls.fold, 'old', 'value')}", REDUCE),
            otherwise,
            Line(f"{indent}    {panes}[key] = value"),
        ]
    assert calls.create is not None
    return [
        test,
        Line(f"{indent}    accumulator = {panes}[key]"),
        otherwise,
        Line(f"{indent}    accumulator = {names.call('create', calls.create)}", CREATE),
        Line(f"{indent}{panes}[key] = {names.call('fold', calls.fold, 'value', 'accumulator')}", ADD),
    ]


def compile_results(get_result: Callable[[Any], Any], *, inline: bool, without_none: bool = False) -> GeneratedFunction:
    """Return the loop ``(accumulators) -> results``.

    :param without_none: a result of ``None`` is none, and left out.
    """
    names = CallNames(inline)
    result = names.call("get_result", get_result, "accumulator")
    results = (
        f"result for accumulator in it if (result := {result}) is not None"
        if without_none
        else f"{result} for accumulator in it"
    )
    lines = [
        Line(f"def generated(accumulators, {', '.join(names.parameters)}):"),
        Line("    it = iter(accumulators)"),
        Line(f"    return [{results}]", RESULT),
    ]
    return GeneratedFunction("window results", lines, names.namespace)
