"""What the master makes of the accumulators of tasks."""

from __future__ import annotations

from millstream.common.accumulators import AverageAccumulator, Histogram, IntCounter
from millstream.common.accumulators.wire_form import decode, encode
from millstream.common.failure import USER_CODE, engine_failure
from millstream.common.wire.cluster_pb2 import AccumulatorValue
from millstream.jobmanager.execution_graph.accumulators import AccumulatorBudget, merged_accumulators


def _sent(name: str, accumulator: IntCounter | AverageAccumulator | Histogram) -> AccumulatorValue:
    value = encode(name, accumulator)
    assert value is not None
    return value


def test_numbers_are_merged_by_name() -> None:
    merged = merged_accumulators(
        [
            _sent("seen", IntCounter(3)),
            _sent("mean", AverageAccumulator(2, 10.0)),
            _sent("seen", IntCounter(4)),
            _sent("sizes", Histogram({1: 2})),
            _sent("mean", AverageAccumulator(1, 2.0)),
            _sent("sizes", Histogram({1: 1, 5: 1})),
        ]
    )
    assert [(one.name, one.type, one.text) for one in merged] == [
        ("mean", "AverageAccumulator", "4.0"),
        ("seen", "IntCounter", "7"),
        ("sizes", "Histogram", "{1: 3, 5: 1}"),
    ]
    assert decode(merged[0]).get_local_value() == 4.0


def test_what_is_pickled_is_shown_and_not_opened() -> None:
    parts = [AccumulatorValue(name="words", type="Words", text=text, pickled=b"no pickle") for text in ("{a}", "{b}")]
    (merged,) = merged_accumulators(parts)
    assert merged == AccumulatorValue(name="words", type="Words", text="{a}; {b}")
    assert merged_accumulators(parts[:1])[0].text == "{a}"


def test_different_types_under_one_name() -> None:
    (merged,) = merged_accumulators([_sent("seen", IntCounter(3)), _sent("seen", Histogram())])
    assert "'seen' is of different types in different tasks (Histogram and IntCounter)" in merged.failure.message
    own = AccumulatorValue(name="seen", type="IntCounter", pickled=b"x")
    (merged,) = merged_accumulators([_sent("seen", IntCounter(3)), own])
    assert "(IntCounter and a class of the same name)" in merged.failure.message


def test_a_failure_in_one_task_is_that_of_the_whole() -> None:
    failed = AccumulatorValue(name="seen", type="IntCounter", failure=engine_failure(USER_CODE, "cannot be pickled"))
    (merged,) = merged_accumulators([_sent("seen", IntCounter(3)), failed])
    assert (merged.failure.message, merged.text) == ("cannot be pickled", "")


def test_what_a_task_says_cannot_break_the_report() -> None:
    nonsense = AccumulatorValue(name="seen", type="IntCounter", whole="many")
    (merged,) = merged_accumulators([nonsense, _sent("seen", IntCounter(3))])
    assert "'seen' cannot be merged" in merged.failure.message


def test_a_report_has_an_end() -> None:
    value = AccumulatorValue(name="words", type="Words", text="...", pickled=b"x" * 100)
    budget = AccumulatorBudget(300)
    first, second, third = (budget.take(value) for _ in range(3))
    assert first == second == value
    assert (third.name, third.text, third.pickled) == ("words", "...", b"")
    assert "more than 300 bytes together" in third.failure.message
    small = _sent("seen", IntCounter(1))
    assert budget.take(small) == small
