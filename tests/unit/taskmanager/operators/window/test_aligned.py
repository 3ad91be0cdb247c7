"""The operator for aligned windows against windows that are written down as simply as possible."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP
from millstream.datastream.window.sliding_windows import SlidingEventTimeWindows
from millstream.datastream.window.tumbling_windows import TumblingEventTimeWindows
from millstream.taskmanager.operators.operator import Operator
from millstream.taskmanager.operators.window.aligned import AlignedWindowOperator
from tests.unit.taskmanager.operators.support import build, context, snapshot_of
from tests.unit.taskmanager.operators.window.aligned_support import Elements, Piece, feed, pieces
from tests.unit.taskmanager.operators.window.naive_windows import NaiveWindows

sizes = st.integers(1, 20)


@st.composite
def assigners(draw: st.DrawFn) -> tuple[Any, NaiveWindows]:
    """An assigner of event time, and windows like its."""
    size = draw(sizes)
    lateness = draw(st.sampled_from([0, 0, 7, 40]))
    if draw(st.booleans()):
        offset = draw(st.integers(1 - size, size - 1))
        return TumblingEventTimeWindows(size, offset), NaiveWindows(size, size, offset, lateness)
    slide = draw(sizes)
    offset = draw(st.integers(1 - slide, slide - 1))
    return SlidingEventTimeWindows(size, slide, offset), NaiveWindows(size, slide, offset, lateness)


def spec_of(assigner: Any, naive: NaiveWindows, kind: str, *, tag: str = "late", **more: Any) -> WindowSpec:
    key_of = lambda value: value[0]  # noqa: E731  # an expression that can be inlined
    function: Any = {"reduce": lambda a, b: (a[0], a[1] + b[1]), "aggregate": Elements(), "list": None}[kind]
    return WindowSpec(assigner, kind, key_of, function, allowed_lateness_ms=naive.lateness, late_output_tag=tag, **more)


def expected_of(naive: NaiveWindows, piece: Piece, kind: str) -> list[Any]:
    naive.fired.clear()
    for value, timestamp in zip(piece.records, piece.timestamps, strict=True):
        assert timestamp is not None
        naive.add(value[0], value, timestamp)
    by_records = len(naive.fired)
    if piece.watermark is not None:
        naive.advance(piece.watermark)
    results = []
    for key, _, end, elements in naive.fired:
        values = [value for _, value in elements]
        results.append(((key, sum(values) if kind == "reduce" else tuple(values)), end - 1))
    return results[:by_records] + sorted(results[by_records:], key=lambda each: (each[1], repr(each)))


@given(pieces(), assigners(), st.sampled_from(["reduce", "aggregate"]), st.booleans(), st.booleans(), st.integers(1, 4))
def test_results_and_late_records_are_those_of_naive_windows(
    stream: list[Piece], windows: tuple[Any, NaiveWindows], kind: str, inline: bool, with_keys: bool, batch_size: int
) -> None:
    assigner, naive = windows
    operator = AlignedWindowOperator(spec_of(assigner, naive, kind), context(inline=inline))
    operator.open()
    late: list[Any] = []
    for piece in [*stream, Piece([], [], MAX_TIMESTAMP)]:
        assert feed(operator, piece, batch_size, with_keys, late) == expected_of(naive, piece, kind)
    assert late == naive.late
    assert operator.late_records_dropped() == 0


@given(pieces(), assigners(), st.integers(0, 6))
def test_it_goes_on_from_a_snapshot_at_any_point(
    stream: list[Piece], windows: tuple[Any, NaiveWindows], stop: int
) -> None:
    assigner, naive = windows
    spec = spec_of(assigner, naive, "aggregate", tag="")

    def opened(snapshot: Any = None) -> Operator:
        operator = build(AlignedWindowOperator, spec, context(), snapshot)
        operator.open()
        return operator

    operator = opened()
    dropped = 0
    for number, piece in enumerate([*stream, Piece([], [], MAX_TIMESTAMP)]):
        if number == stop:
            dropped = operator.late_records_dropped()
            snapshot = snapshot_of(operator)
            feed(operator, Piece([("a", 0)], [10_000], None), 1, False, [])
            operator = opened(snapshot)
        assert feed(operator, piece, 3, False, []) == expected_of(naive, piece, "aggregate")
    assert dropped + operator.late_records_dropped() == len(naive.late)
