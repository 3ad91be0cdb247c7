"""Window joins and co-groups, run in a harness; and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common import Time, Types
from millstream.common.errors import InvalidProgramError
from millstream.datastream import (
    CoGroupFunction,
    FlatJoinFunction,
    JoinFunction,
    KeySelector,
    MapFunction,
    RuntimeContext,
    StreamExecutionEnvironment,
)
from millstream.datastream.functions import RichJoinFunction
from millstream.datastream.window import CountEvictor, CountTrigger, EventTimeSessionWindows, TumblingEventTimeWindows
from millstream.testing import OperatorHarness


class Key(KeySelector):
    def get_key(self, value: Any) -> Any:
        return value[0]


class Pairs(JoinFunction):
    def join(self, first: Any, second: Any) -> Any:
        return first[1], second[1]


class FlatPairs(FlatJoinFunction):
    def join(self, first: Any, second: Any) -> Iterator[Any]:
        if second[1] > 10:
            yield first[1], second[1]


class CollectedPairs(FlatJoinFunction):
    def join(self, first: Any, second: Any, out: Any) -> None:  # type: ignore[override]  # a collector more
        out.collect((first[1], second[1]))


class Sides(CoGroupFunction):
    def co_group(self, first: Any, second: Any) -> Iterator[Any]:
        yield sorted(value for _, value in first), sorted(value for _, value in second)


class CollectedSides(CoGroupFunction):
    def co_group(self, first: Any, second: Any, out: Any) -> None:  # type: ignore[override]  # a collector more
        out.collect((len(first), len(second)))


def join_harness(function: Any, kind: str = "join", assigner: Any = None, **settings: Any) -> OperatorHarness:
    def fragment(a: Any, b: Any) -> Any:
        windowed = getattr(a, kind)(b).where(Key()).equal_to(lambda v: v[0])
        windowed = windowed.window(assigner or TumblingEventTimeWindows.of(Time.seconds(1)))
        for name, value in settings.items():
            windowed = getattr(windowed, name)(value)
        return windowed.apply(function)

    return OperatorHarness(fragment)


def feed(harness: OperatorHarness) -> None:
    harness.process_element1(("a", 1), 100)
    harness.process_element1(("a", 2), 200)
    harness.process_element1(("b", 3), 300)
    harness.process_element1(("a", 4), 1000)
    harness.process_element2(("a", 11), 900)
    harness.process_element2(("c", 12), 100)
    harness.process_element2(("a", 5), 999)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Pairs(), [(1, 5), (1, 11), (2, 5), (2, 11)]),
        (lambda first, second: (first[1], second[1]), [(1, 5), (1, 11), (2, 5), (2, 11)]),
        (FlatPairs(), [(1, 11), (2, 11)]),
        (CollectedPairs(), [(1, 5), (1, 11), (2, 5), (2, 11)]),
        (lambda first, second, out: out.collect(second[1]), [5, 5, 11, 11]),
    ],
)
def test_join(function: Any, expected: list[Any]) -> None:
    with join_harness(function) as h:
        feed(h)
        h.process_watermark(998)
        assert h.get_output() == []
        h.process_watermark(999)
        assert sorted(h.get_output()) == expected
        assert {timestamp for _, timestamp in h.get_output_with_timestamps()} == {999}
        h.end_input()
        assert len(h.get_output()) == len(expected)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Sides(), [([], [12]), ([1, 2], [5, 11]), ([3], []), ([4], [])]),
        (CollectedSides(), [(0, 1), (1, 0), (1, 0), (2, 2)]),
        (lambda first, second: [len(first) + len(second)], [1, 1, 1, 4]),
        (lambda first, second: None, []),
    ],
)
def test_co_group_sees_one_sided_groups_too(function: Any, expected: list[Any]) -> None:
    with join_harness(function, "co_group") as h:
        feed(h)
        h.end_input()
        assert sorted(h.get_output()) == expected


def test_sessions_triggers_evictors_and_lateness() -> None:
    with join_harness(Sides(), "co_group", EventTimeSessionWindows.with_gap(Time.milliseconds(10))) as h:
        h.process_element1(("a", 1), 0)
        h.process_element2(("a", 2), 9)
        h.process_element1(("a", 3), 18)
        h.process_element1(("a", 4), 40)
        h.end_input()
        assert sorted(h.get_output()) == [([1, 3], [2]), ([4], [])]
    with join_harness(Sides(), "co_group", trigger=CountTrigger.of(3), evictor=CountEvictor.of(2)) as h:
        for n in range(3):
            h.process_element1(("a", n), 0)
        assert h.get_output() == [([1, 2], [])]
    with join_harness(Pairs(), allowed_lateness=1000) as h:
        h.process_element1(("a", 1), 0)
        h.process_element2(("a", 2), 0)
        h.process_watermark(1500)
        h.process_element2(("a", 3), 0)
        assert h.get_output() == [(1, 2), (1, 2), (1, 3)]


class Opened(RichJoinFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.name = runtime_context.get_task_name()

    def join(self, first: Any, second: Any) -> Any:
        return self.name, self.get_runtime_context().get_task_name()


def test_functions_are_opened() -> None:
    with join_harness(Opened()) as h:
        feed(h)
        h.end_input()
        assert h.get_output()[0] == ("Join", "Join")


class Failing(CoGroupFunction):
    def co_group(self, first: Any, second: Any) -> Any:
        return [1 // 0]


def test_a_failure_names_the_operator_and_the_users_line() -> None:
    for function, kind, name in ((Failing(), "co_group", "CoGroup"), (lambda a, b: a / b, "join", "Join")):
        with join_harness(function, kind) as h:
            feed(h)
            with pytest.raises((ZeroDivisionError, TypeError)) as caught:
                h.process_watermark(5000)
        assert f"operator '{name}'" in "".join(getattr(caught.value, "__notes__", ()))
        frames = [entry.path for entry in caught.traceback]
        assert str(frames[-1]) == __file__


def test_the_parts_of_a_join_can_be_gone_on_from_more_than_once() -> None:
    def fragment(a: Any, b: Any) -> Any:
        where = a.join(b).where(0)
        one, two = where.equal_to(0), where.equal_to(1)
        windows: Any = TumblingEventTimeWindows.of(Time.seconds(1))
        first = one.window(windows).apply(lambda left, right: ("by key", left, right))
        return first.union(two.window(windows).apply(lambda left, right: ("by value", left, right)))

    with OperatorHarness(fragment) as h:
        h.process_element1((1, 2), 0)
        h.process_element2((1, 3), 0)
        h.process_element2((4, 1), 0)
        h.end_input()
        assert sorted(h.get_output()) == [("by key", (1, 2), (1, 3)), ("by value", (1, 2), (4, 1))]


def test_names_types_and_refusals(env: StreamExecutionEnvironment) -> None:
    a, b = env.from_collection([(1, 2)], Types.TUPLE([Types.INT(), Types.INT()])), env.from_collection([(1, 2)])
    window: Any = TumblingEventTimeWindows.of(Time.seconds(1))
    joined = a.join(b).where(0).equal_to(0).window(window).apply(Pairs(), Types.STRING())
    assert (joined.get_name(), joined.get_type()) == ("Join", Types.STRING())
    assert a.co_group(b).where(0).equal_to(0).window(window).apply(Sides()).get_name() == "CoGroup"
    with pytest.raises(TypeError, match=r"the input of apply\(\) must be a JoinFunction or a callable"):
        a.join(b).where(0).equal_to(0).window(window).apply(Sides())
    with pytest.raises(TypeError, match=r"the input of apply\(\) must be a CoGroupFunction or a callable"):
        a.co_group(b).where(0).equal_to(0).window(window).apply(Pairs())
    with pytest.raises(TypeError, match="key selector"):
        a.join(b).where(MapFunction)  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(InvalidProgramError, match="keys of the two streams are of different types"):
        a.join(b).where(0, Types.INT()).equal_to(0, Types.STRING())
    other = StreamExecutionEnvironment.get_execution_environment()
    with pytest.raises(InvalidProgramError, match="different environments"):
        a.join(other.from_collection([1]))
    with pytest.raises(TypeError, match=r"co_group\(\) takes streams"):
        a.co_group([1])  # type: ignore[arg-type]  # that is what is refused


records = st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.integers(0, 40), st.integers(0, 9)), max_size=30)


@settings(deadline=None, max_examples=40)
@given(records, st.integers(1, 15))
def test_join_is_all_pairs_of_equal_key_and_window(steps: list[tuple[bool, str, int, int]], size: int) -> None:
    def window_of(time: int) -> int:
        return time // size

    def of(side: bool) -> Iterable[tuple[str, int, int]]:
        return [(key, time, value) for is_first, key, time, value in steps if is_first == side]

    expected = sorted(
        (a[2], b[2]) for a in of(True) for b in of(False) if a[0] == b[0] and window_of(a[1]) == window_of(b[1])
    )
    with join_harness(Pairs(), assigner=TumblingEventTimeWindows.of(Time.milliseconds(size))) as h:
        for is_first, key, time, value in steps:
            (h.process_element1 if is_first else h.process_element2)((key, value), time)
        h.end_input()
        assert sorted(h.get_output()) == expected
