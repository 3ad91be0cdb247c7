"""Interval joins: which pairs are found, what is late, what is remembered and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import IntervalJoinSpec
from millstream.common.records import MAX_TIMESTAMP, MAX_WATERMARK, RecordBatch, Watermark
from millstream.datastream.functions import ProcessJoinFunction
from millstream.datastream.output_tag import OutputTag
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo, SideOutput
from millstream.taskmanager.operators.two_input.interval_join import IntervalJoinOperator
from tests.unit.taskmanager.operators.support import build, keyed_size, snapshot_of

Record = tuple[str, int]  # key and timestamp


class Pairs(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Iterator[Any]:
        assert ctx.get_left_timestamp() == left[1]
        assert ctx.get_right_timestamp() == right[1]
        assert ctx.get_timestamp() == max(left[1], right[1])
        yield left, right


class Collecting(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context, out: Any) -> None:  # type: ignore[override]  # a collector more
        out.collect((left, right))
        ctx.output(OutputTag("seen"), left)


def key_of(record: Record) -> str:
    return record[0]


def join(
    function: Any = None, lower: int = -10, upper: int = 10, snapshot: Any = None, **more: Any
) -> IntervalJoinOperator:
    spec = IntervalJoinSpec(function or Pairs(), key_of, key_of, lower, upper, **more)
    operator = build(IntervalJoinOperator, spec, OperatorContext(OperatorInfo("joining")), snapshot)
    assert isinstance(operator, IntervalJoinOperator)
    operator.open()
    return operator


def give(operator: Operator, side: str, records: list[Any], timestamps: list[int | None] | None = None) -> list[Any]:
    """Everything that comes out for a batch."""
    batch = RecordBatch(records, [record[1] for record in records] if timestamps is None else timestamps)
    return list((operator.process_batch if side == "left" else operator.process_second_batch)(batch))


def values(outputs: list[Any]) -> list[Any]:
    return [value for output in outputs if isinstance(output, RecordBatch) for value in output.values]


def stamps(outputs: list[Any]) -> list[Any]:
    return [each for output in outputs if isinstance(output, RecordBatch) for each in output.timestamps or ()]


def side_outputs(outputs: list[Any], tag: str) -> list[Any]:
    return [
        v for output in outputs if isinstance(output, SideOutput) and output.tag == tag for v in output.batch.values
    ]


def is_empty(operator: IntervalJoinOperator) -> bool:
    return keyed_size(operator) == keyed_size(join())


def test_pairs_within_both_bounds() -> None:
    operator = join(lower=-5, upper=10)
    give(operator, "right", [("a", 94), ("a", 95), ("a", 100), ("a", 110), ("a", 111), ("b", 100)])
    outputs = give(operator, "left", [("a", 100)])
    assert [right[1] for _, right in values(outputs)] == [95, 100, 110]
    assert stamps(outputs) == [100, 100, 110]


def test_the_side_that_comes_last_finds_the_pairs() -> None:
    operator = join(lower=0, upper=10)
    assert values(give(operator, "left", [("a", 100), ("a", 90), ("a", 89), ("a", 95)])) == []
    found = values(give(operator, "right", [("a", 100)]))
    assert [left[1] for left, _ in found] == [90, 95, 100]


def test_an_empty_interval_joins_nothing() -> None:
    operator = join(lower=1, upper=0)
    give(operator, "left", [("a", 1)])
    assert values(give(operator, "right", [("a", t) for t in range(4)])) == []
    list(operator.process_watermark(MAX_WATERMARK))
    assert is_empty(operator)


def test_late_records_go_to_their_side_outputs() -> None:
    operator = join(late_left_tag="late-left")
    list(operator.process_watermark(Watermark(100)))
    outputs = give(operator, "left", [("a", 99), ("a", 100)])
    assert side_outputs(outputs, "late-left") == [("a", 99)]
    assert operator.late_records_dropped() == 0
    assert values(give(operator, "right", [("a", 99), ("a", 101)])) == [(("a", 100), ("a", 101))]
    assert operator.late_records_dropped() == 1


def test_collector_style_and_side_outputs_of_the_function() -> None:
    operator = join(Collecting())
    give(operator, "left", [("a", 1)])
    outputs = give(operator, "right", [("a", 2), ("a", 3)])
    assert values(outputs) == [(("a", 1), ("a", 2)), (("a", 1), ("a", 3))]
    assert side_outputs(outputs, "seen") == [("a", 1), ("a", 1)]
    assert list(operator.records_out()) == [(operator.infos[0], 2)]


def test_a_function_that_multiplies_gives_bounded_pieces() -> None:
    class Many(ProcessJoinFunction):
        def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Any:
            return range(5000)

    operator = join(Many())
    give(operator, "left", [("a", 1)])
    outputs = give(operator, "right", [("a", 2)])
    assert values(outputs) == list(range(5000))
    assert max(map(len, outputs)) <= 1024


def test_records_without_timestamps_are_refused() -> None:
    operator = join()
    given: list[list[int | None] | None] = [None, [None]]
    for timestamps in given:
        with pytest.raises(MillstreamError, match="operator 'joining': records of its right input have no timestamps"):
            list(operator.process_second_batch(RecordBatch([("a", 1)], timestamps)))


def test_keys_that_are_there_already_are_not_asked_for() -> None:
    operator = join()
    list(operator.process_batch(RecordBatch([("a", 1)], [1], ["other"])))
    assert values(list(operator.process_second_batch(RecordBatch([("b", 2)], [2], ["other"])))) == [
        (("a", 1), ("b", 2))
    ]


class Failing(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Iterator[Any]:
        yield 1
        raise ValueError("no")


def failure(operator: Operator, side: str, records: list[Any], timestamps: list[int | None] | None = None) -> Any:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # what it is, the tests look at
        give(operator, side, records, timestamps)
    return operator.locate(caught.value, None)


def test_a_failure_names_the_pair() -> None:
    operator = join(Failing())
    give(operator, "left", [("a", 1)])
    site = failure(operator, "right", [("b", 1), ("a", 2)])
    assert (site.info.name, site.phase, site.record) == ("joining", "process_element", (("a", 1), ("a", 2)))


def test_a_failure_of_a_key_selector_names_the_record() -> None:
    site = failure(join(), "left", [("a", 1), None], [1, 1])
    assert (site.phase, site.record) == ("key_by", None)
    site = failure(join(), "left", [("a", 1), ([], 1)])
    assert (site.phase, site.record) == ("key_by", ([], 1))


def test_snapshots_share_nothing_and_can_be_gone_on_from() -> None:
    operator = join()
    give(operator, "left", [("a", 100), ("b", 100)])
    snapshot = snapshot_of(operator)
    give(operator, "left", [("a", 101)])
    restored = join(snapshot=snapshot)
    assert values(give(restored, "right", [("a", 105)])) == [(("a", 100), ("a", 105))]
    list(restored.process_watermark(Watermark(200)))
    assert is_empty(restored)


@pytest.mark.parametrize(("lower", "upper"), [(-10, 10), (5, 20), (-20, -5), (0, 0), (-3_600_000, 1)])
def test_nothing_is_kept_much_longer_than_it_is_of_use(lower: int, upper: int) -> None:
    operator = join(lower=lower, upper=upper)
    give(operator, "left", [("a", 1000)])
    kept_until = 1000 + upper + max(1, (upper - lower) // 4) + 1
    list(operator.process_watermark(Watermark(kept_until)))
    assert is_empty(operator)
    operator = join(lower=lower, upper=upper)
    give(operator, "right", [("a", 1000)])
    list(operator.process_watermark(Watermark(1000 - lower + max(1, (upper - lower) // 4) + 1)))
    assert is_empty(operator)


def test_the_end_of_time_forgets_everything() -> None:
    operator = join(lower=0, upper=MAX_TIMESTAMP)
    give(operator, "left", [("a", 1000)])
    list(operator.process_watermark(Watermark(5000)))
    assert values(give(operator, "right", [("a", 10**15)])) == [(("a", 1000), ("a", 10**15))]
    assert list(operator.process_watermark(MAX_WATERMARK)) == [MAX_WATERMARK]
    assert is_empty(operator)


# -- against all pairs ----------------------------------------------------------------------------------------------

events = st.lists(
    st.tuples(st.sampled_from(["left", "right", "watermark"]), st.sampled_from("abc"), st.integers(-3, 60)),
    max_size=60,
)


@settings(deadline=None)
@given(events, st.integers(-15, 15), st.integers(0, 20), st.integers(1, 5), st.integers(0, 60))
def test_any_interleaving_finds_all_pairs_of_records_that_are_not_late(
    steps: list[tuple[str, str, int]], lower: int, span: int, batch: int, cut: int
) -> None:
    """In between the operator is snapshotted and restored once, as after a failure."""
    upper = lower + span
    operator = join(lower=lower, upper=upper)
    accepted: dict[str, list[Record]] = {"left": [], "right": []}
    watermark = -(10**9)
    late = dropped = 0
    found: list[tuple[Record, Record]] = []
    waiting: list[Record] = []
    waiting_side = "left"

    def flush() -> None:
        nonlocal waiting
        if waiting:
            found.extend(values(give(operator, waiting_side, waiting)))
            waiting = []

    for index, (kind, key, time) in enumerate(steps):
        if index == cut:
            flush()
            dropped = operator.late_records_dropped()
            operator = join(lower=lower, upper=upper, snapshot=snapshot_of(operator))
            list(operator.process_watermark(Watermark(watermark)))
        if kind == "watermark":
            flush()
            watermark = max(watermark, time)
            assert list(operator.process_watermark(Watermark(watermark)))[-1] == Watermark(watermark)
            continue
        if kind != waiting_side or len(waiting) >= batch:
            flush()
            waiting_side = kind
        waiting.append((key, time))
        if time < watermark:
            late += 1
        else:
            accepted[kind].append((key, time))
    flush()
    expected = [
        (left, right)
        for left in accepted["left"]
        for right in accepted["right"]
        if left[0] == right[0] and lower <= right[1] - left[1] <= upper
    ]
    assert sorted(found) == sorted(expected)
    assert dropped + operator.late_records_dropped() == late
    list(operator.process_watermark(MAX_WATERMARK))
    assert is_empty(operator)


@settings(deadline=None)
@given(events, st.integers(-15, 15), st.integers(0, 20))
def test_what_is_out_of_reach_is_forgotten(steps: list[tuple[str, str, int]], lower: int, span: int) -> None:
    operator = join(lower=lower, upper=lower + span)
    for kind, key, time in steps:
        if kind != "watermark":
            give(operator, kind, [(key, time)])
    list(operator.process_watermark(Watermark(60 + 15 + 20 + 15 + 8)))
    assert is_empty(operator)
