"""What programs can say about event time."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from operator import itemgetter
from typing import Any

import pytest

from millstream.common import Duration, Time, TimestampAssigner, WatermarkStrategy
from millstream.common.watermark_strategy import (
    AscendingTimestampExtractor,
    AscendingTimestampsWatermarks,
    AssignerWithPeriodicWatermarks,
    AssignerWithPeriodicWatermarksWrapper,
    AssignerWithPunctuatedWatermarks,
    BoundedOutOfOrdernessTimestampExtractor,
    BoundedOutOfOrdernessWatermarks,
    NoWatermarksGenerator,
    Watermark,
    WatermarkGenerator,
    WatermarkGeneratorContext,
    WatermarkGeneratorSupplier,
    WatermarkOutput,
    ascending_timestamps,
    watermark_strategy_of,
)
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock

CONTEXT = WatermarkGeneratorContext(None, InputActivityClock(lambda: 0))


class First(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[0])


class Own(WatermarkGenerator):
    def __init__(self, context: WatermarkGeneratorContext | None = None) -> None:
        self.context = context

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        output.emit_watermark(event_timestamp)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


class Supplier(WatermarkGeneratorSupplier):
    def create_watermark_generator(self, context: WatermarkGeneratorContext) -> WatermarkGenerator:
        return Own(context)


class Whole(WatermarkStrategy):
    """A strategy of one's own, which calls no constructor of the base class."""

    def __init__(self, bound: int) -> None:
        self.bound = bound

    def create_watermark_generator(self, context: WatermarkGeneratorContext) -> WatermarkGenerator:
        return BoundedOutOfOrdernessWatermarks(Duration.of_millis(self.bound))

    def create_timestamp_assigner(self) -> Any:
        return itemgetter(1)


def generator(strategy: WatermarkStrategy) -> WatermarkGenerator:
    return strategy.create_watermark_generator(CONTEXT)


def test_what_the_strategies_make() -> None:
    assert isinstance(generator(WatermarkStrategy.no_watermarks()), NoWatermarksGenerator)
    assert isinstance(generator(WatermarkStrategy.for_monotonous_timestamps()), AscendingTimestampsWatermarks)
    for bound in (Duration.of_seconds(5), Time.seconds(5), timedelta(seconds=5)):
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(bound)
        assert isinstance(generator(strategy), BoundedOutOfOrdernessWatermarks)


def test_each_subtask_gets_a_generator_of_its_own() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps()
    assert generator(strategy) is not generator(strategy)


def test_additions_leave_the_strategy_as_it_was() -> None:
    base = WatermarkStrategy.for_monotonous_timestamps()
    idle = base.with_idleness(Duration.of_seconds(1))
    aligned = idle.with_watermark_alignment("g", Duration.of_seconds(2))
    assert base.get_idle_timeout() is None
    assert idle.get_idle_timeout() == Duration.of_seconds(1)
    assert idle.get_alignment() is None
    assert aligned.get_idle_timeout() == Duration.of_seconds(1)
    alignment = aligned.get_alignment()
    assert alignment is not None
    assert (alignment.group, alignment.max_drift_ms, alignment.update_interval_ms) == ("g", 2000, 1000)


def test_a_strategy_with_an_assigner_does_not_change_when_another_is_made_of_the_same_one() -> None:
    base = WatermarkStrategy.for_monotonous_timestamps()
    first = base.with_timestamp_assigner(First())
    second = base.with_timestamp_assigner(itemgetter(1))
    assert isinstance(first.create_timestamp_assigner(), First)
    assert isinstance(second.create_timestamp_assigner(), itemgetter)


def test_as_in_pyflink_the_strategy_itself_takes_the_assigner_over() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps()
    used = watermark_strategy_of(strategy)
    strategy.with_timestamp_assigner(First())
    assert isinstance(strategy.create_timestamp_assigner(), First)
    assert used.create_timestamp_assigner() is None  # it was handed over before


def test_an_assigner_is_kept_by_what_comes_after() -> None:
    strategy = (
        WatermarkStrategy.for_monotonous_timestamps()
        .with_timestamp_assigner(First())
        .with_idleness(Duration.of_seconds(1))
        .with_watermark_alignment("g", Duration.of_millis(10), Duration.of_millis(20))
    )
    assert isinstance(strategy.create_timestamp_assigner(), First)


@pytest.mark.parametrize(
    "strategy",
    [
        WatermarkStrategy.no_watermarks(),
        WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(First()),
        WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1)).with_idleness(Duration.of_millis(5)),
        WatermarkStrategy.no_watermarks().with_watermark_alignment("g", Time.seconds(1)),
        WatermarkStrategy.for_generator(Own),
        WatermarkStrategy.for_generator(Own()),
        Whole(7),
        watermark_strategy_of(BoundedOutOfOrdernessTimestampExtractor(Time.seconds(1), itemgetter(0))),
        watermark_strategy_of(AscendingTimestampExtractor(itemgetter(0))),
    ],
)
def test_strategies_travel(strategy: WatermarkStrategy) -> None:
    copied = pickle.loads(pickle.dumps(strategy))
    assert type(generator(copied)) is type(generator(strategy))
    assert type(copied.create_timestamp_assigner()) is type(strategy.create_timestamp_assigner())
    assert copied.get_alignment() == strategy.get_alignment()
    assert copied.get_idle_timeout() == strategy.get_idle_timeout()
    assert copied.changes_nothing() == strategy.changes_nothing()


def test_only_no_watermarks_alone_changes_nothing() -> None:
    none = WatermarkStrategy.no_watermarks
    assert none().changes_nothing()
    assert not none().with_idleness(Duration.of_seconds(1)).changes_nothing()
    assert not none().with_timestamp_assigner(First()).changes_nothing()
    assert not WatermarkStrategy.for_monotonous_timestamps().changes_nothing()
    assert not Whole(1).changes_nothing()


def make_own() -> Own:
    return Own()


def make_own_with(context: WatermarkGeneratorContext) -> Own:
    return Own(context)


@pytest.mark.parametrize("given", [Own, Own(), Supplier(), make_own, make_own_with])
def test_generators_of_ones_own(given: Any) -> None:
    made = generator(WatermarkStrategy.for_generator(given))
    assert isinstance(made, Own)
    if isinstance(given, Supplier):
        assert made.context is CONTEXT


def test_who_wants_the_context_gets_it() -> None:
    made = generator(WatermarkStrategy.for_generator(make_own_with))
    assert isinstance(made, Own)
    assert made.context is CONTEXT
    assert CONTEXT.get_metric_group() is None
    assert CONTEXT.get_input_activity_clock().relative_time_ms() == 0


def test_a_factory_that_makes_no_generator_is_named() -> None:
    with pytest.raises(TypeError, match="is to make a WatermarkGenerator, but made 5"):
        generator(WatermarkStrategy.for_generator(lambda: 5))  # type: ignore[arg-type,return-value]  # that is what is refused


def test_a_strategy_of_ones_own_can_be_added_to() -> None:
    strategy = Whole(3).with_idleness(Duration.of_seconds(1))
    assert isinstance(generator(strategy), BoundedOutOfOrdernessWatermarks)
    assert isinstance(strategy.create_timestamp_assigner(), itemgetter)
    assert strategy.get_idle_timeout() == Duration.of_seconds(1)
    with pytest.raises(NotImplementedError, match="must define create_watermark_generator"):
        generator(WatermarkStrategy())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness(5), TypeError, "5 is no length of time"),  # type: ignore[arg-type]  # refused
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(-1)), ValueError, "negative"),
        (lambda: WatermarkStrategy.for_generator(5), TypeError, "takes a WatermarkGenerator, or"),  # type: ignore[arg-type]  # refused
        (lambda: WatermarkStrategy.no_watermarks().with_idleness(Duration.of_millis(0)), ValueError, "positive"),
        (lambda: WatermarkStrategy.no_watermarks().with_timestamp_assigner(5), TypeError, "takes a TimestampAssigner"),  # type: ignore[arg-type]  # refused
        (lambda: WatermarkStrategy.no_watermarks().with_timestamp_assigner(First), TypeError, "pass an instance"),  # type: ignore[arg-type]  # refused
        (lambda: _aligned(5, Duration.of_millis(1)), TypeError, "named by a text, not 5"),
        (lambda: _aligned("g", Duration.of_millis(-1)), ValueError, "drift of watermarks cannot be negative"),
        (lambda: _aligned("g", Duration.of_millis(1), Duration.of_millis(0)), ValueError, "updates must be positive"),
        (lambda: watermark_strategy_of("x"), TypeError, "by a WatermarkStrategy, for example .*; not by 'x'"),
        (lambda: watermark_strategy_of(Whole), TypeError, "by an object and not by a class"),
        (lambda: ascending_timestamps(5), TypeError, "assign_ascending_timestamps"),  # type: ignore[arg-type]  # refused
        (lambda: AssignerWithPeriodicWatermarksWrapper(First()), TypeError, "takes an AssignerWithPeriodicWatermarks"),  # type: ignore[arg-type]  # refused
        (lambda: AscendingTimestampExtractor().with_violation_handler(5), TypeError, "MonotonyViolationHandler"),  # type: ignore[arg-type]  # refused
        (lambda: BoundedOutOfOrdernessTimestampExtractor(Time.milliseconds(-1)), ValueError, "negative"),
    ],
)
def test_what_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def _aligned(group: Any, drift: Duration, interval: Duration | None = None) -> WatermarkStrategy:
    return WatermarkStrategy.no_watermarks().with_watermark_alignment(group, drift, interval)


class Periodic(AssignerWithPeriodicWatermarks):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)

    def get_current_watermark(self) -> Watermark:
        return Watermark(3)


class Punctuated(AssignerWithPunctuatedWatermarks):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)

    def check_and_get_next_watermark(self, last_element: Any, extracted_timestamp: int) -> int | None:
        return extracted_timestamp if last_element == 2 else None


class Output(WatermarkOutput):
    def __init__(self) -> None:
        self.log: list[object] = []

    def emit_watermark(self, watermark: Watermark | int) -> None:
        self.log.append(watermark)

    def mark_idle(self) -> None:
        self.log.append("idle")

    def mark_active(self) -> None:
        self.log.append("active")


def test_the_assigners_of_1_x_become_strategies() -> None:
    output = Output()
    for assigner in (Periodic(), AssignerWithPeriodicWatermarksWrapper(Periodic())):
        strategy = watermark_strategy_of(assigner)
        assert isinstance(strategy.create_timestamp_assigner(), Periodic)
        generator(strategy).on_periodic_emit(output)
    punctuated = generator(watermark_strategy_of(Punctuated()))
    for value in (1, 2, 3):
        punctuated.on_event(value, value * 10, output)
    punctuated.on_periodic_emit(output)
    assert output.log == [Watermark(3), Watermark(3), 20]


def test_the_wrapper_is_an_assigner_as_well() -> None:
    wrapper = AssignerWithPeriodicWatermarksWrapper(Periodic())
    assert wrapper.extract_timestamp("4", 0) == 4
    assert wrapper.get_current_watermark() == Watermark(3)


def test_classes_that_lack_a_method_say_which() -> None:
    with pytest.raises(NotImplementedError, match="must define extract_timestamp"):
        BoundedOutOfOrdernessTimestampExtractor(Time.seconds(1)).extract_timestamp(1)
    with pytest.raises(NotImplementedError, match="must define extract_ascending_timestamp"):
        AscendingTimestampExtractor().extract_timestamp(1, 0)


class ElementZero(BoundedOutOfOrdernessTimestampExtractor):
    def extract_timestamp(self, element: Any) -> int:  # type: ignore[override]  # as programs for Flink write it
        return int(element[0])


def test_the_extractor_for_bounded_disorder_lags_by_the_bound() -> None:
    for extractor in (
        ElementZero(Time.seconds(1)),
        BoundedOutOfOrdernessTimestampExtractor(Time.seconds(1), itemgetter(0)),
    ):
        assert extractor.get_max_out_of_orderness_in_millis() == 1000
        assert extractor.extract_timestamp((5,)) == 5
        output = Output()
        made = generator(watermark_strategy_of(extractor))
        made.on_periodic_emit(output)
        made.on_event(None, 5000, output)
        made.on_event(None, 4000, output)
        made.on_periodic_emit(output)
        assert output.log == [Watermark(-(2**63)), Watermark(4000)]


def test_the_ascending_extractor_lags_by_one_and_tells_violations() -> None:
    seen: list[tuple[int, int]] = []

    class Noting(AscendingTimestampExtractor.MonotonyViolationHandler):
        def handle_violation(self, element_timestamp: int, last_timestamp: int) -> None:
            seen.append((element_timestamp, last_timestamp))

    extractor = AscendingTimestampExtractor(itemgetter(0)).with_violation_handler(Noting())
    assert extractor.get_current_watermark() == Watermark(-(2**63))
    assert [extractor.extract_timestamp((each,), 0) for each in (1, 5, 3, 5)] == [1, 5, 3, 5]
    assert extractor.get_current_watermark() == Watermark(4)
    assert seen == [(3, 5)]


def test_the_handlers_of_violations(caplog: pytest.LogCaptureFixture) -> None:
    def violate(extractor: AscendingTimestampExtractor) -> None:
        extractor.extract_timestamp((5,), 0)
        extractor.extract_timestamp((3,), 0)

    violate(
        AscendingTimestampExtractor(itemgetter(0)).with_violation_handler(AscendingTimestampExtractor.IgnoringHandler())
    )
    assert caplog.records == []
    violate(AscendingTimestampExtractor(itemgetter(0)))
    assert "one of 3 ms came after 5 ms" in caplog.text
    failing = AscendingTimestampExtractor(itemgetter(0)).with_violation_handler(
        AscendingTimestampExtractor.FailingHandler()
    )
    with pytest.raises(RuntimeError, match="one of 3 ms came after one of 5 ms"):
        violate(failing)


def test_ascending_timestamps_of_a_function_and_of_an_extractor() -> None:
    of_function = ascending_timestamps(itemgetter(0))
    assert isinstance(generator(of_function), AscendingTimestampsWatermarks)
    assert isinstance(of_function.create_timestamp_assigner(), itemgetter)
    extractor = AscendingTimestampExtractor(itemgetter(0))
    assert ascending_timestamps(extractor).create_timestamp_assigner() is extractor
