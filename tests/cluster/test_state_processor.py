"""Jobs begin with savepoints that were made of nothing, and their own are read as tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Configuration, Time, Types, WatermarkStrategy
from millstream.common.watermark_strategy import TimestampAssigner
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import CheckpointedFunction, KeyedProcessFunction, MapFunction, SourceFunction
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import TimeWindow, TumblingEventTimeWindows
from millstream.state_processor import SavepointReader, SavepointWriter
from millstream.testing import submitting_to

_TOTAL = ValueStateDescriptor("total", Types.LONG())
_SEEN = ListStateDescriptor("seen", Types.LONG())


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(1, 4, "thread") as made:
        yield made


class Numbers(SourceFunction):
    """0 to 99, and then it waits."""

    def run(self, ctx: Any) -> None:
        self.running = True
        for number in range(100):
            ctx.collect(number)
        while self.running:
            time.sleep(0.01)

    def cancel(self) -> None:
        self.running = False


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value) * 100


class Total(KeyedProcessFunction):
    """Sums up by key, and says the sum when the key's timer fires."""

    def open(self, runtime_context: Any) -> None:
        self.total = runtime_context.get_state(_TOTAL)

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        self.total.update((self.total.value() or 0) + value)
        return iter(())

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        yield f"{ctx.get_current_key()} at {timestamp}: {self.total.value()}"


class Remember(MapFunction, CheckpointedFunction):
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def initialize_state(self, context: Any) -> None:
        self.seen = context.get_operator_state_store().get_list_state(_SEEN)
        for number in self.seen:
            (self.directory / f"restored {number}").touch()

    def snapshot_state(self, context: Any) -> None:
        pass

    def map(self, value: Any) -> Any:
        self.seen.add(value)
        (self.directory / str(value)).touch()
        return value


def _environment(cluster: MiniCluster, settings: dict[str, str]) -> StreamExecutionEnvironment:
    env = StreamExecutionEnvironment.get_execution_environment(Configuration.from_map(settings))
    env.set_parallelism(2)
    return env


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
@pytest.mark.parametrize("savepoint_format", ["CANONICAL", "NATIVE"])
def test_a_job_begins_with_a_savepoint_made_of_nothing(
    cluster: MiniCluster, tmp_path: Path, backend: str, savepoint_format: str
) -> None:
    writer = SavepointWriter.new_savepoint()
    writer.with_keyed_state("total", _TOTAL, [(key, 1000) for key in range(10)])
    writer.with_timers("total", [(key, 5000) for key in (3, 4)])
    writer.with_operator_state("remember", _SEEN, [-1, -2, -3])
    seen = tmp_path / "seen"
    seen.mkdir()
    settings = {
        "execution.state-recovery.path": writer.write(str(tmp_path / "start")),
        "state.backend.type": backend,
    }
    with submitting_to(cluster):
        env = _environment(cluster, settings)
        strategy: Any = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
        numbers = env.add_source(Numbers(), type_info=Types.LONG()).assign_timestamps_and_watermarks(strategy)
        remembered = numbers.map(Remember(seen), Types.LONG()).uid("remember")
        fired = remembered.key_by(lambda number: number % 10).process(Total(), Types.STRING()).uid("total")
        fired.map(lambda text: (seen / text).touch())
        windows = remembered.key_by(lambda number: number % 2).window(TumblingEventTimeWindows.of(Time.seconds(20)))
        windows.reduce(lambda left, right: left + right).uid("windows").print()
        job = env.execute_async("Totals")
        deadline = time.monotonic() + 30
        # What comes of the timers says that their key's numbers, up to the watermark, were counted.
        while len(list(seen.iterdir())) < 100 + 3 + 2:
            assert time.monotonic() < deadline, (
                job.get_job_status().result(),
                sorted(path.name for path in seen.iterdir()),
            )
            time.sleep(0.01)
        assert {path.name.partition(" at 5000")[0] for path in seen.glob("* at *")} == {"3", "4"}
        path = job.stop_with_savepoint(False, str(tmp_path / "savepoints"), savepoint_format).result()

    reader = SavepointReader.read(path)
    assert (reader.kind, reader.format) == ("STOP", savepoint_format)
    totals = {row.key: row.value for row in reader.table("total", "total").rows()}
    assert totals == {key: 1000 + sum(range(key, 100, 10)) for key in range(10)}
    assert all(info.entries == 0 for info in reader.operator("total").states if info.kind == "timers")
    assert sorted(row.value for row in reader.table("remember", "seen").rows()) == sorted([-1, -2, -3, *range(100)])
    assert len(list(seen.glob("restored *"))) == 3
    contents = {(row.key, row.namespace): row.value for row in reader.table("windows", "window-contents").rows()}
    assert contents == {(parity, TimeWindow(0, 20_000)): sum(range(parity, 100, 2)) for parity in (0, 1)}

    changed = SavepointWriter.from_existing(path)
    changed.with_keyed_state("total", MapStateDescriptor("more"), [(1, {"a": 1})])
    reader = SavepointReader.read(changed.write(str(tmp_path / "changed")))
    assert {row.key: row.value for row in reader.table("total", "total").rows()} == totals
    assert sum(1 for _ in reader.table("windows", "window-contents").rows()) == 2
