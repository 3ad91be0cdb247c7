"""Interval joins as a part of the program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from millstream.common import Types
from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import IntervalJoinSpec
from millstream.common.time import Duration, Time
from millstream.datastream import KeyedStream, OutputTag, ProcessJoinFunction, StreamExecutionEnvironment
from millstream.datastream.transformation import OperatorTransformation
from millstream.testing import OperatorHarness


class Pairs(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Any:
        yield left, right


def keyed(env: StreamExecutionEnvironment) -> KeyedStream:
    return env.from_collection([(1, 2)]).key_by(0)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (-1000, 2000),
        (Time.seconds(-1), Time.seconds(2)),
        (Duration.of_seconds(-1), Duration.of_seconds(2)),
        (timedelta(seconds=-1), timedelta(seconds=2)),
    ],
)
def test_bounds(env: StreamExecutionEnvironment, lower: Any, upper: Any) -> None:
    joined = keyed(env).interval_join(keyed(env)).in_event_time().between(lower, upper)
    stream = joined.process(Pairs(), Types.STRING())
    operator = stream._transformation
    assert isinstance(operator, OperatorTransformation)
    assert isinstance(operator.spec, IntervalJoinSpec)
    assert (operator.spec.lower_bound_ms, operator.spec.upper_bound_ms) == (-1000, 2000)
    assert stream.get_name() == "Interval Join"
    joined.lower_bound_exclusive().upper_bound_exclusive()
    joined.side_output_left_late_data(OutputTag("l")).side_output_right_late_data(OutputTag("r"))
    operator = joined.process(Pairs())._transformation
    assert isinstance(operator, OperatorTransformation)
    assert isinstance(operator.spec, IntervalJoinSpec)
    assert (operator.spec.lower_bound_ms, operator.spec.upper_bound_ms) == (-999, 1999)
    assert (operator.spec.late_left_tag, operator.spec.late_right_tag) == ("l", "r")


def test_what_is_refused(env: StreamExecutionEnvironment) -> None:
    a, b = keyed(env), keyed(env)
    with pytest.raises(InvalidProgramError, match="only supported in event time"):
        a.interval_join(b).in_processing_time()
    with pytest.raises(ValueError, match="the lower bound 2 ms is above the upper one, 1 ms"):
        a.interval_join(b).between(2, 1)
    with pytest.raises(TypeError, match=r"between\(\).*'1s' is no length of time"):
        a.interval_join(b).between("1s", 5)
    with pytest.raises(TypeError, match="joins keyed streams"):
        a.interval_join(env.from_collection([1]))  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(TypeError, match="OutputTag"):
        a.interval_join(b).between(0, 1).side_output_left_late_data("late")  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="ProcessJoinFunction"):
        a.interval_join(b).between(0, 1).process(lambda left, right: left)  # type: ignore[arg-type]  # as above
    other = StreamExecutionEnvironment.get_execution_environment()
    with pytest.raises(InvalidProgramError, match="different environments"):
        a.interval_join(keyed(other))


def test_late_records_are_streams_of_their_own() -> None:
    late = OutputTag("late")

    def fragment(a: Any, b: Any) -> Any:
        joined = a.key_by(0).interval_join(b.key_by(0)).between(Time.seconds(-1), Time.seconds(1))
        return joined.side_output_right_late_data(late).process(Pairs())

    with OperatorHarness(fragment) as h:
        h.process_watermark(100)
        h.process_element2(("a", 1), 99)
        h.process_element1(("a", 2), 99)
        h.process_element1(("a", 3), 100)
        h.process_element2(("a", 4), 100)
        assert h.get_output_with_timestamps() == [((("a", 3), ("a", 4)), 100)]
        assert h.get_side_output_with_timestamps(late) == [(("a", 1), 99)]
        assert h.late_records_dropped() == 1
