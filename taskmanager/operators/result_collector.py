"""From what users' functions give to batches.

Functions such as ``process_element`` give their results in several ways: they yield them, return an iterable of them
(or nothing), or hand them to a collector; and each result goes to the main output or, with a tag, to a side output. A
:class:`ResultCollector` takes all of these, converts results to their declared types and makes batches of a bounded
size. An operator has one, which serves all records.

Order is kept within each output; between the outputs it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from types import FrameType, GeneratorType
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.records import RecordBatch
from millstream.common.required_arguments import required_arguments
from millstream.datastream.output_tag import OutputTag
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS, BatchSizer
from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.operator import SideOutput
from millstream.taskmanager.plain_types import PLAIN

__all__ = ["ResultCollector", "result_iterator", "takes_collector"]


def result_iterator(results: Any) -> Iterator[Any]:
    """An iterator over what a function returned: whatever can be iterated is taken for its results.

    :raises TypeError: it cannot be iterated, and is not just false.
    """
    try:
        return iter(results)
    except TypeError:
        if results is None or not results:
            return iter(())
        raise TypeError(
            f"the function returned {results!r} of type {type(results).__qualname__}; it has to yield its results, or "
            "return an iterable of them, or None if there are none"
        ) from None


def takes_collector(function: Callable[..., Any], given: int) -> bool:
    """Whether a function wants a collector after the ``given`` arguments that are passed in any case."""
    return required_arguments(function) == given + 1


class ResultCollector:
    """Collects results until somebody takes them as batches.

    It is what collector-style functions are given as ``out``.

    :ivar timestamp: goes with the results that are collected from now on.
    :ivar stamped: results have timestamps; without, the batches have none.
    :ivar values: what was collected for the main output.
    :ivar timestamps: of :attr:`values`; not kept if not :attr:`stamped`.
    :ivar convert: from a result to its declared type; ``None``: it stays as it is.
    :ivar sizer: says how much to do at a time.
    :ivar records_out: how many records have been taken from here, those for side outputs not counted.
    """

    __slots__ = (
        "_converters",
        "_side",
        "convert",
        "records_out",
        "sizer",
        "stamped",
        "timestamp",
        "timestamps",
        "values",
    )

    def __init__(self, output_type: Any = None) -> None:
        """Convert the main output's results to ``output_type``, a ``TypeInformation``; ``None``: leave them alone."""
        self.convert: Callable[[Any], Any] | None = None if output_type is None else output_type.conversion()
        self.sizer = BatchSizer()
        self.timestamp: int | None = None
        self.stamped = True
        self.values: list[Any] = []
        self.timestamps: list[int | None] = []
        self.records_out = 0
        self._side: dict[str, tuple[list[Any], list[int | None]]] = {}
        self._converters: dict[str, tuple[Any, Callable[[Any], Any] | None]] = {}

    # -- what functions call ----------------------------------------------------------------------------------------

    def collect(self, value: Any) -> None:
        """Emit a result; a pair of an ``OutputTag`` and a value goes to that side output."""
        if type(value) is tuple and value and type(value[0]) is OutputTag:
            self.output(value[0], value[1])
            return
        value = owned(value)
        self.values.append(value if self.convert is None else self.convert(value))
        if self.stamped:
            self.timestamps.append(self.timestamp)

    def output(self, tag: Any, value: Any) -> None:
        """Emit a value to a side output, with the current timestamp.

        :raises MillstreamError: ``tag`` is not an ``OutputTag``.
        """
        if not isinstance(tag, OutputTag):
            raise MillstreamError(f"a side output is named by an OutputTag, not by {tag!r}; write OutputTag('name')")
        tag_id = tag.tag_id
        convert = self._converter(tag_id, tag.type_info)
        side = self._side.get(tag_id)
        if side is None:
            side = self._side[tag_id] = ([], [])
        value = owned(value)
        side[0].append(value if convert is None else convert(value))
        if self.stamped:
            side[1].append(self.timestamp)

    def _converter(self, tag_id: str, type_info: Any) -> Callable[[Any], Any] | None:
        known = self._converters.get(tag_id)
        if known is None or known[0] is not type_info:
            # Two tags with one id may be declared in different ways: each of them is taken at its word.
            known = self._converters[tag_id] = (type_info, None if type_info is None else type_info.conversion())
        return known[1]

    # -- what operators call ----------------------------------------------------------------------------------------

    def late(self, tag_id: str, value: Any, timestamp: int | None) -> None:
        """Put a record as it came to the side output with this id; for the engine's own side outputs."""
        side = self._side.get(tag_id)
        if side is None:
            side = self._side[tag_id] = ([], [])
        side[0].append(value)
        if self.stamped:
            side[1].append(timestamp)

    def take(self, results: Any, limit: int) -> Iterator[Any] | None:
        """Collect results until ``limit`` records wait in the main output; what is left then, ``None``: nothing.

        :param results: what the function returned, or what an earlier call left.
        """
        if results is None:
            return None
        iterator = results if type(results) is GeneratorType else result_iterator(results)
        values = self.values
        append = values.append
        convert = self.convert
        stamp = self.timestamps.append if self.stamped else None
        timestamp = self.timestamp
        beside = 0
        for result in iterator:
            if type(result) is tuple and result and type(result[0]) is OutputTag:
                self.output(result[0], result[1])
                beside += 1
            else:
                if type(result) not in PLAIN:
                    result = owned(result)
                append(result if convert is None else convert(result))
                if stamp is not None:
                    stamp(timestamp)
            if len(values) + beside >= limit:
                return iterator
        return None

    def pieces(self) -> Iterator[RecordBatch | SideOutput]:
        """Hand over everything collected so far, in batches of a bounded size."""
        if self.values:
            values, timestamps = self.values, self.timestamps
            self.values, self.timestamps = [], []
            self.records_out += len(values)
            for batch in _batches(values, timestamps if self.stamped else None):
                yield batch
        if self._side:
            sides, self._side = self._side, {}
            for tag, (side_values, side_timestamps) in sides.items():
                for batch in _batches(side_values, side_timestamps if self.stamped else None):
                    yield SideOutput(tag, batch)

    def pump(self, calls: Iterator[tuple[int | None, Any]], stamped: bool = True) -> Iterator[RecordBatch | SideOutput]:
        """Run calls of a user's function and hand over their results in pieces that take a bounded time.

        :param calls: a generator that makes one call per step and gives the timestamp of its results and what it
            returned (``None``: nothing, or it was collected already; for that, it sets :attr:`timestamp` before the
            call). Where it stood when something failed, :meth:`variables_of_call` says.
        :param stamped: whether results have timestamps.
        """
        self.stamped = stamped
        sizer = self.sizer
        done = False
        while not done:
            began = perf_counter_ns()
            limit = sizer.limit
            made = 0
            for timestamp, results in calls:
                made += 1
                if results is not None:
                    self.timestamp = timestamp
                    rest = self.take(results, limit)
                    while rest is not None:
                        sizer.update(max(made, len(self.values)), perf_counter_ns() - began)
                        yield from self.pieces()
                        began = perf_counter_ns()
                        limit = sizer.limit
                        made = 0
                        rest = self.take(rest, limit)
                if made >= limit or len(self.values) >= limit:
                    break
            else:
                done = True
            sizer.update(max(made, len(self.values)), perf_counter_ns() - began)
            if self.values or self._side:
                yield from self.pieces()
            elif not done:
                yield RecordBatch([], [] if stamped else None)  # nothing to emit, but the task may look around

    @staticmethod
    def variables_of_call(error: BaseException) -> dict[str, Any]:
        """The variables that the generator given to :meth:`pump` had when ``error`` came out; none if it was not there.

        Also when it was not in a call itself, but the results that a call had returned were being taken.
        """
        calls = frame_variables(error, ResultCollector.pump.__code__).get("calls")
        if not isinstance(calls, GeneratorType):
            return {}
        frame: FrameType | None = calls.gi_frame  # there as long as the generator waits
        return dict(frame.f_locals) if frame is not None else frame_variables(error, calls.gi_code)


def _batches(values: list[Any], timestamps: list[int | None] | None) -> Iterator[RecordBatch]:
    if len(values) <= MAX_BATCH_RECORDS:
        yield RecordBatch(values, timestamps)
        return
    for start in range(0, len(values), MAX_BATCH_RECORDS):
        end = start + MAX_BATCH_RECORDS
        yield RecordBatch(values[start:end], None if timestamps is None else timestamps[start:end])
