"""Windows in programs: what is refused, and what operators are made of them."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.datastream import AllWindowedStream, StreamExecutionEnvironment, WindowedStream
from millstream.datastream.functions import MapFunction, ReduceFunction
from millstream.datastream.window import (
    CountEvictor,
    CountTrigger,
    DeltaTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    TumblingEventTimeWindows,
)
from tests.unit.datastream.windowed_pairs import PAIRS, Average, Count, CountAll, Sum, SumAll, keyed, stamped


def test_names_and_descriptions(env: StreamExecutionEnvironment) -> None:
    windows = keyed(env).window(TumblingEventTimeWindows.of(Time.seconds(5)))
    stream = windows.process(Count())
    assert stream.get_name() == "TumblingEventTimeWindows"
    description = "Window(TumblingEventTimeWindows(5000, 0), EventTimeTrigger, Count)"
    assert stream._transformation.description == description
    assert stream._transformation.kind == "window"
    windows = stamped(env).window_all(GlobalWindows.create()).trigger(CountTrigger.of(3))
    stream = windows.reduce(lambda a, b: a, SumAll())
    assert stream._transformation.description == "AllWindow(GlobalWindows(), CountTrigger, function, SumAll)"


def test_types(env: StreamExecutionEnvironment) -> None:
    windows = keyed(env).window(TumblingEventTimeWindows(5))
    assert windows.get_input_type() == PAIRS
    assert windows.get_execution_environment() is env
    assert windows.reduce(lambda a, b: a).get_type() == PAIRS
    assert windows.sum(1).get_type() == PAIRS
    assert windows.reduce(lambda a, b: a, Sum(), Types.STRING()).get_type() == Types.STRING()
    assert windows.aggregate(Average(), output_type=Types.DOUBLE()).get_type() == Types.DOUBLE()
    assert isinstance(windows, WindowedStream)
    assert isinstance(stamped(env).count_window_all(3), AllWindowedStream)


def test_a_trigger_that_is_the_default_one_anyway_is_left_out(env: StreamExecutionEnvironment) -> None:
    windows = keyed(env).window(TumblingEventTimeWindows(5))
    assert windows.sum(1)._transformation.spec.trigger is None
    assert windows.trigger(EventTimeTrigger.create()).sum(1)._transformation.spec.trigger is None
    assert windows.trigger(CountTrigger.of(2)).sum(1)._transformation.spec.trigger is not None


def test_windows_over_all_run_once(env: StreamExecutionEnvironment) -> None:
    stream = stamped(env).window_all(TumblingEventTimeWindows(5)).sum(1)
    with pytest.raises(Exception, match="must be 1, not 2"):
        stream.set_parallelism(2)


class CannotMerge(EventTimeTrigger[Any]):
    def can_merge(self) -> bool:
        return False


class Mapper(MapFunction):
    def map(self, value: Any) -> Any:
        return value


class Reducer(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return value1


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.window("tumbling"),
        lambda s: s.window(TumblingEventTimeWindows),
        lambda s: s.window(GlobalWindows.create()).trigger("x"),
        lambda s: s.window(GlobalWindows.create()).trigger(CountTrigger),
        lambda s: s.window(EventTimeSessionWindows(5)).trigger(CannotMerge()),
        lambda s: s.window(EventTimeSessionWindows(5)).trigger(DeltaTrigger.of(1, lambda a, b: 0)),
        lambda s: s.window(GlobalWindows.create()).evictor(CountEvictor),
        lambda s: s.window(TumblingEventTimeWindows(5)).allowed_lateness("5"),
        lambda s: s.window(TumblingEventTimeWindows(5)).allowed_lateness(True),
        lambda s: s.window(TumblingEventTimeWindows(5)).side_output_late_data("late"),
        lambda s: s.window(TumblingEventTimeWindows(5)).reduce(3),
        lambda s: s.window(TumblingEventTimeWindows(5)).reduce(Reducer),
        lambda s: s.window(TumblingEventTimeWindows(5)).reduce(Reducer(), 3),
        lambda s: s.window(TumblingEventTimeWindows(5)).reduce(Reducer(), Mapper()),
        lambda s: s.window(TumblingEventTimeWindows(5)).reduce(Reducer(), output_type="string"),
        lambda s: s.window(TumblingEventTimeWindows(5)).aggregate(lambda a, b: a),
        lambda s: s.window(TumblingEventTimeWindows(5)).aggregate(Average(), CountAll()),
        lambda s: s.window(TumblingEventTimeWindows(5)).aggregate(Average(), accumulator_type=int),
        lambda s: s.window(TumblingEventTimeWindows(5)).apply(Count()),
        lambda s: s.window(TumblingEventTimeWindows(5)).process(Sum()),
        lambda s: s.window(TumblingEventTimeWindows(5)).process(lambda key, context, elements: []),
        lambda s: s.window(TumblingEventTimeWindows(5)).process(Count),
        lambda s: s.window(TumblingEventTimeWindows(5)).sum(1.5),
        lambda s: s.window_all(TumblingEventTimeWindows(5)).process(Count()),
        lambda s: s.window_all(TumblingEventTimeWindows(5)).apply(Sum()),
    ],
)
def test_arguments_of_the_wrong_type_are_refused_in_the_line_of_the_program(
    env: StreamExecutionEnvironment, use: Any
) -> None:
    with pytest.raises(TypeError, match=r"test_windowed_stream\.py:\d+: "):
        use(keyed(env))


def test_a_lateness_that_is_negative_is_refused(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(ValueError, match=r"test_windowed_stream\.py:\d+: .* negative"):
        keyed(env).window(TumblingEventTimeWindows(5)).allowed_lateness(-1)
    windows = keyed(env).window(TumblingEventTimeWindows(5)).allowed_lateness(Time.seconds(1))
    assert windows.sum(1)._transformation.spec.allowed_lateness_ms == 1000
