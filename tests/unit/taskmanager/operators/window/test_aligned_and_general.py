"""The fast operator for aligned windows gives what the general one gives, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.datastream import OutputTag
from millstream.datastream.functions import (
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import (
    EventTimeTrigger,
    SlidingProcessingTimeWindows,
    TimeWindow,
    TumblingProcessingTimeWindows,
)
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.window.aligned import AlignedWindowOperator, aligned_applies
from millstream.taskmanager.operators.window.window_operator import WindowOperator
from tests.unit.taskmanager.operators.support import build, snapshot_of
from tests.unit.taskmanager.operators.window.aligned_support import Elements, Piece, outputs_of, pieces
from tests.unit.taskmanager.operators.window.naive_windows import NaiveWindows
from tests.unit.taskmanager.operators.window.test_aligned import assigners

_FIRINGS = ValueStateDescriptor("firings", Types.LONG())
_SEEN = ListStateDescriptor("seen", Types.PICKLED_BYTE_ARRAY())
_CLEARED = OutputTag("cleared")


class Everything(ProcessWindowFunction[Any, Any, Any, TimeWindow]):
    """Says all that it can find out, and leaves traces in the state of key and of key and window.

    :ivar cleared: the windows that ended; in which order at one time, nobody says.
    """

    def __init__(self) -> None:
        self.cleared: list[Any] = []

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        in_window = context.window_state().get_state(_FIRINGS)
        in_window.update((in_window.value() or 0) + 1)
        in_key = context.global_state().get_list_state(_SEEN)
        in_key.add(context.window().end)
        yield _CLEARED, (key, "fires")
        yield key, context.window(), list(elements), in_window.value(), list(in_key.get()), context.current_watermark()

    def clear(self, context: Any) -> None:
        firings = context.window_state().get_state(_FIRINGS)
        self.cleared.append((context.window(), firings.value()))
        firings.clear()


class EverythingOfAll(ProcessAllWindowFunction[Any, Any, TimeWindow]):
    def process(self, context: Any, elements: Iterable[Any], out: Any) -> None:  # type: ignore[override]  # collectors are allowed
        out.collect((context.window(), list(elements), context.current_watermark()))
        context.output(_CLEARED, context.window().start)


class Applied(WindowFunction[Any, Any, Any, TimeWindow]):
    def apply(self, key: Any, window: TimeWindow, inputs: Iterable[Any]) -> Iterator[Any]:
        yield key, window, list(inputs)


class AppliedToAll(AllWindowFunction[Any, Any, TimeWindow]):
    def apply(self, window: TimeWindow, inputs: Iterable[Any]) -> list[Any]:
        return [(window, list(inputs)), "and one more"]


@st.composite
def kinds(draw: st.DrawFn) -> tuple[str, Any, Any, Any]:
    """What is kept, with the function for it, the key selector and the window function."""
    keyed = draw(st.booleans())
    kind = draw(st.sampled_from(["reduce", "aggregate", "list"]))
    functions: list[Any] = [Everything(), Applied()] if keyed else [EverythingOfAll(), AppliedToAll()]
    if kind != "list":
        functions.append(None)
    function: Any = {"reduce": lambda a, b: (a[0], a[1] + b[1]), "aggregate": Elements(), "list": None}[kind]
    key_selector = (lambda value: value[0]) if keyed else None
    return kind, function, key_selector, draw(st.sampled_from(functions))


def opened(operator_class: Any, spec: WindowSpec, clock: ManualProcessingTime, snapshot: Any = None) -> Operator:
    context = OperatorContext(OperatorInfo("windows", "1"), processing_time=clock)
    operator = build(operator_class, spec, context, snapshot)
    operator.open()
    return operator


def ended(kind: tuple[str, Any, Any, Any]) -> list[str]:
    """Which windows the window function was told have ended, since this was asked the last time."""
    function = kind[3]
    if not isinstance(function, Everything):
        return []
    cleared, function.cleared = function.cleared, []
    return sorted(map(repr, cleared))


@given(
    pieces(), assigners(), kinds(), st.booleans(), st.sampled_from(["", "late"]), st.integers(1, 4), st.integers(0, 9)
)
def test_event_time(
    stream: list[Piece],
    windows: tuple[Any, NaiveWindows],
    kind: tuple[str, Any, Any, Any],
    own_trigger: bool,
    tag: str,
    batch_size: int,
    stop: int,
) -> None:
    assigner, naive = windows
    spec = WindowSpec(
        assigner,
        kind[0],
        kind[2],
        kind[1],
        kind[3],
        EventTimeTrigger() if own_trigger else None,
        allowed_lateness_ms=naive.lateness,
        late_output_tag=tag,
    )
    assert aligned_applies(spec, OperatorContext(OperatorInfo("windows")))
    given_by = []
    for operator_class in (AlignedWindowOperator, WindowOperator):
        clock = ManualProcessingTime()
        operator = opened(operator_class, spec, clock)
        results: list[Any] = []
        beside: list[Any] = []
        for number, piece in enumerate([*stream, Piece([], [], MAX_TIMESTAMP)]):
            if number == stop:
                operator = opened(operator_class, spec, clock, snapshot_of(operator))
            for start in range(0, len(piece.records), batch_size):
                end = start + batch_size
                batch = RecordBatch(piece.records[start:end], piece.timestamps[start:end])
                outputs_of(operator.process_batch(batch), results, beside)
            if piece.watermark is not None:
                outputs_of(operator.process_watermark(Watermark(piece.watermark)), results, beside)
            results.append((number, None))
        given_by.append((results, beside, operator.late_records_dropped(), list(operator.records_out()), ended(kind)))
    assert given_by[0] == given_by[1]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.lists(st.sampled_from("abc"), max_size=3)), max_size=12),
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
    kinds(),
    st.booleans(),
)
def test_processing_time(
    steps: list[tuple[int, list[str]]],
    size: int,
    slide: int,
    sliding: bool,
    kind: tuple[str, Any, Any, Any],
    batch: bool,
) -> None:
    assigner: Any = SlidingProcessingTimeWindows(size, slide) if sliding else TumblingProcessingTimeWindows(size)
    spec = WindowSpec(assigner, kind[0], kind[2], kind[1], kind[3], batch=batch)
    given_by = []
    for operator_class in (AlignedWindowOperator, WindowOperator):
        clock = ManualProcessingTime(1_000)
        operator = opened(operator_class, spec, clock)
        results: list[Any] = []
        beside: list[Any] = []
        for passed, keys in steps:
            until = clock.now_ms() + passed
            while clock.alarm is not None and clock.alarm <= until:
                clock.set_now(max(clock.alarm, clock.now_ms()))
                outputs_of(operator.on_wake(clock.now_ms()), results, beside)
            clock.set_now(until)
            outputs_of(operator.process_batch(RecordBatch([(key, until) for key in keys])), results, beside)
        outputs_of(operator.process_watermark(Watermark(MAX_TIMESTAMP)), results, beside)
        outputs_of(operator.finish(), results, beside)
        given_by.append((results, beside, clock.alarm, ended(kind)))
    assert given_by[0] == given_by[1]
