"""Source of the generated function of one fused stage.

A stage is a run of maps with at most one filter or flat_map among them, so that the number of records that went into
the stage and that came out of it tell what each of its operators put out. It becomes one list comprehension, or one
loop with ``extend`` where a flat_map comes last.

A simple user function may come as an expression (see :mod:`millstream.taskmanager.operators.inlining`) and then
stands in the source itself; else it is called by the name ``f<index>``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.operators.generated import GeneratedFunction, Line
from millstream.taskmanager.operators.inlining import InlineExpression
from millstream.taskmanager.plain_types import PLAIN

__all__ = ["FILTER", "FLAT_MAP", "MAP", "StageStep", "compile_stage"]

MAP = "map"
FILTER = "filter"
FLAT_MAP = "flat_map"


@dataclass(frozen=True, slots=True)
class StageStep:
    """One operator of a stage.

    :ivar index: its place in the whole fused operator; tags the lines.
    :ivar inline: the function as an expression, if it is that simple.
    :ivar holds: the function may still have what it gave, and change it.
    """

    index: int
    kind: str
    call: Callable[[Any], Any]
    inline: InlineExpression | None = None
    holds: bool = False


def compile_stage(steps: Sequence[StageStep], *, timestamps: bool = False, ends: bool = False) -> GeneratedFunction:
    """Return the function of a stage: ``(values) -> list``, or with timestamps ``(values, timestamps) -> pairs``.

    :param ends: of one flat_map: ``(values, mark) -> list``, which calls ``mark`` after each record with the number of
        results so far.
    """
    namespace: dict[str, Any] = {}
    for step in steps:
        namespace[f"f{step.index}"] = step.call
        if step.inline is not None:
            namespace.update(step.inline.constants)
    if any(step.holds for step in steps):
        namespace.update(PLAIN=PLAIN, owned=owned)
    if steps[-1].kind == FLAT_MAP and not timestamps:
        lines = _loop(steps, ends=ends)
    else:
        lines = _comprehension(steps, timestamps=timestamps)
    # The functions as default arguments are local variables of the loop.
    functions = "".join(f", f{step.index}=f{step.index}" for step in steps if step.inline is None)
    second = ", timestamps" if timestamps else ", mark" if ends else ""
    first = f"def generated(values{second}{functions}):"
    name = ", ".join(step.kind for step in steps)
    return GeneratedFunction(name, [Line(first), Line("    it = iter(values)"), *lines], namespace)


def _applied(step: StageStep, argument: str) -> str:
    if step.inline is not None:
        return step.inline.render(argument)
    return f"f{step.index}({argument})"


def _comprehension(steps: Sequence[StageStep], *, timestamps: bool) -> list[Line]:
    last = steps[-1]
    variable = "v"
    body: list[Line] = []
    result: Line | None = None
    for step in steps:
        if step.kind == FILTER:
            body.append(Line(f"        if {_applied(step, variable)}", step.index))
            continue
        following = f"v{step.index}"
        if step.kind == MAP:
            if step is last:
                value = _owned(_applied(step, variable), steps)
                result = Line(f"        {_with_timestamp(value, timestamps)}", step.index)
            else:
                body.append(Line(f"        for {following} in ({_applied(step, variable)},)", step.index))
        else:
            produced = f"r{step.index}"
            body.append(Line(f"        for {produced} in ({_applied(step, variable)},)", step.index))
            body.append(Line(f"        if {produced} is not None"))
            body.append(Line(f"        for {following} in {produced}", step.index))
        variable = following
    if result is None:
        result = Line(f"        {_with_timestamp(_owned(variable, steps), timestamps)}")
    head = "        for v, t in zip(it, timestamps)" if timestamps else "        for v in it"
    return [Line("    return ["), result, Line(head), *body, Line("    ]")]


def _owned(expression: str, steps: Sequence[StageStep]) -> str:
    """The value as it may leave the stage; inside it, each record goes all the way before the next one comes."""
    if not any(step.holds for step in steps):
        return expression
    return f"(x if type(x := {expression}) in PLAIN else owned(x))"


def _with_timestamp(expression: str, timestamps: bool) -> str:
    return f"({expression}, t)" if timestamps else expression


def _loop(steps: Sequence[StageStep], *, ends: bool) -> list[Line]:
    lines = [Line("    out = []"), Line("    extend = out.extend"), Line("    for v in it:")]
    variable = "v"
    for step in steps:
        following = f"v{step.index}"
        if step.kind == FILTER:
            lines.append(Line(f"        if not ({_applied(step, variable)}):", step.index))
            lines.append(Line("            continue"))
            continue
        lines.append(Line(f"        {following} = {_applied(step, variable)}", step.index))
        variable = following
    results = f"map(owned, {variable})" if any(step.holds for step in steps) else variable
    lines.append(Line(f"        if {variable} is not None:"))
    lines.append(Line(f"            extend({results})", steps[-1].index))
    if ends:
        lines.append(Line("        mark(len(out))"))
    lines.append(Line("    return out"))
    return lines
