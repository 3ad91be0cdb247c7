"""Of every operator: how its input is cut into batches changes nothing, nor does a failure at any point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.testing import OperatorHarness
from tests.unit.testing.pieces import LATE, ONE_INPUT, SIDE, TWO_INPUTS


@dataclass(frozen=True)
class Step:
    """Something that a harness is told.

    :ivar kind: ``record``, ``watermark`` (both: by how much event time advances) or ``clock``.
    """

    kind: str
    input: int
    record: tuple[int, int] = (0, 0)
    time: int = 0


RECORDS = st.builds(
    Step,
    st.just("record"),
    st.integers(0, 1),
    st.tuples(st.integers(0, 2), st.integers(0, 5)),
    st.integers(-10, 150),
)
STEPS = st.lists(
    st.one_of(
        RECORDS,
        RECORDS,
        RECORDS,
        st.builds(Step, st.just("watermark"), st.integers(0, 1), time=st.integers(0, 50)),
        st.builds(Step, st.just("clock"), st.just(0), time=st.integers(0, 40)),
    ),
    max_size=30,
)


class Run:
    """Drives one harness after the other through the steps."""

    def __init__(self, fragment: Callable[..., Any], inputs: int) -> None:
        self.inputs = inputs
        self.watermarks = [-20] * inputs
        self.output: list[Any] = []
        self.side_outputs: dict[str, list[Any]] = {SIDE.tag_id: [], LATE.tag_id: []}
        self.dropped = 0
        self.harness = OperatorHarness(fragment)
        self.harness.open()
        for index in range(inputs):
            self.watermark(index)

    def take(self) -> None:
        """Keep what has come out so far."""
        self.output += self.harness.get_output_with_timestamps()
        for tag in (SIDE, LATE):
            self.side_outputs[tag.tag_id] += self.harness.get_side_output_with_timestamps(tag)
        self.dropped += self.harness.late_records_dropped()

    def records(self, steps: Sequence[Step]) -> None:
        for index, group in groupby(steps, lambda step: step.input % self.inputs):
            part = list(group)
            process = self.harness.process_batch
            if self.inputs == 2:
                process = self.harness.process_batch2 if index else self.harness.process_batch1
            process([step.record for step in part], [step.time for step in part])

    def other(self, step: Step) -> None:
        if step.kind == "clock":
            self.harness.advance_processing_time(step.time)
            return
        index = step.input % self.inputs
        self.watermarks[index] += step.time
        self.watermark(index)

    def watermark(self, index: int) -> None:
        if self.inputs == 1:
            self.harness.process_watermark(self.watermarks[0])
        elif index:
            self.harness.process_watermark2(self.watermarks[1])
        else:
            self.harness.process_watermark1(self.watermarks[0])

    def fail_and_recover(self) -> None:
        self.take()
        snapshot = self.harness.snapshot()
        failed, self.harness = self.harness, self.harness.restore(snapshot)
        failed.close()
        self.harness.open()
        for index in range(self.inputs):
            self.watermark(index)

    def results(self) -> tuple[Any, ...]:
        self.harness.end_input()
        self.take()
        left = self.harness.num_event_time_timers()
        self.harness.close()
        return self.output, self.side_outputs, self.dropped, left


def batches(steps: Sequence[Step]) -> Iterator[tuple[bool, list[Step]]]:
    for is_record, group in groupby(steps, lambda step: step.kind == "record"):
        yield is_record, list(group)


def one_by_one(fragment: Callable[..., Any], inputs: int, steps: Sequence[Step]) -> tuple[Any, ...]:
    run = Run(fragment, inputs)
    for step in steps:
        if step.kind == "record":
            run.records([step])
        else:
            run.other(step)
    return run.results()


def in_batches(fragment: Callable[..., Any], inputs: int, steps: Sequence[Step]) -> tuple[Any, ...]:
    run = Run(fragment, inputs)
    for is_record, group in batches(steps):
        if is_record:
            run.records(group)
        else:
            for step in group:
                run.other(step)
    return run.results()


def with_failures(
    fragment: Callable[..., Any], inputs: int, steps: Sequence[Step], failures: set[int]
) -> tuple[Any, ...]:
    run = Run(fragment, inputs)
    for number, step in enumerate(steps):
        if number in failures:
            run.fail_and_recover()
        if step.kind == "record":
            run.records([step])
        else:
            run.other(step)
    return run.results()


PIECES: dict[str, tuple[Callable[..., Any], int]] = {
    **{name: (fragment, 1) for name, fragment in ONE_INPUT.items()},
    **{name: (fragment, 2) for name, fragment in TWO_INPUTS.items()},
}


@pytest.mark.parametrize("name", PIECES)
@settings(max_examples=12)
@given(steps=STEPS, failures=st.sets(st.integers(0, 29), max_size=3))
def test_neither_batches_nor_failures_show_in_the_results(name: str, steps: list[Step], failures: set[int]) -> None:
    fragment, inputs = PIECES[name]
    expected = one_by_one(fragment, inputs, steps)
    assert in_batches(fragment, inputs, steps) == expected
    assert with_failures(fragment, inputs, steps, failures) == expected
    assert expected[3] == 0, "timers are left"
