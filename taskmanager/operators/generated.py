"""Functions made from generated source, whose failures can be traced to what each line stands for.

The hot loops of operators are generated so that each calls the user's functions directly, with nothing in between.
Each source line bears a tag; when an exception passes through, the line number in the traceback gives the tag and the
frame's variables give the records. That costs nothing while all goes well.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import length_hint
from types import CodeType, TracebackType
from typing import Any

from millstream.taskmanager.operators.operator import NO_RECORD

__all__ = ["FailedLine", "GeneratedFunction", "Line", "frame_variables", "record_at"]

_numbers = itertools.count(1)
_MOST_COMPILED = 256
"""Sources whose code is kept: the subtasks of an operator have the same, and so have the attempts at them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of generated source.

    :ivar text: indented source.
    :ivar tag: what the line stands for (the index of a user function), ``None`` for plumbing.
    """

    text: str
    tag: Any = None


@dataclass(frozen=True, slots=True)
class FailedLine:
    """Where in a generated function an exception came from.

    :ivar variables: of the generated function when it failed.
    :ivar direct: no other frame lies below: the line itself failed, or C code that it called.
    :ivar first_argument: first argument of the function that the line called, as far as it can be told.
    """

    tag: Any
    variables: dict[str, Any]
    direct: bool
    first_argument: Any


class GeneratedFunction:
    """A compiled function.

    :ivar call: the function itself.
    :ivar source: its text, for the curious.
    """

    __slots__ = ("_filename", "_tags", "call", "source")

    def __init__(self, name: str, lines: Sequence[Line], namespace: Mapping[str, Any]) -> None:
        """Compile ``lines``, which must define a function called ``generated``."""
        self._filename = f"<millstream generated {next(_numbers)}: {name}>"
        self._tags = {number: line.tag for number, line in enumerate(lines, 1) if line.tag is not None}
        self.source = "\n".join(line.text for line in lines) + "\n"
        scope = dict(namespace)
        exec(_named(_compiled(self.source), self._filename), scope)  # our own text; users' names never enter it
        self.call: Callable[..., Any] = scope["generated"]

    def failed_line(self, error: BaseException) -> FailedLine | None:
        """Return where ``error`` passed through this function; ``None`` if it did not."""
        found: TracebackType | None = None
        variables: dict[str, Any] = {}
        entry = error.__traceback__
        while entry is not None:
            if entry.tb_frame.f_code.co_filename == self._filename:
                found = entry
                variables.update(entry.tb_frame.f_locals)
            entry = entry.tb_next
        if found is None:
            return None
        below = found.tb_next
        return FailedLine(self._tags.get(found.tb_lineno), variables, below is None, _first_argument(below))


@lru_cache(_MOST_COMPILED)
def _compiled(source: str) -> CodeType:
    return compile(source, "<millstream generated>", "exec")


def _named(code: CodeType, filename: str) -> CodeType:
    """Return the code as of another file, what is nested in it too: functions of one source are told apart by that."""
    constants = tuple(_named(each, filename) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=filename, co_consts=constants)


def _first_argument(entry: TracebackType | None) -> Any:
    if entry is None:
        return NO_RECORD
    code = entry.tb_frame.f_code
    names = code.co_varnames[: code.co_argcount]
    if names and names[0] in ("self", "cls"):
        names = names[1:]
    return entry.tb_frame.f_locals.get(names[0], NO_RECORD) if names else NO_RECORD


def record_at(values: Any, iterator: Any) -> Any:
    """Return the record of the list ``values`` that its ``iterator`` gave last."""
    if not isinstance(values, list) or iterator is None:
        return NO_RECORD
    index = len(values) - length_hint(iterator) - 1
    return values[index] if 0 <= index < len(values) else NO_RECORD


def frame_variables(error: BaseException, code: CodeType) -> dict[str, Any]:
    """Return the variables that the function with this code had when ``error`` came through it; else nothing."""
    chained: BaseException | None = error
    while chained is not None:
        entry = chained.__traceback__
        while entry is not None:
            if entry.tb_frame.f_code is code:
                return dict(entry.tb_frame.f_locals)
            entry = entry.tb_next
        # A StopIteration that came out of a generator is only the cause of what came further.
        chained = chained.__cause__ if isinstance(chained, RuntimeError) else None
    return {}
