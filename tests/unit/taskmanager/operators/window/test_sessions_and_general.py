"""The fast operator for sessions gives what the general one gives, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream import OutputTag
from millstream.datastream.functions import (
    AggregateFunction,
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from millstream.datastream.state import ListStateDescriptor
from millstream.datastream.window import (
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    EventTimeSessionWindows,
    EventTimeTrigger,
    ProcessingTimeSessionWindows,
    SessionWindowTimeGapExtractor,
    TimeWindow,
)
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.window.session import SessionWindowOperator, sessions_apply
from millstream.taskmanager.operators.window.window_operator import WindowOperator
from millstream.testing.harness_contents import contents_of
from tests.unit.taskmanager.operators.support import build, snapshot_of, states_of
from tests.unit.taskmanager.operators.window.aligned_support import outputs_of
from tests.unit.taskmanager.operators.window.reference import Step, steps

BESIDE = OutputTag("beside")
SEEN: ListStateDescriptor = ListStateDescriptor("seen")
Value = tuple[str, Any]
"""A key, and the numbers of elements."""


class Numbers(AggregateFunction):
    """The numbers of the elements, in the order in which they were added, in a list that is changed in place."""

    def create_accumulator(self) -> list[Any]:
        return ["", [], 0]

    def add(self, value: Value, accumulator: list[Any]) -> list[Any]:
        accumulator[0] = value[0]
        accumulator[1].extend(value[1])
        return accumulator

    def get_result(self, accumulator: list[Any]) -> Any:
        accumulator[2] += 1  # how often it was asked
        return accumulator

    def merge(self, acc_a: list[Any], acc_b: list[Any]) -> list[Any]:
        return [acc_a[0], [*acc_a[1], "+", *acc_b[1]], acc_a[2] + acc_b[2]]


class Forgetful(AggregateFunction):
    """Loses everything at every third element, and has no result for an even number of them."""

    def create_accumulator(self) -> tuple[str, tuple[int, ...]]:
        return "", ()

    def add(self, value: Value, accumulator: Any) -> Any:
        return None if value[1][0] % 3 == 0 else (value[0], (*accumulator[1], *value[1]))

    def get_result(self, accumulator: Any) -> Any:
        return accumulator if len(accumulator[1]) % 2 else None

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        both = acc_a[0], (*acc_a[1], *acc_b[1])
        return None if len(both[1]) % 4 == 0 else both


def extended(first: Any, second: Any) -> Any:
    """Changes what it is given."""
    first[1].extend(second[1])
    return first


def forgetting(first: Any, second: Any) -> Any:
    return None if second[1][0] % 3 == 0 else [first[0], first[1] + second[1]]


class Everything(ProcessWindowFunction[Any, Any, Any, TimeWindow]):
    """Says all that it can find out, and leaves traces in the state of the key.

    :ivar cleared: the sessions that ended, and whether they had fired before. What comes first where one ends at the
        time when another one fires, nobody says.
    """

    def __init__(self) -> None:
        self.cleared: list[Any] = []

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        seen = context.global_state().get_list_state(SEEN)
        seen.add(context.window().end)
        yield BESIDE, (key, "fires")
        yield key, context.window(), elements, list(seen.get()), context.current_watermark()

    def clear(self, context: Any) -> None:
        seen = context.global_state().get_list_state(SEEN)
        self.cleared.append((context.window(), context.window().end in seen.get(), context.current_watermark()))


class EverythingOfAll(ProcessAllWindowFunction[Any, Any, TimeWindow]):
    def process(self, context: Any, elements: Iterable[Any], out: Any) -> None:  # type: ignore[override]  # collectors are allowed
        out.collect(("", context.window(), elements, context.current_watermark()))
        context.output(BESIDE, ("", context.window().start))


class Applied(WindowFunction[Any, Any, Any, TimeWindow]):
    def apply(self, key: Any, window: TimeWindow, inputs: Iterable[Any]) -> Iterator[Any]:
        yield key, window, inputs


class AppliedToAll(AllWindowFunction[Any, Any, TimeWindow]):
    def apply(self, window: TimeWindow, inputs: Iterable[Any]) -> list[Any]:
        return [("", window, inputs), ("", "and one more")]


FUNCTIONS: dict[str, list[Any]] = {
    "reduce": [extended, forgetting, lambda a, b: [a[0], a[1] + b[1]]],
    "aggregate": [Numbers(), Forgetful()],
    "list": [None],
}


@st.composite
def specs(draw: st.DrawFn, assigner: Any) -> WindowSpec:
    """Sessions of any kind."""
    kind = draw(st.sampled_from(list(FUNCTIONS)))
    keyed = draw(st.booleans())
    functions: list[Any] = [Everything(), Applied()] if keyed else [EverythingOfAll(), AppliedToAll()]
    if kind != "list":
        functions.append(None)
    return WindowSpec(
        assigner,
        kind,
        (lambda value: value[0]) if keyed else None,
        draw(st.sampled_from(FUNCTIONS[kind])),
        draw(st.sampled_from(functions)),
        EventTimeTrigger() if assigner.is_event_time() and draw(st.booleans()) else None,
        allowed_lateness_ms=draw(st.sampled_from([0, 0, 1, 5, 30, MAX_TIMESTAMP])),
        late_output_tag=draw(st.sampled_from(["", "late"])),
    )


class GapOfNumber(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> Any:
        return 1 + element[1][0] * 7 % 10


event_time = st.one_of(
    st.integers(1, 15).map(EventTimeSessionWindows), st.just(DynamicEventTimeSessionWindows(GapOfNumber()))
).flatmap(specs)
processing_time = st.one_of(
    st.integers(1, 6).map(ProcessingTimeSessionWindows), st.just(DynamicProcessingTimeSessionWindows(GapOfNumber()))
).flatmap(specs)


class Driven:
    """One of the operators, and what it gave."""

    def __init__(self, operator_class: Any, spec: WindowSpec, *, inline: bool = False) -> None:
        self._class = operator_class
        self._spec = spec
        self._inline = inline
        self._dropped = 0
        self.clock = ManualProcessingTime(1_000)
        self.results: list[Any] = []
        self.beside: list[Any] = []
        self.operator: Operator = self._opened(None)

    def _opened(self, snapshot: Any) -> Operator:
        context = OperatorContext(OperatorInfo("windows", "1"), processing_time=self.clock, inline=self._inline)
        operator = build(self._class, self._spec, context, snapshot)
        operator.open()
        return operator

    def start_anew(self) -> None:
        self._dropped += self.operator.late_records_dropped()
        self.operator = self._opened(snapshot_of(self.operator))

    def add(self, values: list[Any], timestamps: list[int | None] | None, with_keys: bool) -> None:
        keys = [value[0] for value in values] if with_keys and self._spec.key_selector is not None else None
        outputs_of(self.operator.process_batch(RecordBatch(values, timestamps, keys)), self.results, self.beside)

    def advance(self, watermark: int) -> None:
        outputs_of(self.operator.process_watermark(Watermark(watermark)), self.results, self.beside)

    def pass_time(self, until: int) -> None:
        while self.clock.alarm is not None and self.clock.alarm <= until:
            self.clock.set_now(max(self.clock.alarm, self.clock.now_ms()))
            outputs_of(self.operator.on_wake(self.clock.now_ms()), self.results, self.beside)
        self.clock.set_now(until)

    def summary(self) -> Any:
        """Everything that is to be the same; the order of different keys is not, and that of sessions of a key is."""
        by_key: dict[str, list[Any]] = {}
        for value, timestamp in self.results:
            by_key.setdefault(value[0], []).append((value, timestamp))
        beside = sorted(map(repr, self.beside))
        function = self._spec.window_function
        cleared: list[str] = []
        if isinstance(function, Everything):
            cleared, function.cleared = sorted(map(repr, function.cleared)), []
        dropped = self._dropped + self.operator.late_records_dropped()
        return by_key, beside, cleared, dropped


def values_of(batch: list[Any]) -> list[Any]:
    """New objects each time: functions may change them."""
    return [[key, [number]] for key, number, _ in batch]


@given(steps(), event_time, st.booleans(), st.booleans(), st.sets(st.integers(0, 24)))
def test_event_time(stream: list[Step], spec: WindowSpec, inline: bool, with_keys: bool, stops: set[int]) -> None:
    assert sessions_apply(spec)
    fast, general = Driven(SessionWindowOperator, spec, inline=inline), Driven(WindowOperator, spec)
    summaries = []
    for driven in (fast, general):
        for number, step in enumerate(stream):
            if number in stops:
                driven.start_anew()
            if isinstance(step, int):
                driven.advance(step)
            else:
                driven.add(values_of(step), [timestamp for _, _, timestamp in step], with_keys)
        driven.advance(MAX_TIMESTAMP)
        summaries.append(driven.summary())
    assert summaries[0] == summaries[1]
    assert list(fast.operator.records_out()) == list(general.operator.records_out()) or stops
    if spec.allowed_lateness_ms < MAX_TIMESTAMP and not isinstance(spec.window_function, Everything):
        assert contents_of(states_of(fast.operator)).state_entries == 0
        assert contents_of(states_of(fast.operator)).event_time_timers == 0


@given(
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abc"), max_size=3)), max_size=12),
    processing_time,
    st.booleans(),
    st.booleans(),
    st.integers(0, 12),
)
def test_processing_time(
    stream: list[tuple[int, list[str]]], spec: WindowSpec, batch: bool, with_keys: bool, stop: int
) -> None:
    spec = WindowSpec(
        spec.assigner,
        spec.kind,
        spec.key_selector,
        spec.function,
        spec.window_function,
        allowed_lateness_ms=spec.allowed_lateness_ms,
        batch=batch,
    )
    summaries = []
    for operator_class in (SessionWindowOperator, WindowOperator):
        driven = Driven(operator_class, spec)
        for number, (passed, keys) in enumerate(stream):
            if number == stop:
                driven.start_anew()
            driven.pass_time(driven.clock.now_ms() + passed)
            driven.add([[key, [number]] for key in keys], None, with_keys)
        if not batch:
            driven.pass_time(driven.clock.now_ms() + 4)
        driven.advance(MAX_TIMESTAMP)
        summaries.append(driven.summary())
        if batch and not isinstance(spec.window_function, Everything):
            assert contents_of(states_of(driven.operator)).state_entries == 0
            assert contents_of(states_of(driven.operator)).processing_time_timers == 0
    assert summaries[0] == summaries[1]


@given(
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(1, 20),
    st.sampled_from([0, 10]),
    st.integers(0, 5),
)
def test_the_end_of_time(befores: list[int], gap: int, lateness: int, last_watermark: int) -> None:
    """Sessions that end with the largest timestamp, and beyond."""
    spec = WindowSpec(
        EventTimeSessionWindows(gap), "list", lambda v: v[0], None, Applied(), allowed_lateness_ms=lateness
    )
    summaries = []
    for operator_class in (SessionWindowOperator, WindowOperator):
        driven = Driven(operator_class, spec)
        for number, before in enumerate(befores):
            driven.add([["a", [number]]], [MAX_TIMESTAMP - before], with_keys=False)
            driven.advance(MAX_TIMESTAMP - 60 + last_watermark * number)
        driven.advance(MAX_TIMESTAMP)
        summaries.append((driven.summary(), contents_of(states_of(driven.operator)).event_time_timers > 0))
    assert summaries[0] == summaries[1]
