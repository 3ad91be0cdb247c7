"""The loop that process functions run in: one call per record or timer, results in bounded pieces.

It is written out as one loop, with one context object for all calls, since it is all that stands between a record and
the user's function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from time import perf_counter_ns
from types import GeneratorType
from typing import Any, Protocol

from millstream.common.records import RecordBatch
from millstream.datastream.output_tag import OutputTag
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import NO_RECORD, SideOutput
from millstream.taskmanager.operators.result_collector import ResultCollector, result_iterator, takes_collector

__all__ = ["CurrentKey", "ProcessLoop"]


class CurrentKey(Protocol):
    """What is told whose turn it is: a keyed state backend, as a rule."""

    key: Any


class _Context(Protocol):
    current_timestamp: int | None


class ProcessLoop:
    """Calls functions of ``(value, context)``, or ``(value, context, collector)`` if that is what they take."""

    def __init__(self, collector: ResultCollector, context: _Context, current: CurrentKey) -> None:
        self._collector = collector
        self._context = context
        self._current = current

    def bind(self, function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        """Return what the loop calls for a function of the user's."""
        if not takes_collector(function, 2):
            return function
        collector = self._collector

        def collecting(value: Any, context: Any) -> Any:
            collector.timestamp = context.current_timestamp
            return function(value, context, collector)

        return collecting

    def keys_of(self, key_selector: Callable[[Any], Any], values: list[Any]) -> list[Any]:
        """The keys of records."""
        it = iter(values)  # read from the frame by locate
        return list(map(key_selector, it))

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
        total = len(values)
        start = 0
        while start < total:
            end = min(total, start + sizer.limit)
            piece = values[start:end]
            of_piece: Iterable[Any]
            if callable(keys):
                of_piece = self.keys_of(keys, piece)
            else:
                of_piece = repeat(None) if keys is None else keys[start:end]
            stamps = repeat(None) if timestamps is None else timestamps[start:end]
            yield from self._piece(call, zip(piece, of_piece, stamps))  # noqa: B905  # repeat() has no end
            start = end

    def fire(
        self, call: Callable[[Any, Any], Any], due: Iterator[tuple[int, Any, int]]
    ) -> Iterator[RecordBatch | SideOutput]:
        """Call the function for each timer that is due."""
        self._collector.stamped = True
        for first in due:
            yield from self._piece(call, chain((first,), islice(due, self._collector.sizer.limit - 1)))

    def _piece(
        self, call: Callable[[Any, Any], Any], source: Iterator[tuple[Any, Any, int | None]]
    ) -> Iterator[RecordBatch | SideOutput]:
        """Call the function for a few records (value, key, timestamp), and hand over the results."""
        collector, context, current = self._collector, self._context, self._current
        sizer = collector.sizer
        convert = collector.convert
        stamped = collector.stamped
        append, stamp = collector.values.append, collector.timestamps.append
        limit = room = sizer.limit
        made = 0
        began = perf_counter_ns()
        for value, key, timestamp in source:
            made += 1
            current.key = key
            context.current_timestamp = timestamp
            results = call(value, context)
            if results is None:
                continue
            if results.__class__ is not GeneratorType:
                results = result_iterator(results)
            for result in results:
                if isinstance(result, tuple) and result and isinstance(result[0], OutputTag):
                    collector.timestamp = timestamp
                    collector.output(result[0], result[1])
                else:
                    append(result if convert is None else convert(result))
                    if stamped:
                        stamp(timestamp)
                room -= 1
                if not room:
                    sizer.update(limit, perf_counter_ns() - began)
                    for piece in collector.pieces():
                        yield piece
                    append, stamp = collector.values.append, collector.timestamps.append
                    limit = room = sizer.limit
                    made = 0
                    began = perf_counter_ns()
        steps = max(made, limit - room)
        if steps:
            sizer.update(steps, perf_counter_ns() - began)
        for piece in collector.pieces():
            yield piece

    @staticmethod
    def failed_call(error: BaseException) -> tuple[Any, Any] | None:
        """The value and key of the call that ``error`` came out of, of the taking of its results included."""
        found = frame_variables(error, ProcessLoop._piece.__code__)
        return (found["value"], found["key"]) if "value" in found else None

    @staticmethod
    def failed_key(error: BaseException) -> Any:
        """The record whose key could not be found; ``NO_RECORD``: that was not it."""
        found = frame_variables(error, ProcessLoop.keys_of.__code__)
        return record_at(found.get("values"), found.get("it")) if found else NO_RECORD
