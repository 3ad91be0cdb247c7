"""An input that is silent does not hold event time back once it is known to be idle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Duration, Time, WatermarkStrategy
from millstream.datastream import DataStream, StreamExecutionEnvironment
from millstream.datastream.functions import KeyedProcessFunction, SourceContext, SourceFunction
from millstream.datastream.window import TumblingEventTimeWindows
from tests.cluster.datastream.jobs import Layout, run
from tests.cluster.datastream.reference import Event

PATIENCE_SECONDS = 20.0


class Active(SourceFunction):
    """Emits until a file is there."""

    def __init__(self, until: Path) -> None:
        self.until = str(until)

    def run(self, ctx: SourceContext) -> None:
        number = 0
        gives_up = time.monotonic() + PATIENCE_SECONDS
        while not Path(self.until).exists():
            assert time.monotonic() < gives_up, "the silent source held event time back"
            ctx.collect(Event(0, 1, number * 10))
            number += 1
            time.sleep(0.002)

    def cancel(self) -> None:
        self.until = "/"


class Silent(SourceFunction):
    """Emits one early record at most, and then nothing until a file is there."""

    def __init__(self, until: Path, *, first: bool, says_so: bool) -> None:
        self.until = str(until)
        self.first = first
        self.says_so = says_so

    def run(self, ctx: SourceContext) -> None:
        if self.first:
            ctx.collect(Event(0, 1, 0))
        if self.says_so:
            ctx.mark_as_temporarily_idle()
        while not Path(self.until).exists():
            time.sleep(0.005)

    def cancel(self) -> None:
        self.until = "/"


class Told(KeyedProcessFunction):
    """Makes the file when event time has come to 100 ms."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> None:
        ctx.timer_service().register_event_time_timer(100)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[int]:
        Path(self.path).touch()
        yield timestamp


def strategy(idle_after_ms: int | None) -> WatermarkStrategy:
    made = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda event: event.timestamp)
    return made if idle_after_ms is None else made.with_idleness(Duration.of_millis(idle_after_ms))


def union(active: DataStream, silent: DataStream) -> DataStream:
    return active.union(silent)


def rebalanced(active: DataStream, silent: DataStream) -> DataStream:
    return active.rebalance().union(silent)


@pytest.mark.parametrize("chaining", [True, False])
@pytest.mark.parametrize("first", [True, False], ids=["after a record", "from the start"])
@pytest.mark.parametrize("combined", [union, rebalanced])
def test_an_idle_source(
    mini_cluster: MiniCluster,
    tmp_path: Path,
    combined: Callable[[DataStream, DataStream], DataStream],
    first: bool,
    chaining: bool,
) -> None:
    done = tmp_path / "done"

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        environment.get_config().set_auto_watermark_interval(5)
        active = environment.add_source(Active(done)).assign_timestamps_and_watermarks(strategy(None))
        silent = environment.add_source(Silent(done, first=first, says_so=False))
        both = combined(active, silent.assign_timestamps_and_watermarks(strategy(30)))
        return both.key_by(lambda event: event.key).process(Told(done))

    assert run(mini_cluster, Layout(2, chaining, 5, "one"), program)[0] == 100


@pytest.mark.parametrize("chaining", [True, False])
def test_a_source_that_says_that_it_is_idle(mini_cluster: MiniCluster, tmp_path: Path, chaining: bool) -> None:
    done = tmp_path / "done"

    class Stamped(Active):
        def run(self, ctx: SourceContext) -> None:
            number = 0
            gives_up = time.monotonic() + PATIENCE_SECONDS
            while not Path(self.until).exists():
                assert time.monotonic() < gives_up, "the silent source held event time back"
                ctx.collect_with_timestamp(Event(0, 1, number), number)
                ctx.emit_watermark(number)
                number += 10
                time.sleep(0.002)

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        active = environment.add_source(Stamped(done))
        silent = environment.add_source(Silent(done, first=False, says_so=True))
        return active.union(silent).key_by(lambda event: event.key).process(Told(done))

    assert run(mini_cluster, Layout(2, chaining, 5, "one"), program)[0] == 100


def test_two_connected_inputs_of_which_one_has_ended(mini_cluster: MiniCluster, tmp_path: Path) -> None:
    done = tmp_path / "done"

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        environment.get_config().set_auto_watermark_interval(5)
        active = environment.add_source(Active(done)).assign_timestamps_and_watermarks(strategy(None))
        ended = environment.from_collection([Event(0, 5, 0)]).assign_timestamps_and_watermarks(strategy(None))
        window: Any = TumblingEventTimeWindows.of(Time.milliseconds(50))
        joined = active.join(ended).where(lambda event: event.key).equal_to(lambda event: event.key).window(window)
        pairs = joined.apply(lambda left, right: Event(0, left.value + right.value, 0))
        return pairs.key_by(lambda event: event.key).process(Told(done))

    assert run(mini_cluster, Layout(1, True, 5, "one"), program) == [100]
