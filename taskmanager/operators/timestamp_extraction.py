"""Takes the timestamps out of a batch of records.

One comprehension per batch, with the user's function in it where it is a simple expression; that every timestamp is an
int shows in the type of their sum.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from operator import attrgetter, index, itemgetter
from typing import Any

from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.taskmanager.operators.generated import GeneratedFunction, Line, frame_variables, record_at
from millstream.taskmanager.operators.inlining import InlineExpression, inline_expression
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["EXTRACT", "TimestampExtraction"]

EXTRACT = "extract_timestamp"


class TimestampExtraction:
    """A subtask's timestamp assigner.

    :ivar of_one: ``(record, timestamp so far) -> timestamp``, unchecked.
    """

    __slots__ = ("_function", "_info", "_plain", "_stamped", "of_one")

    def __init__(self, assigner: Any, context: OperatorContext) -> None:
        """:param assigner: an object with a method ``extract_timestamp``, or a callable."""
        self._info: OperatorInfo = context.info
        self._function = UserFunction(assigner, EXTRACT, context)
        call = self._function.call
        both = _takes_both(call)
        self.of_one: Callable[[Any, int], Any] = call if both else lambda value, _timestamp: call(value)
        inline = _inline(call, both=both) if context.inline else None
        if inline is not None:
            expression = inline.render("v", "t")
        else:
            expression = "call(v, t)" if both else "call(v)"
        namespace = {"call": call, **(inline.constants if inline is not None else {})}
        self._plain = GeneratedFunction(
            EXTRACT,
            [
                Line(f"def generated(values, call=call, t={MIN_TIMESTAMP}):"),
                Line("    it = iter(values)"),
                Line("    return ["),
                Line(f"        {expression}", EXTRACT),
                Line("        for v in it"),
                Line("    ]"),
            ],
            namespace,
        )
        self._stamped = GeneratedFunction(
            EXTRACT,
            [
                Line("def generated(values, timestamps, call=call):"),
                Line("    it = iter(values)"),
                Line("    return ["),
                Line(f"        {expression}", EXTRACT),
                Line("        for v, t in zip(it, timestamps)"),
                Line("    ]"),
            ],
            namespace,
        )

    def open(self) -> None:
        self._function.open()

    def close(self) -> None:
        self._function.close()

    def of_batch(self, values: list[Any], timestamps: list[int | None] | None) -> tuple[list[int], int]:
        """Return the timestamps of these records, which are all ints, and the highest.

        :param values: at least one.
        :param timestamps: those so far.
        :raises TypeError: one is no int.
        """
        extracted: list[int]
        if timestamps is None:
            extracted = self._plain.call(values)
        else:
            if None in timestamps:
                timestamps = [MIN_TIMESTAMP if each is None else each for each in timestamps]
            extracted = self._stamped.call(values, timestamps)
        try:
            if type(sum(extracted)) is int:
                highest = max(extracted)
                if highest <= MAX_TIMESTAMP:
                    return extracted, highest
        except TypeError:  # the check below says which of them it was
            pass
        ints = [self.checked(value, timestamp) for value, timestamp in zip(values, extracted, strict=True)]
        return ints, max(ints)

    def checked(self, value: Any, timestamp: Any) -> int:
        """Return the timestamp of ``value`` as an int.

        :raises TypeError: it is none.
        """
        if isinstance(timestamp, bool):
            moment = None
        else:
            try:
                moment = index(timestamp)  # ints of other libraries, such as numpy's
            except TypeError:
                moment = None
        if moment is None or not MIN_TIMESTAMP <= moment <= MAX_TIMESTAMP:
            raise TypeError(
                f"operator {self._info.name!r}: {EXTRACT}() gave {timestamp!r} of type {type(timestamp).__name__} for "
                f"record {_shown(value)}; it must give a number of ms as an int of 64 bits{self._place()}"
            )
        return moment

    def _place(self) -> str:
        code = getattr(inspect.unwrap(self._function.call), "__code__", None)
        return "" if code is None else f" (it is defined in {code.co_filename}:{code.co_firstlineno})"

    def locate(self, error: BaseException) -> FailureSite | None:
        """Say where ``error`` happened; ``None``: not here."""
        refused = frame_variables(error, TimestampExtraction.checked.__code__)
        if refused:
            return FailureSite(self._info, EXTRACT, refused["value"])
        failed = self._plain.failed_line(error) or self._stamped.failed_line(error)
        if failed is None:
            return None
        found = failed.variables
        record = record_at(found.get("values"), found.get("it"))
        replay = None
        if failed.direct and failed.tag == EXTRACT and record is not NO_RECORD:
            before = found.get("t", MIN_TIMESTAMP)
            replay = partial(self.of_one, record, before if isinstance(before, int) else MIN_TIMESTAMP)
        return FailureSite(self._info, EXTRACT, record, replay)


def _takes_both(call: Callable[..., Any]) -> bool:
    """Whether the function wants the timestamp so far as well."""
    if isinstance(call, (itemgetter, attrgetter)):
        return False
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return False  # a builtin without a signature, such as int
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return len(positional) >= 2 or any(each.kind is each.VAR_POSITIONAL for each in parameters)


def _inline(call: Callable[..., Any], *, both: bool) -> InlineExpression | None:
    arguments = 2 if both else 1
    if not inspect.ismethod(call):
        return inline_expression(call, arguments)
    method = call.__func__
    expression = inline_expression(method, arguments + 1)
    # The object itself is not at hand in the loop.
    if expression is None or "{0}" in expression.template:
        return None
    moved = expression.template.replace("{1}", "{0}").replace("{2}", "{1}")
    return InlineExpression(moved, expression.constants)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # a record's own __repr__ may fail; the message matters more
        text = object.__repr__(value)
    return text if len(text) <= 200 else text[:200] + "..."
