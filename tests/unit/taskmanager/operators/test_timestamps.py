"""Timestamps and watermarks in the middle of a stream."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import (
    AssignerWithPeriodicWatermarks,
    AssignerWithPunctuatedWatermarks,
    BoundedOutOfOrdernessTimestampExtractor,
    Duration,
    Time,
    TimestampAssigner,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
)
from millstream.common.graph.operator_spec import TimestampsSpec
from millstream.common.records import (
    MAX_TIMESTAMP,
    MAX_WATERMARK,
    MIN_TIMESTAMP,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.common.watermark_strategy import watermark_strategy_of
from millstream.taskmanager.operators.operator import Output
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.operators.timestamps import TimestampsOperator
from tests.unit.taskmanager.operators.support import context

IDLE, ACTIVE = WatermarkStatus(idle=True), WatermarkStatus(idle=False)
MONOTONOUS = WatermarkStrategy.for_monotonous_timestamps


class Running:
    """An operator with a clock that is moved by hand."""

    def __init__(
        self, strategy: Any, *, interval: int = 200, batch: bool = False, inline: bool = False, now: int = 1000
    ) -> None:
        self.clock = ManualProcessingTime(now)
        given = replace(
            context("times", inline=inline), processing_time=self.clock, auto_watermark_interval_ms=interval
        )
        operator = create_operator(TimestampsSpec(watermark_strategy_of(strategy), batch), given)
        assert isinstance(operator, TimestampsOperator)
        self.operator = operator
        self.operator.open()

    def feed(
        self, values: list[Any], timestamps: list[int | None] | None = None, keys: list[Any] | None = None
    ) -> list[Output]:
        return list(self.operator.process_batch(RecordBatch(values, timestamps, keys)))

    def at(self, now: int) -> list[Output]:
        """What comes when the clock moves on and alarms go off on the way."""
        out: list[Output] = []
        while self.clock.alarm is not None and self.clock.alarm <= now:
            self.clock.set_now(self.clock.alarm)
            self.clock.wake_at(None)
            out.extend(self.operator.on_wake(self.clock.now_ms()))
        self.clock.set_now(now)
        return out


def records(outputs: list[Output]) -> list[tuple[Any, int | None]]:
    pairs: list[tuple[Any, int | None]] = []
    for output in outputs:
        if isinstance(output, RecordBatch):
            pairs.extend(zip(output.values, output.timestamps or [None] * len(output.values), strict=True))
    return pairs


class Second(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return value[1]  # type: ignore[no-any-return]  # a test's record


class Later(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return record_timestamp + int(value)


class OneArgument(BoundedOutOfOrdernessTimestampExtractor):
    def extract_timestamp(self, element: Any) -> int:  # type: ignore[override]  # as programs for Flink write it
        return int(element[1])


# ---------------------------------------------------------------- timestamps


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize(
    "assigner",
    [
        Second(),
        itemgetter(1),
        lambda pair: pair[1],
        lambda pair, _before: pair[1],
        lambda *arguments: arguments[0][1],
    ],
)
def test_all_kinds_of_assigners(assigner: Any, inline: bool) -> None:
    running = Running(MONOTONOUS().with_timestamp_assigner(assigner), inline=inline)
    assert records(running.feed([("a", 3), ("b", 1)])) == [(("a", 3), 3), (("b", 1), 1)]
    assert records(running.feed([("c", 4)], [100])) == [(("c", 4), 4)]


@pytest.mark.parametrize("inline", [False, True])
def test_the_timestamp_so_far_is_given(inline: bool) -> None:
    for assigner in (Later(), lambda value, before: before + value):
        running = Running(MONOTONOUS().with_timestamp_assigner(assigner), inline=inline)
        assert records(running.feed([1, 2], [10, None])) == [(1, 11), (2, MIN_TIMESTAMP + 2)]
        assert records(running.feed([5])) == [(5, MIN_TIMESTAMP + 5)]


def test_without_an_assigner_records_keep_their_timestamps() -> None:
    running = Running(MONOTONOUS())
    batch = RecordBatch(["a", "b"], [7, None], ["k", "l"])
    assert tuple(running.operator.process_batch(batch)) == (batch,)
    assert running.at(1200) == [Watermark(6)]
    assert records(running.feed(["c"])) == [("c", None)]
    assert running.feed([]) == []


def test_keys_that_are_known_stay_known() -> None:
    running = Running(MONOTONOUS().with_timestamp_assigner(Second()))
    (out,) = running.feed([("a", 1)], keys=["a"])
    assert isinstance(out, RecordBatch)
    assert out.keys == ["a"]


class _Index:
    """An int of another library."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number

    def __radd__(self, other: Any) -> _Index:
        return self

    def __add__(self, other: Any) -> _Index:
        return self

    def __gt__(self, other: Any) -> bool:
        return self.number > int(other)


def test_ints_of_other_libraries_become_ints() -> None:
    running = Running(MONOTONOUS().with_timestamp_assigner(_Index))  # type: ignore[arg-type]  # it stands for numpy's
    out = records(running.feed([5, 6]))
    assert [(value, type(stamp), stamp) for value, stamp in out] == [(5, int, 5), (6, int, 6)]


@pytest.mark.parametrize("bad", [None, 1.5, "12", 2**63, True, [1]])
@pytest.mark.parametrize("punctuated", [False, True])
def test_a_timestamp_is_an_int(bad: Any, punctuated: bool) -> None:
    if punctuated and isinstance(bad, int) and not isinstance(bad, bool):
        return  # found out where it is written
    if bad is True and not punctuated:
        return  # an int for Python; it costs too much to look at each
    strategy = WatermarkStrategy.for_generator(PerRecord) if punctuated else MONOTONOUS()
    running = Running(strategy.with_timestamp_assigner(lambda value: bad if value == "odd" else 5))
    wanted = f"operator 'times': extract_timestamp() gave {bad!r} of type {type(bad).__name__} for record 'odd'"
    with pytest.raises(TypeError, match=re.escape(wanted)) as caught:
        running.feed(["even", "odd", "even"])
    assert f"{__file__}:" in str(caught.value)
    site = running.operator.locate(caught.value, None)
    assert (site.info.name, site.phase, site.record) == ("times", "extract_timestamp", "odd")


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("punctuated", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
def test_a_failing_assigner_is_located(inline: bool, punctuated: bool, stamped: bool) -> None:
    strategy = WatermarkStrategy.for_generator(PerRecord) if punctuated else MONOTONOUS()
    running = Running(strategy.with_timestamp_assigner(lambda pair: pair[1]), inline=inline)
    with pytest.raises(IndexError) as caught:
        running.feed([("a", 1), ("b",), ("c", 1)], [1, 2, 3] if stamped else None)
    site = running.operator.locate(caught.value, None)
    assert (site.phase, site.record) == ("extract_timestamp", ("b",))
    if inline and not punctuated:
        assert site.replay is not None
        with pytest.raises(IndexError):
            site.replay()


def test_an_assigner_is_opened_and_closed() -> None:
    log: list[str] = []

    class Rich(TimestampAssigner):
        def open(self, runtime_context: Any) -> None:
            log.append("open")

        def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
            return 1

        def close(self) -> None:
            log.append("close")

    running = Running(MONOTONOUS().with_timestamp_assigner(Rich()))
    running.operator.close()
    assert log == ["open", "close"]


# ---------------------------------------------------------------- periodic watermarks


def test_watermarks_come_with_the_interval_and_only_forward() -> None:
    running = Running(WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(10)))
    assert running.at(1199) == []
    assert running.at(1200) == []  # nothing is known yet
    running.feed(["a"], [100])
    running.feed(["b"], [50])
    assert running.at(1399) == []
    assert running.at(1400) == [Watermark(89)]
    assert running.at(1600) == []
    running.feed(["c"], [99])
    assert running.at(1800) == []
    running.feed(["c"], [101])
    assert running.at(2000) == [Watermark(90)]


def test_an_early_wake_up_makes_no_watermark_and_keeps_the_alarm() -> None:
    running = Running(MONOTONOUS())
    running.feed(["a"], [100])
    running.clock.set_now(1100)
    assert list(running.operator.on_wake(1100)) == []
    assert running.at(1200) == [Watermark(99)]


def test_interval_0_means_never() -> None:
    running = Running(MONOTONOUS(), interval=0)
    running.feed(["a"], [100])
    assert running.clock.alarm is None
    assert list(running.operator.on_wake(5000)) == []
    assert list(running.operator.process_watermark(MAX_WATERMARK)) == [MAX_WATERMARK]


def test_without_watermarks_nothing_is_woken() -> None:
    running = Running(WatermarkStrategy.no_watermarks().with_timestamp_assigner(Second()))
    assert running.clock.alarm is None
    assert records(running.feed([("a", 5)])) == [(("a", 5), 5)]


def test_a_batch_job_has_timestamps_and_the_last_watermark_only() -> None:
    strategy = MONOTONOUS().with_timestamp_assigner(Second()).with_idleness(Duration.of_millis(1))
    running = Running(strategy, batch=True)
    assert records(running.feed([("a", 5)])) == [(("a", 5), 5)]
    assert running.clock.alarm is None
    assert list(running.operator.process_watermark(MAX_WATERMARK)) == [MAX_WATERMARK]
    assert list(running.operator.finish()) == []


def test_what_comes_from_before_counts_no_more_but_the_last_watermark() -> None:
    running = Running(MONOTONOUS())
    assert list(running.operator.process_watermark(Watermark(500))) == []
    assert list(running.operator.process_status(IDLE)) == []
    running.feed(["a"], [10])
    assert running.at(1200) == [Watermark(9)]
    assert list(running.operator.process_watermark(MAX_WATERMARK)) == [MAX_WATERMARK]
    assert list(running.operator.process_watermark(MAX_WATERMARK)) == []
    assert list(running.operator.finish()) == []


def test_a_job_that_is_stopped_gets_its_watermark_at_the_end() -> None:
    running = Running(MONOTONOUS())
    running.feed(["a"], [10])
    assert list(running.operator.finish()) == [Watermark(9)]


@given(
    st.lists(
        st.one_of(st.lists(st.integers(MIN_TIMESTAMP + 1, MAX_TIMESTAMP), min_size=1, max_size=5), st.integers(1, 500)),
        max_size=20,
    ),
    st.integers(0, 100),
)
def test_a_watermark_never_overtakes_what_it_covers(steps: list[list[int] | int], bound: int) -> None:
    """Of the records that are no further behind than the bound, none comes after a watermark that covers it."""
    running = Running(WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(bound)))
    highest = watermark = MIN_TIMESTAMP
    for step in steps:
        if isinstance(step, int):
            out = running.at(running.clock.now_ms() + step)
        else:
            out = running.feed(["x"] * len(step), list(step))
        for output in out:
            if isinstance(output, Watermark):
                assert watermark < output.timestamp == highest - bound - 1
                watermark = output.timestamp
            elif isinstance(output, RecordBatch):
                for stamp in output.timestamps or []:
                    assert stamp is not None
                    assert stamp > watermark or stamp < highest - bound
                    highest = max(highest, stamp)


# ---------------------------------------------------------------- idleness


def test_idle_after_the_timeout_and_active_with_the_next_record() -> None:
    running = Running(MONOTONOUS().with_idleness(Duration.of_millis(500)))
    running.feed(["a"], [10])
    assert running.at(1200) == [Watermark(9)]
    assert running.at(1600) == []
    assert running.at(1800) == [IDLE]
    assert running.at(3000) == []
    outputs = running.feed(["b"], [5])
    assert records(outputs) == [("b", 5)]
    assert outputs[1:] == [ACTIVE]
    assert running.at(3200) == []  # it did not go forward
    running.feed(["c"], [20])
    assert running.at(3400) == [Watermark(19)]


def test_the_end_of_an_idle_stream() -> None:
    running = Running(MONOTONOUS().with_idleness(Duration.of_millis(100)))
    assert running.at(2000) == [IDLE]
    assert list(running.operator.process_watermark(MAX_WATERMARK)) == [ACTIVE, MAX_WATERMARK]


# ---------------------------------------------------------------- generators of one's own


class PerRecord(WatermarkGenerator):
    """A watermark after each record whose value is a multiple of 3."""

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        if event == "fail":
            raise ValueError("on purpose")
        if isinstance(event, int) and event % 3 == 0:
            output.emit_watermark(Watermark(event_timestamp))

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


@given(st.lists(st.integers(1, 30), max_size=20))
def test_a_punctuated_watermark_comes_right_after_its_record(values: list[int]) -> None:
    running = Running(WatermarkStrategy.for_generator(PerRecord).with_timestamp_assigner(lambda value: value * 10))
    expected: list[Any] = []
    highest = 0
    for value in values:
        expected.append((value, value * 10))
        if value % 3 == 0 and value > highest:
            highest = value
            expected.append(Watermark(value * 10))
    seen: list[Any] = []
    for output in running.feed(values, keys=list(values)):
        if isinstance(output, RecordBatch):
            assert output.keys == output.values
            seen.extend(records([output]))
        else:
            seen.append(output)
    assert seen == expected


def test_a_generator_without_an_assigner_sees_the_timestamps_there_are() -> None:
    seen: list[tuple[Any, int]] = []

    class Noting(PerRecord):
        def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
            seen.append((event, event_timestamp))

    running = Running(WatermarkStrategy.for_generator(Noting))
    assert records(running.feed(["a", "b"], [4, None])) == [("a", 4), ("b", None)]
    assert records(running.feed(["c"])) == [("c", None)]
    assert seen == [("a", 4), ("b", MIN_TIMESTAMP), ("c", MIN_TIMESTAMP)]


def test_a_generator_may_say_itself_when_the_stream_is_idle() -> None:
    class Telling(PerRecord):
        def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
            if event == "pause":
                output.mark_idle()
                output.mark_idle()
            elif event == "go":
                output.mark_active()

        def on_periodic_emit(self, output: WatermarkOutput) -> None:
            output.emit_watermark(100)

    running = Running(WatermarkStrategy.for_generator(Telling))
    outputs = running.feed(["pause", "x", "go", "y", "pause"])
    assert [each for each in outputs if not isinstance(each, RecordBatch)] == [IDLE, ACTIVE, IDLE]
    assert [value for value, _ in records(outputs)] == ["pause", "x", "go", "y", "pause"]
    assert running.at(1200) == [ACTIVE, Watermark(100)]


class Periodic(AssignerWithPeriodicWatermarks):
    """The assigner of Flink's own guide, more or less."""

    def __init__(self) -> None:
        self.highest = 0

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        self.highest = max(self.highest, value[1])
        return int(value[1])

    def get_current_watermark(self) -> Watermark | None:
        return None if self.highest == 0 else Watermark(self.highest - 60)


class Punctuated(AssignerWithPunctuatedWatermarks):
    def __init__(self) -> None:
        self.highest = 0

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        self.highest = max(self.highest, value[1])
        return int(value[1])

    def check_and_get_next_watermark(self, last_element: Any, extracted_timestamp: int) -> Watermark | int | None:
        return Watermark(self.highest) if last_element[0] == "mark" else None


def test_the_periodic_assigner_of_1_x() -> None:
    running = Running(Periodic())
    assert running.at(1200) == []
    assert records(running.feed([("a", 100), ("b", 90)])) == [(("a", 100), 100), (("b", 90), 90)]
    assert running.at(1400) == [Watermark(40)]


def test_the_punctuated_assigner_of_1_x_is_asked_after_each_record() -> None:
    running = Running(Punctuated())
    out = running.feed([("a", 100), ("mark", 90), ("b", 200), ("mark", 150), ("c", 300)])
    assert [each for each in out if isinstance(each, Watermark)] == [Watermark(100), Watermark(200)]
    assert [len(each.values) for each in out if isinstance(each, RecordBatch)] == [2, 2, 1]


def test_the_bounded_extractor_of_1_x() -> None:
    running = Running(OneArgument(Time.milliseconds(10)))
    assert records(running.feed([("a", 100), ("b", 90)])) == [(("a", 100), 100), (("b", 90), 90)]
    assert running.at(1200) == [Watermark(90)]


class _Failing(WatermarkGenerator):
    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        raise ValueError("on purpose")

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        output.emit_watermark("soon")  # type: ignore[arg-type]  # that is what is refused


class _FailingPeriodic(Periodic):
    def get_current_watermark(self) -> Watermark | None:
        raise ValueError("on purpose")


class _FailingPunctuated(Punctuated):
    def check_and_get_next_watermark(self, last_element: Any, extracted_timestamp: int) -> Watermark | int | None:
        raise ValueError("on purpose")


def test_failing_generators_are_located() -> None:
    def phase_and_record(strategy: Any, *, wake: bool) -> tuple[str, Any]:
        running = Running(strategy)
        act = partial(running.at, 1200) if wake else partial(running.feed, [("a", 1)])
        with pytest.raises((ValueError, TypeError)) as caught:
            act()
        site = running.operator.locate(caught.value, None)
        assert site.info.name == "times"
        return site.phase, site.record

    failing = WatermarkStrategy.for_generator(_Failing)
    assert phase_and_record(failing, wake=False) == ("on_event", ("a", 1))
    assert phase_and_record(failing, wake=True)[0] == "on_periodic_emit"
    assert phase_and_record(_FailingPeriodic(), wake=True)[0] == "get_current_watermark"
    assert phase_and_record(_FailingPunctuated(), wake=False) == ("check_and_get_next_watermark", ("a", 1))


def test_a_watermark_is_a_number_of_ms() -> None:
    running = Running(WatermarkStrategy.for_generator(_Failing))
    with pytest.raises(TypeError, match="a watermark is a Watermark or its timestamp, an int of ms; not 'soon'"):
        running.at(1200)


def test_phases_of_the_life_cycle() -> None:
    running = Running(MONOTONOUS())
    assert running.operator.locate(ValueError(), "open").phase == "open"
    assert running.operator.locate(ValueError(), "finish").phase == "on_periodic_emit"


def test_alignment_in_the_middle_of_a_stream_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    Running(MONOTONOUS().with_watermark_alignment("g", Duration.of_seconds(1)))
    assert "watermark alignment holds for sources only" in caplog.text


def test_records_are_counted() -> None:
    running = Running(MONOTONOUS())
    running.feed(["a", "b"])
    running.feed(["c"])
    assert [count for _, count in running.operator.records_out()] == [3]
