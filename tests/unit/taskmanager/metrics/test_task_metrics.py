"""What a task and its operators tell of themselves, in names that others know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.graph.operator_spec import (
    CoMapSpec,
    FilterSpec,
    MapSpec,
    ProcessSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.records import MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.common.wire.metrics_pb2 import MetricGroupDump, MetricValue
from millstream.datastream.functions import CoMapFunction, KeyedProcessFunction, MapFunction, RuntimeContext
from millstream.datastream.state import ValueStateDescriptor
from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.metrics.slot_metrics import SlotMetrics
from tests.unit.taskmanager.task.sources import EndlessSource, ListSource
from tests.unit.taskmanager.task.support import Harness, until

PER_SECOND = "PerSecond"

TASK = {
    *("numRecordsIn", "numRecordsOut", "numBytesIn", "numBytesOut", "numBuffersOut", "numFiredTimers"),
    *("numBytesInLocal", "numBytesInRemote", "numBuffersInLocal", "numBuffersInRemote"),
    *(
        f"Shuffle.Netty.Input.{name}"
        for name in ("numBytesInLocal", "numBytesInRemote", "numBuffersInLocal", "numBuffersInRemote")
    ),
}
TASK |= {f"{name}{PER_SECOND}" for name in TASK}
_INPUT = (
    "inputQueueLength",
    "inputQueueSize",
    "inPoolUsage",
    "inputFloatingBuffersUsage",
    "inputExclusiveBuffersUsage",
)
_OUTPUT = ("outputQueueLength", "outputQueueSize", "outPoolUsage")
TASK |= {f"{prefix}{name}" for prefix in ("buffers.", "Shuffle.Netty.Input.Buffers.") for name in _INPUT}
TASK |= {f"{prefix}{name}" for prefix in ("buffers.", "Shuffle.Netty.Output.Buffers.") for name in _OUTPUT}
TASK |= {
    *("busyTimeMsPerSecond", "idleTimeMsPerSecond", "backPressuredTimeMsPerSecond"),
    *("softBackPressuredTimeMsPerSecond", "hardBackPressuredTimeMsPerSecond"),
    *("maxSoftBackPressureTimeMs", "maxHardBackPressureTimeMs"),
    *("accumulateBusyTimeMs", "accumulateIdleTimeMs", "accumulateBackPressuredTimeMs", "isBackPressured"),
    *("initializationTime", "checkpointStartDelayNanos"),
    *("mailboxMailsPerSecond", "mailboxQueueSize", "mailboxLatencyMs"),
}
TASK_WITH_INPUT = TASK | {"currentInputWatermark", "checkpointAlignmentTime"}
COUNTS = {"numRecordsIn", "numRecordsOut", "numBytesIn", "numBytesOut"}
COUNTS |= {f"{name}{PER_SECOND}" for name in COUNTS}
OPERATOR = COUNTS | {"currentInputWatermark", "currentOutputWatermark"}
SOURCE = COUNTS | {"currentOutputWatermark", "numRecordsInErrors", "numSplitsProcessed", "sourceIdleTime"}


class Looked:
    """A task, and what its metrics say."""

    def __init__(self, harness: Harness, settings: dict[str, str]) -> None:
        self.harness = harness
        place = MetricPlace("host-1", "tm-1", "the job", ScopeFormats.of(Configuration()))
        self.metrics = SlotMetrics(place, Configuration.from_map(settings))
        self.metrics.add("attempt", harness.task.parts)
        self.now = 100.0

    def groups(self) -> list[MetricGroupDump]:
        dump = self.metrics.dump(self.now, 5)
        return [group for group in dump.groups if group.variables]

    def task(self) -> dict[str, MetricValue]:
        return _by_name(self.groups()[0])

    def operator(self, index: int) -> dict[str, MetricValue]:
        return _by_name(self.groups()[1 + index])

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.metrics.update(self.now)


def _chain(specs: list[Any], *, channels: int = 1, outputs: int = 1, **more: Any) -> Harness:
    return Harness(*specs, channels=channels, outputs=outputs, **more)


def _by_name(group: MetricGroupDump) -> dict[str, MetricValue]:
    named = {
        ".".join((*(part for each in value.groups for part in (each.name, each.value) if part), value.name)): value
        for value in group.metrics
    }
    assert len(named) == len(group.metrics), "a name came twice"
    return named


def _run(
    harness: Callable[[], Harness], test: Callable[[Looked], Awaitable[None]], settings: dict[str, str] | None = None
) -> None:
    async def run() -> None:
        made = harness()
        made.task.start()
        looked = Looked(made, settings or {})
        try:
            await until(lambda: "RUNNING" in made.state_names)
            await test(looked)
        finally:
            made.task.cancel()
            await made.ended()

    asyncio.run(run())


def _stamped(*timestamps: int) -> RecordBatch:
    return RecordBatch(list(timestamps), list(timestamps))


def test_a_task_with_inputs_has_all_names() -> None:
    async def test(looked: Looked) -> None:
        assert set(looked.task()) == TASK_WITH_INPUT
        assert set(looked.operator(0)) == OPERATOR
        assert looked.groups()[0].scope == "TASK"
        assert [group.scope for group in looked.groups()[1:]] == ["OPERATOR", "OPERATOR"]

    _run(lambda: _chain([MapSpec(abs), SinkFunctionSpec(_nothing)], outputs=0), test)


def test_a_source_has_all_names_but_those_of_an_input() -> None:
    async def test(looked: Looked) -> None:
        assert set(looked.task()) == TASK
        assert set(looked.operator(0)) == SOURCE
        assert set(looked.operator(1)) == OPERATOR

    _run(lambda: _chain([SourceSpec(ListSource([], endless=True)), MapSpec(abs)], channels=0), test)


def test_the_queues_of_gates_and_partitions_where_they_are_wanted() -> None:
    async def test(looked: Looked) -> None:
        lengths = {f"{kind}QueueLen" for kind in ("total", "min", "max", "avg")}
        wanted = {f"Network.{side}.0.{name}" for side in ("Input", "Output") for name in lengths}
        assert set(looked.task()) == TASK_WITH_INPUT | wanted

    _run(lambda: _chain([MapSpec(abs)]), test, {"taskmanager.network.detailed-metrics": "true"})


def test_variables_say_whose_they_are() -> None:
    async def test(looked: Looked) -> None:
        task, operator = looked.groups()
        of_task = {
            "host": "host-1",
            "tm_id": "tm-1",
            "job_id": "j",
            "job_name": "the job",
            "task_id": "v",
            "task_name": "chain",
            "task_attempt_id": "attempt",
            "task_attempt_num": "3",
            "subtask_index": "1",
        }
        assert dict(task.variables) == of_task
        assert dict(operator.variables) == {**of_task, "operator_id": "0" * 32, "operator_name": "op0"}

    _run(lambda: _chain([MapSpec(abs)]), test)


def test_operators_that_run_in_one_step_are_counted_one_by_one() -> None:
    async def test(looked: Looked) -> None:
        looked.harness.gate.put(RecordBatch([1, 2, 3, 4]))
        await until(lambda: len(looked.harness.writers[0].values) == 2)
        counts = [
            (looked.operator(index)["numRecordsIn"].count, looked.operator(index)["numRecordsOut"].count)
            for index in range(3)
        ]
        assert counts == [(4, 4), (4, 2), (2, 2)]
        assert looked.task()["numRecordsIn"].count == 4
        assert looked.task()["numRecordsOut"].count == 2

    _run(lambda: _chain([MapSpec(abs), FilterSpec(lambda v: v % 2), MapSpec(str)]), test)


def test_rates_are_those_since_the_last_updates() -> None:
    async def test(looked: Looked) -> None:
        looked.pass_time(5)
        looked.harness.gate.put(RecordBatch(list(range(500))))
        await until(lambda: len(looked.harness.writers[0].values) == 500)
        looked.pass_time(5)
        meter = looked.task()["numRecordsInPerSecond"].meter
        assert meter.rate == pytest.approx(50, rel=0.5)
        assert meter.count == 500
        assert looked.operator(0)["numRecordsOutPerSecond"].meter.rate == meter.rate

    _run(lambda: _chain([MapSpec(abs)]), test)


def test_watermarks_in_and_out_before_the_first_and_after() -> None:
    async def test(looked: Looked) -> None:
        assert looked.task()["currentInputWatermark"].whole_number == MIN_TIMESTAMP
        assert looked.operator(0)["currentOutputWatermark"].whole_number == MIN_TIMESTAMP
        looked.harness.gate.put(Watermark(77))
        await until(lambda: looked.harness.writers[0].markers)
        assert looked.task()["currentInputWatermark"].whole_number == 77
        assert [looked.operator(0)[f"current{side}Watermark"].whole_number for side in ("Input", "Output")] == [77, 77]

    _run(lambda: _chain([MapSpec(abs)]), test)


def test_a_source_tells_its_watermark_and_how_far_it_lags() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(_Same())
    source = SourceSpec(ListSource([[1_000, 1_200]], endless=True), watermark_strategy=strategy)

    async def test(looked: Looked) -> None:
        await until(lambda: len(looked.harness.writers[0].values) == 2)
        found = looked.operator(0)
        assert found["currentEmitEventTimeLag"].whole_number == 1234 - 1_200
        assert "watermarkLag" not in found
        looked.harness.clock.advance(1_000)
        await until(lambda: "watermarkLag" in looked.operator(0))
        found = looked.operator(0)
        assert found["currentOutputWatermark"].whole_number == 1_199
        assert found["watermarkLag"].whole_number == 1_234 + 1_000 - 1_199

    _run(lambda: _chain([source, MapSpec(abs)], channels=0, configuration=QUICK), test)


QUICK = {"pipeline.auto-watermark-interval": "1 ms"}


def test_each_input_of_an_operator_with_two_has_its_watermark() -> None:
    class Both(CoMapFunction):
        def map1(self, value: Any) -> Any:
            return value

        def map2(self, value: Any) -> Any:
            return value

    async def test(looked: Looked) -> None:
        looked.harness.gate.put(Watermark(5), 0)
        looked.harness.gate.put(Watermark(3), 1)
        await until(lambda: looked.harness.writers[0].markers)
        found = looked.operator(0)
        assert [found[f"currentInput{which}Watermark"].whole_number for which in (1, 2)] == [5, 3]
        assert found["currentInputWatermark"].whole_number == 3

    _run(lambda: _chain([CoMapSpec(Both())], channels=2, second=[1]), test)


class _Same(TimestampAssigner):
    def extract_timestamp(self, value: int, record_timestamp: int) -> int:
        return value


class _Counting(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        group = runtime_context.get_metrics_group()
        self.seen = group.counter("seen")
        self.by_kind = group.add_group("kinds").add_group("kind", "odd").counter("seen")
        group.counter("numRecordsIn").inc(1_000_000)
        group.gauge("broken", lambda: 1 // 0)
        SEEN.append(group.get_metric_identifier("seen"))

    def map(self, value: int) -> int:
        self.seen.inc()
        if value % 2:
            self.by_kind.inc(2)
        return value


SEEN: list[str] = []


def test_what_user_functions_measure_is_under_their_operator() -> None:
    SEEN.clear()

    async def test(looked: Looked) -> None:
        looked.harness.gate.put(RecordBatch([1, 2, 3]))
        await until(lambda: len(looked.harness.writers[0].values) == 3)
        found = looked.operator(1)
        assert found["seen"].count == 3
        assert [(each.name, each.has_value, each.value) for each in found["kinds.kind.odd.seen"].groups] == [
            ("kinds", False, ""),
            ("kind", True, "odd"),
        ]
        assert found["numRecordsIn"].count == 3, "the system's own stays what it is"
        assert "broken" not in found
        assert "seen" not in looked.operator(0)
        assert SEEN == ["localhost.taskmanager.none.none.op1.1.seen"]

    _run(lambda: _chain([MapSpec(abs), MapSpec(_Counting())]), test)


def test_fired_timers_are_counted() -> None:
    class Timers(KeyedProcessFunction):
        def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> None:
            ctx.timer_service().register_event_time_timer(value)

        def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> None:
            pass

    async def test(looked: Looked) -> None:
        looked.harness.gate.put(_stamped(10, 20, 30))
        looked.harness.gate.put(Watermark(25))
        await until(lambda: looked.harness.writers[0].markers)
        assert looked.task()["numFiredTimers"].count == 2

    _run(lambda: _chain([ProcessSpec(Timers(), key_selector=lambda value: value)]), test)


def test_a_task_without_room_is_back_pressured_while_it_waits() -> None:
    async def test(looked: Looked) -> None:
        looked.task()  # begins to look
        await until(lambda: looked.harness.writers[0].waited > 0)
        assert looked.task()["isBackPressured"].truth is True
        assert looked.task()["buffers.outPoolUsage"].number >= 1
        await until(lambda: looked.task()["accumulateBackPressuredTimeMs"].whole_number >= 20)
        looked.pass_time(0.025)
        found = looked.task()
        shares = [found[f"{kind}TimeMsPerSecond"].number for kind in ("busy", "idle", "backPressured")]
        assert sum(shares) == pytest.approx(1000)
        assert shares[2] > 500
        assert found["maxSoftBackPressureTimeMs"].whole_number >= 20

    _run(lambda: _chain([SourceSpec(EndlessSource())], channels=0, capacity=1), test)


def test_a_task_without_input_is_idle_while_it_waits() -> None:
    async def test(looked: Looked) -> None:
        assert looked.task()["isBackPressured"].truth is False
        assert looked.task()["busyTimeMsPerSecond"].number == 0, "nothing is known yet"
        before = looked.task()["accumulateIdleTimeMs"].whole_number
        await until(lambda: looked.task()["accumulateIdleTimeMs"].whole_number >= before + 20)
        looked.pass_time(0.02)
        assert looked.task()["idleTimeMsPerSecond"].number > 900

    _run(lambda: _chain([MapSpec(abs)]), test)


def test_a_task_that_has_ended_is_forgotten() -> None:
    async def test(looked: Looked) -> None:
        assert looked.groups()
        looked.metrics.remove("attempt")
        looked.metrics.remove("attempt")
        assert not looked.groups()

    _run(lambda: _chain([MapSpec(abs)]), test)


def _nothing(value: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({}, "sums.rocksdb.estimate-num-keys"),
        ({"column-family-as-variable": "true"}, "column_family.sums.rocksdb.estimate-num-keys"),
    ],
)
def test_properties_of_the_database_are_shown_where_they_are_wanted(setting: dict[str, str], name: str) -> None:
    class Sums(KeyedProcessFunction):
        def open(self, runtime_context: RuntimeContext) -> None:
            self.sums = runtime_context.get_state(ValueStateDescriptor("sums", Types.LONG()))

        def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Any:
            self.sums.update(value)
            yield value

    prefix = "state.backend.rocksdb.metrics."
    settings = {f"{prefix}estimate-num-keys": "true", **{prefix + key: value for key, value in setting.items()}}

    async def test(looked: Looked) -> None:
        looked.harness.gate.put(RecordBatch([1, 2, 3]))
        await until(lambda: len(looked.harness.writers[0].values) == 3)
        found = looked.operator(0)
        assert found[name].whole_number >= 0
        assert not [other for other in found if "block-cache" in other]

    spec = ProcessSpec(Sums(), key_selector=lambda value: value)
    _run(lambda: _chain([spec], configuration={"state.backend.type": "rocksdb"}), test, settings)
