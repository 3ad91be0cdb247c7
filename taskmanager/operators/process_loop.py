"""The loop that process functions run in: one call per record or timer, results in bounded pieces.

It is generated as one loop, with one context object for all calls, since it is all that stands between a record and
the user's function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from time import perf_counter_ns
from types import GeneratorType
from typing import Any, Protocol

from millstream.common.records import RecordBatch
from millstream.datastream.output_tag import OutputTag
from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.operators.generated import FailedLine, GeneratedFunction, Line
from millstream.taskmanager.operators.inlining import InlineExpression, inline_expression
from millstream.taskmanager.operators.key_selection import failed_record
from millstream.taskmanager.operators.operator import SideOutput
from millstream.taskmanager.operators.result_collector import ResultCollector, result_iterator, takes_collector
from millstream.taskmanager.plain_types import PLAIN

__all__ = ["CurrentKey", "NoKeys", "ProcessLoop"]

_GIVEN = "given"
_KEY = "key_by"


class CurrentKey(Protocol):
    """What is told whose turn it is: a keyed state backend, as a rule."""

    key: Any


class NoKeys:
    """Takes the place of a backend where nothing is keyed."""

    key: Any = None


class _Context(Protocol):
    current_timestamp: int | None


class ProcessLoop:
    """Calls functions of ``(value, context)``, or ``(value, context, collector)`` if that is what they take."""

    def __init__(
        self, collector: ResultCollector, context: _Context, current: CurrentKey, *, inline: bool = False
    ) -> None:
        """:param inline: put simple key selectors into the generated code."""
        self._collector = collector
        self._context = context
        self._current = current
        self._inline = inline
        # By where the keys come from, and whether there are timestamps.
        self._generated: dict[tuple[Any, bool], GeneratedFunction] = {}

    def bind(self, function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        """Return what the loop calls for a function of the user's."""
        if not takes_collector(function, 2):
            return function
        collector = self._collector

        def collecting(value: Any, context: Any) -> Any:
            collector.timestamp = context.current_timestamp
            return function(value, context, collector)

        return collecting

    def run(
        self,
        call: Callable[[Any, Any], Any],
        values: list[Any],
        timestamps: list[int | None] | None,
        keys: list[Any] | Callable[[Any], Any] | None,
    ) -> Iterator[RecordBatch | SideOutput]:
        """Call the function for each record.

        :param keys: their keys, or what gives them; ``None``: there are none.
        """
        sizer = self._collector.sizer
        self._collector.stamped = timestamps is not None
        generated = self._loop(_GIVEN if isinstance(keys, list) else keys, stamped=timestamps is not None)
        key_of = keys if callable(keys) else None
        columns: list[list[Any]] = [values]
        if isinstance(keys, list):
            columns.append(keys)
        if timestamps is not None:
            columns.append(timestamps)
        total = len(values)
        start = 0
        while start < total:
            end = min(total, start + sizer.limit)
            pieces = [column[start:end] for column in columns]
            source = zip(*pieces, strict=True) if len(pieces) > 1 else iter(pieces[0])
            yield from generated(source, self._collector, self._context, self._current, call, key_of)
            start = end

    def fire(
        self, call: Callable[[Any, Any], Any], due: Iterator[tuple[int, Any, int]]
    ) -> Iterator[RecordBatch | SideOutput]:
        """Call the function for each timer that is due."""
        self._collector.stamped = True
        generated = self._loop(_GIVEN, stamped=True)
        for first in due:
            source = chain((first,), islice(due, self._collector.sizer.limit - 1))
            yield from generated(source, self._collector, self._context, self._current, call, None)

    def _loop(self, keys: Any, *, stamped: bool) -> Callable[..., Iterator[RecordBatch | SideOutput]]:
        generated = self._generated.get((keys, stamped))
        if generated is None:
            inline = inline_expression(keys, 1) if self._inline and callable(keys) else None
            typed = self._collector.convert is not None
            generated = self._generated[keys, stamped] = _compile(keys, inline, stamped=stamped, typed=typed)
        return generated.call

    def failed_call(self, error: BaseException) -> tuple[Any, Any] | None:
        """The value and key of the call that ``error`` came out of, of the taking of its results included."""
        failed = self._failed_line(error)
        if failed is None or failed.tag == _KEY or "value" not in failed.variables:
            return None
        return failed.variables["value"], failed.variables["key"]

    def failed_key(self, error: BaseException) -> Any:
        """The record whose key could not be found; ``NO_RECORD``: that was not it."""
        failed = self._failed_line(error)
        if failed is not None and failed.tag == _KEY:
            return failed.variables["value"]
        return failed_record(error)

    def _failed_line(self, error: BaseException) -> FailedLine | None:
        chained: BaseException | None = error
        while chained is not None:
            for generated in self._generated.values():
                failed = generated.failed_line(chained)
                if failed is not None:
                    return failed
            # A StopIteration that came out of a generator is only the cause of what came further.
            chained = chained.__cause__ if isinstance(chained, RuntimeError) else None
        return None


def _compile(keys: Any, inline: InlineExpression | None, *, stamped: bool, typed: bool) -> GeneratedFunction:
    """Return the loop that calls the function for a few records, and hands over the results.

    :param keys: what gives them; ``_GIVEN``: they come with the records; ``None``: there are none.
    """
    targets = "value"
    before: list[str | Line] = []
    if keys is _GIVEN:
        targets += ", key"
    else:
        key = "None" if keys is None else "key_of(value)" if inline is None else inline.render("value")
        before.append(Line(f"        key = {key}", _KEY))
    if stamped:
        targets += ", timestamp"
    else:
        before.append(Line("        timestamp = None"))
    flush = [
        "                sizer.update(limit, perf_counter_ns() - began)",
        "                for piece in collector.pieces():",
        "                    yield piece",
        "                append, stamp = collector.values.append, collector.timestamps.append",
        "                limit = room = sizer.limit",
        "                made = 0",
        "                began = perf_counter_ns()",
    ]
    lines: list[str | Line] = [
        "def generated(source, collector, context, current, call, key_of):",
        "    sizer = collector.sizer",
        "    convert = collector.convert",
        "    append, stamp = collector.values.append, collector.timestamps.append",
        "    limit = room = sizer.limit",
        "    made = 0",
        "    began = perf_counter_ns()",
        f"    for {targets} in source:",
        *before,
        "        made += 1",
        "        current.key = key",
        "        context.current_timestamp = timestamp",
        "        results = call(value, context)",
        "        if results is None:",
        "            continue",
        "        if type(results) is not GeneratorType:",
        "            results = result_iterator(results)",
        "        for result in results:",
        "            if type(result) is tuple and result and type(result[0]) is OutputTag:",
        "                collector.timestamp = timestamp",
        "                collector.output(result[0], result[1])",
        "            else:",
        "                if type(result) not in PLAIN:",
        "                    result = owned(result)",
        f"                append({'convert(result)' if typed else 'result'})",
        *(["                stamp(timestamp)"] if stamped else []),
        "            room -= 1",
        "            if not room:",
        *flush,
        "    steps = max(made, limit - room)",
        "    if steps:",
        "        sizer.update(steps, perf_counter_ns() - began)",
        "    for piece in collector.pieces():",
        "        yield piece",
    ]
    namespace = {
        "GeneratorType": GeneratorType,
        "OutputTag": OutputTag,
        "PLAIN": PLAIN,
        "owned": owned,
        "perf_counter_ns": perf_counter_ns,
        "result_iterator": result_iterator,
        **({} if inline is None else inline.constants),
    }
    return GeneratedFunction("process", [each if isinstance(each, Line) else Line(each) for each in lines], namespace)
