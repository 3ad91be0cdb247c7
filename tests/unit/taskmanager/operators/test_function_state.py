"""Functions of every kind take part in checkpoints: they keep state, and hear what becomes of checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from millstream.common import Time, Types
from millstream.common.graph.operator_spec import MapSpec
from millstream.datastream import AsyncDataStream, DataStream
from millstream.datastream.functions import (
    AggregateFunction,
    AsyncFunction,
    BroadcastProcessFunction,
    CheckpointedFunction,
    CheckpointListener,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ListCheckpointed,
    MapFunction,
    ProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
)
from millstream.datastream.state import ListState, ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import TumblingEventTimeWindows
from millstream.taskmanager.operators.fused import fusable
from millstream.testing import OperatorHarness

RULES = MapStateDescriptor("rules", Types.INT(), Types.INT())


class Counting(CheckpointedFunction, CheckpointListener):
    """Counts its calls over restarts.

    :ivar heard: what it was told of checkpoints.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.heard: list[Any] = []
        self.state: ListState[int] | None = None

    def initialize_state(self, context: Any) -> None:
        self.state = context.get_operator_state_store().get_list_state(ListStateDescriptor("calls", Types.INT()))
        self.calls = sum(self.state)
        self.heard.append(("initialize", context.is_restored(), context.get_restored_checkpoint_id()))

    def snapshot_state(self, context: Any) -> None:
        assert self.state is not None
        self.state.update([self.calls])
        self.heard.append(("snapshot", context.get_checkpoint_id(), context.get_checkpoint_timestamp()))

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self.heard.append(("complete", checkpoint_id))

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self.heard.append(("aborted", checkpoint_id))

    def open(self, runtime_context: Any) -> None:
        self.heard.append("open")

    def call(self) -> int:
        self.calls += 1
        return self.calls


class Map(Counting, MapFunction):
    def map(self, value: Any) -> Any:
        return self.call()


class Filter(Counting, FilterFunction):
    def filter(self, value: Any) -> bool:
        return self.call() % 2 == 1


class FlatMap(Counting, FlatMapFunction):
    def flat_map(self, value: Any) -> Iterator[Any]:
        yield self.call()


class Process(Counting, ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        yield self.call()


class KeyedProcess(Counting, KeyedProcessFunction):
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        yield self.call()


class Reduce(Counting, ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return self.call()


class Async(Counting, AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [self.call()]


class Windowed(Counting, ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        yield self.call()


class CoMap(Counting, CoMapFunction):
    def map1(self, value: Any) -> Any:
        return self.call()

    def map2(self, value: Any) -> Any:
        return self.call()


class CoFlatMap(Counting, CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Iterator[Any]:
        yield self.call()

    def flat_map2(self, value: Any) -> Iterator[Any]:
        yield self.call()


class CoProcess(Counting, CoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()

    def process_element2(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()


class KeyedCoProcess(Counting, KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()

    def process_element2(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()


class Broadcast(Counting, BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()


class KeyedBroadcast(Counting, KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()

    def process_broadcast_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()


class Join(Counting, ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: Any) -> Iterator[Any]:
        yield self.call()


def zero(value: Any) -> int:
    return 0


def windows(function: Any) -> Callable[[DataStream], DataStream]:
    return lambda s: s.key_by(zero).window(TumblingEventTimeWindows.of(Time.milliseconds(10))).process(function)


ONE_INPUT: dict[str, tuple[type[Any], Callable[[Any], Callable[[DataStream], DataStream]]]] = {
    "map": (Map, lambda f: lambda s: s.map(f)),
    "flat_map": (FlatMap, lambda f: lambda s: s.flat_map(f)),
    "keyed map": (Map, lambda f: lambda s: s.key_by(zero).map(f)),
    "process": (Process, lambda f: lambda s: s.process(f)),
    "keyed process": (KeyedProcess, lambda f: lambda s: s.key_by(zero).process(f)),
    "async": (Async, lambda f: lambda s: AsyncDataStream.unordered_wait(s, f, Time.seconds(10))),
    "window": (Windowed, windows),
}
TWO_INPUTS: dict[str, tuple[type[Any], Callable[[Any], Callable[[DataStream, DataStream], DataStream]]]] = {
    "co map": (CoMap, lambda f: lambda a, b: a.connect(b).map(f)),
    "keyed co map": (CoMap, lambda f: lambda a, b: a.key_by(zero).connect(b.key_by(zero)).map(f)),
    "co flat_map": (CoFlatMap, lambda f: lambda a, b: a.connect(b).flat_map(f)),
    "co process": (CoProcess, lambda f: lambda a, b: a.connect(b).process(f)),
    "keyed co process": (KeyedCoProcess, lambda f: lambda a, b: a.key_by(zero).connect(b.key_by(zero)).process(f)),
    "broadcast": (Broadcast, lambda f: lambda a, b: a.connect(b.broadcast(RULES)).process(f)),
    "keyed broadcast": (KeyedBroadcast, lambda f: lambda a, b: a.key_by(zero).connect(b.broadcast(RULES)).process(f)),
    "interval join": (
        Join,
        lambda f: (
            lambda a, b: (
                a.key_by(zero)
                .interval_join(b.key_by(zero))
                .between(Time.milliseconds(0), Time.milliseconds(0))
                .process(f)
            )
        ),
    ),
}


def check_life(
    function: Any, again: Any, made: Callable[[Any], Any], feed: Callable[[OperatorHarness, int], None]
) -> None:
    """A function counts on over a restart, and is told of checkpoints in between."""
    with OperatorHarness(made(function)) as harness:
        harness.set_processing_time(7)
        feed(harness, 1)
        feed(harness, 2)
        assert harness.get_output()[-1] == 2
        snapshot = harness.snapshot()
        harness.notify_checkpoint_complete()
        harness.snapshot()
        harness.notify_checkpoint_aborted()
    assert function.heard == [
        ("initialize", False, None),
        "open",
        ("snapshot", 1, 7),
        ("complete", 1),
        ("snapshot", 2, 7),
        ("aborted", 2),
    ]
    with OperatorHarness(made(again), snapshot=snapshot) as harness:
        feed(harness, 3)
        assert harness.get_output() == [3]
    assert again.heard == [("initialize", True, 1), "open"]


@pytest.mark.parametrize("kind", ONE_INPUT)
def test_functions_of_one_input(kind: str) -> None:
    function, made = ONE_INPUT[kind]

    def feed(harness: OperatorHarness, number: int) -> None:
        harness.process_element(number, timestamp=10 * number)
        harness.process_watermark(10 * number + 9)
        if kind == "async":
            harness.wait_for_output(1)

    check_life(function(), function(), made, feed)


@pytest.mark.parametrize("kind", TWO_INPUTS)
def test_functions_of_two_inputs(kind: str) -> None:
    function, made = TWO_INPUTS[kind]

    def feed(harness: OperatorHarness, number: int) -> None:
        if kind == "interval join":
            harness.process_element1(number, timestamp=number)
        if number % 2:
            harness.process_element1(number, timestamp=number + 100)
        else:
            harness.process_element2(number, timestamp=number + 100)
        if kind == "interval join":
            harness.process_element2(number, timestamp=number)

    check_life(function(), function(), made, feed)


def test_filters_and_reduces() -> None:
    function = Filter()
    with OperatorHarness(lambda s: s.filter(function)) as harness:
        for value in (1, 2):
            harness.process_element(value)
        snapshot = harness.snapshot()
        assert harness.get_output() == [1]
    with OperatorHarness(lambda s: s.filter(Filter()), snapshot=snapshot) as harness:
        for value in (3, 4):
            harness.process_element(value)
        assert harness.get_output() == [3]

    def reduced(stream: DataStream) -> DataStream:
        return stream.key_by(zero).reduce(Reduce())

    with OperatorHarness(reduced) as harness:
        for value in (10, 20, 30):
            harness.process_element(value)
        assert harness.get_output() == [10, 1, 2]
        with harness.restore(harness.snapshot()) as again:
            again.process_element(40)
            assert again.get_output() == [3]


class Listed(MapFunction, ListCheckpointed):
    """Numbers records, with as many parts of state as there are numbers left over."""

    def __init__(self) -> None:
        self.parts: list[int] = []

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[int]:
        return self.parts

    def restore_state(self, state: list[Any]) -> None:
        self.parts = list(state)

    def map(self, value: int) -> list[int]:
        self.parts.append(value)
        return list(self.parts)


def test_the_parts_of_a_list_are_divided_among_the_subtasks() -> None:
    def fragment(stream: DataStream) -> DataStream:
        return stream.map(Listed())

    with OperatorHarness(fragment, parallelism=1) as harness:
        for value in range(5):
            harness.process_element(value)
        snapshot = harness.snapshot()
    shares = []
    snapshots = []
    for index in range(2):
        with OperatorHarness(fragment, parallelism=2, subtask_index=index, snapshot=snapshot) as harness:
            harness.process_element(-1)
            shares.append(harness.get_output()[-1][:-1])
            snapshots.append(harness.snapshot())
    assert sorted(shares[0] + shares[1]) == list(range(5))
    assert {len(share) for share in shares} == {2, 3}
    with OperatorHarness(fragment, parallelism=1, snapshot=OperatorHarness.repackage_state(*snapshots)) as harness:
        harness.process_element(5)
        assert sorted(harness.get_output()[-1]) == [-1, -1, 0, 1, 2, 3, 4, 5]


class Adding(AggregateFunction, ListCheckpointed):
    def __init__(self) -> None:
        self.added = 0

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[int]:
        return [self.added]

    def restore_state(self, state: list[Any]) -> None:
        self.added = sum(state)

    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        self.added += 1
        return accumulator + int(value[0]) + int(value[1])

    def get_result(self, accumulator: int) -> Any:
        return accumulator, self.added

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


class ListedWindowed(ProcessWindowFunction[Any, Any, Any, Any], ListCheckpointed):
    def __init__(self) -> None:
        self.fired = 100

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[int]:
        return [self.fired]

    def restore_state(self, state: list[Any]) -> None:
        self.fired = sum(state)

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        self.fired += 1
        yield list(elements), self.fired


def test_both_functions_of_a_window_have_state_of_their_own() -> None:
    def fragment(stream: DataStream) -> DataStream:
        windowed = stream.key_by(zero).window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
        return windowed.aggregate(Adding(), ListedWindowed())

    with OperatorHarness(fragment) as harness:
        harness.process_element((1, 2), timestamp=1)
        harness.process_watermark(9)
        assert harness.get_output() == [([(3, 1)], 101)]
        with harness.restore(harness.snapshot()) as again:
            again.process_element((3, 4), timestamp=11)
            again.process_watermark(19)
            assert again.get_output() == [([(7, 2)], 102)]


def test_keyed_state_may_be_asked_for_when_state_is_initialised() -> None:
    class Keyed(CheckpointedFunction, MapFunction):
        def initialize_state(self, context: Any) -> None:
            store = context.get_keyed_state_store()
            self.count = store.get_state(ValueStateDescriptor("count", Types.INT()))

        def snapshot_state(self, context: Any) -> None:
            pass

        def map(self, value: Any) -> Any:
            self.count.update((self.count.value() or 0) + 1)
            return value, self.count.value()

    def fragment(stream: DataStream) -> DataStream:
        return stream.key_by(lambda value: value).map(Keyed())

    with OperatorHarness(fragment) as harness:
        harness.process_batch(["a", "b", "a"])
        assert harness.get_output() == [("a", 1), ("b", 1), ("a", 2)]
        with harness.restore(harness.snapshot()) as again:
            again.process_batch(["a", "b"])
            assert again.get_output() == [("a", 3), ("b", 2)]


class FailsIn(Counting, MapFunction):
    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def fail_in(self, method: str) -> None:
        if method == self.method:
            raise ValueError(f"not in {method}")

    def initialize_state(self, context: Any) -> None:
        super().initialize_state(context)
        self.fail_in("initialize_state")

    def snapshot_state(self, context: Any) -> None:
        self.fail_in("snapshot_state")

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self.fail_in("notify_checkpoint_complete")

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self.fail_in("notify_checkpoint_aborted")

    def map(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    "method", ["initialize_state", "snapshot_state", "notify_checkpoint_complete", "notify_checkpoint_aborted"]
)
def test_failures_say_in_which_method_of_which_operator_they_were(method: str, keyed: bool) -> None:
    def fragment(stream: DataStream) -> DataStream:
        return (stream.key_by(zero) if keyed else stream).map(FailsIn(method)).name("mine")

    def live() -> None:
        with OperatorHarness(fragment) as harness:
            harness.snapshot()
            harness.notify_checkpoint_complete()
            harness.notify_checkpoint_aborted()

    with pytest.raises(ValueError, match=f"not in {method}") as caught:
        live()
    notes = getattr(caught.value, "__notes__", [""])[0]
    assert f"operator 'mine' ({method})" in notes
    assert __file__ in notes


def test_such_functions_are_run_by_themselves() -> None:
    assert fusable(MapSpec(lambda value: value))
    assert not fusable(MapSpec(Map()))
    assert not fusable(MapSpec(Listed()))
