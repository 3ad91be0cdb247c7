"""Timestamps and watermarks that are made right behind a source, and sources that wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Duration, WatermarkGenerator, WatermarkOutput, WatermarkStrategy
from millstream.common.graph.operator_spec import LegacySourceSpec, MapSpec, SourceSpec, TimestampsSpec
from millstream.common.records import MAX_TIMESTAMP, MAX_WATERMARK, EndOfData, RecordBatch, Watermark, WatermarkStatus
from millstream.common.watermark_strategy import WatermarkAlignment
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock
from millstream.datastream.source import (
    Boundedness,
    InputStatus,
    Source,
    SourceReader,
    SourceReaderContext,
    SplitFinished,
    SplitRecords,
)
from millstream.taskmanager.operators.ingestion_time import IngestionTimeOperator
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission
from millstream.taskmanager.task.source_watermarks import AlignmentGroups, SourceAlignment
from tests.unit.taskmanager.operators.support import context
from tests.unit.taskmanager.task.sources import ListSource, StampingLegacy
from tests.unit.taskmanager.task.support import Harness, until

IDLE, ACTIVE = WatermarkStatus(idle=True), WatermarkStatus(idle=False)


class AfterEach(WatermarkGenerator):
    """A watermark after each record."""

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        output.emit_watermark(event_timestamp)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


def itself(value: int) -> int:
    return value


PUNCTUATED = WatermarkStrategy.for_generator(AfterEach).with_timestamp_assigner(itself)
MONOTONOUS = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(itself)


def flat(elements: list[Any]) -> list[Any]:
    """Records with their timestamps, and markers."""
    out: list[Any] = []
    for element in elements:
        if isinstance(element, RecordBatch):
            out.extend(zip(element.values, element.timestamps or [None] * len(element), strict=True))
        else:
            out.append(element)
    return out


def run(*specs: Any, configuration: dict[str, str] | None = None) -> tuple[list[Any], Any]:
    async def scenario() -> tuple[list[Any], Any]:
        harness = Harness(*specs, outputs=1, configuration=configuration)
        end = await harness.run()
        return flat(harness.writers[0].elements), end

    return asyncio.run(scenario())


# ---------------------------------------------------------------- a source with a strategy


@given(
    st.lists(st.lists(st.integers(0, 50), max_size=5), max_size=5),
    st.sampled_from([PUNCTUATED, MONOTONOUS, WatermarkStrategy.no_watermarks()]),
    st.booleans(),
)
def test_a_strategy_of_the_source_is_one_right_after_it(
    batches: list[list[int]], strategy: WatermarkStrategy, batch: bool
) -> None:
    inside, _ = run(SourceSpec(ListSource(batches), strategy, batch))
    after, _ = run(SourceSpec(ListSource(batches)), TimestampsSpec(strategy, batch))
    assert inside == after


def test_watermarks_are_where_they_belong() -> None:
    elements, _ = run(SourceSpec(ListSource([[1, 3], [2, 4]]), PUNCTUATED))
    assert elements == [
        *((1, 1), Watermark(1), (3, 3), Watermark(3), (2, 2), (4, 4), Watermark(4)),
        MAX_WATERMARK,
        EndOfData(),
    ]


def test_the_source_counts_its_records_once() -> None:
    _, end = run(SourceSpec(ListSource([[1, 2, 3]]), PUNCTUATED), MapSpec(lambda value: value))
    assert dict(end.metrics.operator_records_out) == {"op0": 3, "op1": 3}


def test_a_failing_assigner_is_the_sources_failure() -> None:
    strategy = WatermarkStrategy.no_watermarks().with_timestamp_assigner(lambda value: 1 // value)
    _, end = run(SourceSpec(ListSource([[1, 0, 2]]), strategy))
    assert end.state == "FAILED"
    assert (end.failure.operator_name, end.failure.phase, end.failure.record) == ("op0", "extract_timestamp", "0")


def test_periodic_watermarks_of_a_source() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[10, 30, 20]], endless=True), MONOTONOUS),
            outputs=1,
            configuration={"pipeline.auto-watermark-interval": "1 ms"},
        )
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        assert harness.writers[0].markers == []
        harness.clock.advance(1)
        await until(lambda: harness.writers[0].markers)
        assert harness.writers[0].markers == [Watermark(29)]
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


# ---------------------------------------------------------------- the job's kind of time


def test_in_processing_time_timestamps_and_watermarks_are_dropped() -> None:
    elements, _ = run(
        LegacySourceSpec(StampingLegacy()), configuration={"pipeline.time-characteristic": "ProcessingTime"}
    )
    assert elements == [("a", None), ("b", None), ("c", None), ("d", None), MAX_WATERMARK, EndOfData()]


def test_in_ingestion_time_records_get_the_time_of_their_coming() -> None:
    configuration = {"pipeline.time-characteristic": "IngestionTime"}
    elements, _ = run(LegacySourceSpec(StampingLegacy()), configuration=configuration)
    assert elements == [
        *(("a", 1234), ("b", 1234), ("c", 1234), IDLE, ACTIVE, ("d", 1234)),
        MAX_WATERMARK,
        EndOfData(),
    ]
    elements, _ = run(SourceSpec(ListSource([[1]])), configuration=configuration)
    assert elements == [(1, 1234), MAX_WATERMARK, EndOfData()]
    elements, _ = run(SourceSpec(ListSource([[1]]), MONOTONOUS), configuration=configuration)
    assert elements == [(1, 1), MAX_WATERMARK, EndOfData()]
    elements, _ = run(SourceSpec(ListSource([[1]]), WatermarkStrategy.no_watermarks()), configuration=configuration)
    assert elements == [(1, None), MAX_WATERMARK, EndOfData()]


class BadStamp(StampingLegacy):
    def run(self, ctx: Any) -> None:
        ctx.collect_with_timestamp("a", None)


def test_a_source_function_stamps_with_ints() -> None:
    for characteristic in ("EventTime", "IngestionTime"):
        _, end = run(LegacySourceSpec(BadStamp()), configuration={"pipeline.time-characteristic": characteristic})
        assert end.state == "FAILED"
        assert "takes the timestamp as an int, a number of ms; not None of type NoneType (record: 'a')" in (
            end.failure.message
        )


def ingestion(*, interval: int = 200, batch: bool = False) -> tuple[IngestionTimeOperator, ManualProcessingTime]:
    clock = ManualProcessingTime(1000)
    given = replace(context("in"), processing_time=clock, auto_watermark_interval_ms=interval)
    operator = IngestionTimeOperator(given, batch=batch)
    operator.open()
    return operator, clock


def test_ingestion_time_goes_on_with_the_clock_but_not_while_the_source_is_idle() -> None:
    operator, clock = ingestion()
    assert clock.alarm == 1200
    assert list(operator.process_batch(RecordBatch(["a", "b"]))) == [RecordBatch(["a", "b"], [1000, 1000])]
    clock.set_now(1200)
    assert list(operator.on_wake(1200)) == [Watermark(1199)]
    assert clock.alarm == 1400
    assert list(operator.process_batch(RecordBatch(["c"]))) == [RecordBatch(["c"], [1200])]
    assert list(operator.process_status(IDLE)) == [IDLE]
    clock.set_now(1400)
    assert list(operator.on_wake(1400)) == []
    assert list(operator.process_status(ACTIVE)) == [ACTIVE]
    assert list(operator.process_watermark(Watermark(5))) == []
    assert list(operator.process_watermark(MAX_WATERMARK)) == [MAX_WATERMARK]
    assert list(operator.records_out()) == []
    assert operator.locate(ValueError(), None).info.name == "in"


def test_ingestion_time_without_periodic_watermarks() -> None:
    for operator, clock in (ingestion(interval=0), ingestion(batch=True)):
        assert clock.alarm is None
        assert list(operator.on_wake(1000)) == []


# ---------------------------------------------------------------- alignment


def member(
    groups: AlignmentGroups, clock: ManualProcessingTime, *, drift: int = 100, job: str = "j", parallelism: int = 1
) -> tuple[SourceAlignment, WatermarkEmission]:
    emission = WatermarkEmission()
    given = replace(context("source", job_id=job, parallelism=parallelism), processing_time=clock)
    alignment = SourceAlignment(
        WatermarkAlignment("g", drift, 50), given, emission, InputActivityClock(clock.now_ms), groups
    )
    alignment.open()
    return alignment, emission


def test_a_source_waits_for_the_slowest_of_its_group() -> None:
    groups = AlignmentGroups()
    clock = ManualProcessingTime(1000)
    fast, of_fast = member(groups, clock)
    slow, of_slow = member(groups, clock)
    other, of_other = member(groups, clock, job="another")
    assert not fast.holds_back()  # nobody has a watermark
    of_fast.emit_watermark(10)
    assert fast.holds_back()
    assert clock.alarm == 1050
    of_slow.emit_watermark(5)
    assert not fast.holds_back()
    of_fast.emit_watermark(105)
    assert not fast.holds_back()
    of_fast.emit_watermark(106)
    assert fast.holds_back()
    assert not slow.holds_back()
    of_other.emit_watermark(10_000)
    assert not other.holds_back()
    of_slow.mark_idle()
    assert not fast.holds_back()  # nobody else is there to wait for
    of_slow.emit_watermark(6)
    of_fast.emit_watermark(300)
    assert fast.holds_back()
    slow.close()
    slow.close()
    assert not fast.holds_back()
    fast.close()
    other.close()
    assert len(groups) == 0


def test_a_source_that_has_ended_holds_nobody_back() -> None:
    groups = AlignmentGroups()
    clock = ManualProcessingTime(1000)
    fast, of_fast = member(groups, clock)
    _, of_slow = member(groups, clock)
    of_fast.emit_watermark(MAX_TIMESTAMP - 1)
    assert fast.holds_back()
    of_slow.emit_watermark(MAX_WATERMARK)
    assert not fast.holds_back()


def test_the_time_of_waiting_is_no_idleness() -> None:
    groups = AlignmentGroups()
    clock = ManualProcessingTime(1000)
    activity = InputActivityClock(clock.now_ms)
    emission = WatermarkEmission()
    fast = SourceAlignment(
        WatermarkAlignment("g", 0), replace(context("s"), processing_time=clock), emission, activity, groups
    )
    fast.open()
    slow, of_slow = member(groups, clock, job="")
    emission.emit_watermark(5)
    assert fast.holds_back()
    clock.set_now(9000)
    assert fast.holds_back()
    assert activity.relative_time_ms() == 1000
    of_slow.emit_watermark(5)
    assert not fast.holds_back()
    clock.set_now(9010)
    assert activity.relative_time_ms() == 1010
    slow.close()


def test_where_subtasks_are_in_different_slots_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    groups = AlignmentGroups()
    member(groups, ManualProcessingTime())
    assert caplog.text == ""
    member(groups, ManualProcessingTime(), parallelism=4)
    assert "source source: it runs in 4 subtasks, and watermark alignment (group 'g') holds among" in caplog.text


class _Feed:
    """Numbers on their way to a source."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.filled = asyncio.Event()

    def put(self, *numbers: int) -> None:
        self.numbers.extend(numbers)
        self.filled.set()


_feeds: dict[str, _Feed] = {}


class FedSource(Source):
    """Gives, one by one, what the test puts into its feed; a negative number is the end."""

    def __init__(self, feed: str) -> None:
        self.feed = feed

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _FedReader(_feeds[self.feed])


class _FedReader(SourceReader):
    def __init__(self, feed: _Feed) -> None:
        self.feed = feed

    def poll(self) -> RecordBatch | InputStatus:
        if not self.feed.numbers:
            self.feed.filled.clear()
            return InputStatus.NOTHING_AVAILABLE
        number = self.feed.numbers.pop(0)
        return InputStatus.END_OF_INPUT if number < 0 else RecordBatch([number])

    async def wait_available(self) -> None:
        await self.feed.filled.wait()


@pytest.fixture
def feeds() -> Iterator[dict[str, _Feed]]:
    yield _feeds
    _feeds.clear()


def test_tasks_wait_for_each_other_and_go_on(feeds: dict[str, _Feed]) -> None:
    strategy = PUNCTUATED.with_watermark_alignment("g", Duration.of_millis(100), Duration.of_millis(1))

    async def scenario() -> None:
        feeds["slow"], feeds["fast"] = _Feed(), _Feed()
        feeds["fast"].put(10, 1000, 1100, 5000, -1)
        slow = Harness(SourceSpec(FedSource("slow"), strategy), outputs=1)
        fast = Harness(SourceSpec(FedSource("fast"), strategy), outputs=1)

        async def fast_stops_at(*values: int) -> None:
            for harness in (slow, fast):
                harness.clock.advance(1)
            await until(lambda: _tick(fast) and fast.writers and fast.writers[0].values == list(values))
            for _ in range(50):
                await asyncio.sleep(0)
            assert fast.writers[0].values == list(values)

        slow.task.start()
        await until(lambda: slow.writers)
        fast.task.start()
        await fast_stops_at(10)
        feeds["slow"].put(5)
        await fast_stops_at(10, 1000)
        feeds["slow"].put(950)
        await fast_stops_at(10, 1000, 1100)
        feeds["slow"].put(-1)
        await until(lambda: _tick(fast) and fast.task.state.name == "FINISHED")
        assert fast.writers[0].values == [10, 1000, 1100, 5000]
        assert (await slow.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_a_task_that_waits_for_others_can_be_cancelled(feeds: dict[str, _Feed]) -> None:
    strategy = PUNCTUATED.with_watermark_alignment("g", Duration.of_millis(0), Duration.of_hours(1))

    async def scenario() -> None:
        feeds["slow"], feeds["fast"] = _Feed(), _Feed()
        feeds["fast"].put(10, 20)
        slow = Harness(SourceSpec(FedSource("slow"), strategy), outputs=1)
        fast = Harness(SourceSpec(FedSource("fast"), strategy), outputs=1)
        slow.task.start()
        fast.task.start()
        await until(lambda: fast.writers and fast.writers[0].values)
        for harness in (slow, fast):
            harness.task.cancel()
            assert (await harness.ended()).state == "CANCELED"

    asyncio.run(scenario())


def _tick(harness: Harness) -> bool:
    harness.clock.advance(1)
    return True


class SplitSource(Source):
    """Gives what it is told to give."""

    def __init__(self, given: list[SplitRecords | SplitFinished]) -> None:
        self.given = given

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _SplitReader(list(self.given))


class _SplitReader(SourceReader):
    def __init__(self, given: list[SplitRecords | SplitFinished]) -> None:
        self.given = given

    def poll(self) -> SplitRecords | SplitFinished | InputStatus:
        return self.given.pop(0) if self.given else InputStatus.END_OF_INPUT


def test_each_split_has_its_own_watermark() -> None:
    given: list[SplitRecords | SplitFinished] = [
        SplitRecords("a", RecordBatch([10])),
        SplitRecords("b", RecordBatch([3])),
        SplitRecords("a", RecordBatch([50])),
        SplitRecords("b", RecordBatch([4, 20])),
        SplitFinished("b"),
        SplitRecords("a", RecordBatch([60])),
    ]
    elements, end = run(SourceSpec(SplitSource(given), PUNCTUATED))
    assert end.state == "FINISHED"
    marks = [each.timestamp for each in elements if isinstance(each, Watermark)]
    # The first split is alone at first; then the one that is behind says how far time is, until it has ended.
    assert marks == [10, 20, 50, 60, MAX_TIMESTAMP]
    values, end = run(SourceSpec(SplitSource(given)))
    assert [each[0] for each in values if isinstance(each, tuple)] == [10, 3, 50, 4, 20, 60]
