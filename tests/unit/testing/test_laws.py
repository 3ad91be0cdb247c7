"""Of every operator: how its input is cut into batches changes nothing, nor does a failure at any point, nor another
parallelism or state backend that it goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common.key_groups import key_group, operator_index
from millstream.testing import OperatorHarness
from tests.unit.testing.pieces import LATE, ONE_INPUT, SIDE, TWO_INPUTS

MAX_PARALLELISM = 7
HEAP = "hashmap"
ROCKSDB = "rocksdb"


@dataclass(frozen=True)
class Step:
    """Something that a harness is told.

    :ivar kind: ``record``, ``watermark`` (both: by how much event time advances) or ``clock``.
    """

    kind: str
    input: int
    record: tuple[int, int] = (0, 0)
    time: int = 0


@dataclass(frozen=True)
class Restart:
    """A failure, and what the job goes on with."""

    parallelism: int = 1
    backend: str = HEAP


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
    """Drives subtasks through the steps.

    :ivar output: of each step the records that came out and their timestamps. Their order is not settled between keys.
    """

    def __init__(self, fragment: Callable[..., Any], inputs: int, backend: str = HEAP) -> None:
        self.inputs = inputs
        self.watermarks = [-20] * inputs
        self.output: list[Any] = []
        self.side_outputs: dict[str, list[Any]] = {SIDE.tag_id: [], LATE.tag_id: []}
        self.dropped = 0
        self.subtasks = [OperatorHarness(fragment, max_parallelism=MAX_PARALLELISM, state_backend=backend)]
        self._open()

    def _open(self) -> None:
        for harness in self.subtasks:
            harness.open()
        for index in range(self.inputs):
            self.watermark(index)

    def take(self) -> None:
        """Keep what has come out since the last time."""
        records = [record for harness in self.subtasks for record in harness.get_output_with_timestamps()]
        self.output.append(sorted(records, key=repr))
        for tag in (SIDE, LATE):
            beside = [each for harness in self.subtasks for each in harness.get_side_output_with_timestamps(tag)]
            self.side_outputs[tag.tag_id].append(sorted(beside, key=repr))
        for harness in self.subtasks:
            harness.clear_output()

    def records(self, steps: Sequence[Step]) -> None:
        for index, group in groupby(steps, lambda step: step.input % self.inputs):
            part = list(group)
            for number, harness in enumerate(self.subtasks):
                own = [step for step in part if self._subtask_of(step.record) == number]
                if not own:
                    continue
                process = harness.process_batch
                if self.inputs == 2:
                    process = harness.process_batch2 if index else harness.process_batch1
                process([step.record for step in own], [step.time for step in own])

    def _subtask_of(self, record: tuple[int, int]) -> int:
        return operator_index(key_group(record[0], MAX_PARALLELISM), MAX_PARALLELISM, len(self.subtasks))

    def other(self, step: Step) -> None:
        if step.kind == "clock":
            for harness in self.subtasks:
                harness.advance_processing_time(step.time)
            return
        index = step.input % self.inputs
        self.watermarks[index] += step.time
        self.watermark(index)

    def watermark(self, index: int) -> None:
        for harness in self.subtasks:
            if self.inputs == 1:
                harness.process_watermark(self.watermarks[0])
            elif index:
                harness.process_watermark2(self.watermarks[1])
            else:
                harness.process_watermark1(self.watermarks[0])

    def fail_and_recover(self, restart: Restart) -> None:
        self._count_dropped()
        snapshot = OperatorHarness.repackage_state(*(harness.snapshot() for harness in self.subtasks))
        failed = self.subtasks
        self.subtasks = [
            failed[0].restore(
                snapshot, parallelism=restart.parallelism, subtask_index=index, state_backend=restart.backend
            )
            for index in range(restart.parallelism)
        ]
        for harness in failed:
            harness.close()
        self._open()
        assert all(not harness.get_output() for harness in self.subtasks), "time has not gone on"

    def _count_dropped(self) -> None:
        self.dropped += sum(harness.late_records_dropped() for harness in self.subtasks)

    def results(self) -> tuple[Any, ...]:
        for harness in self.subtasks:
            harness.end_input()
        self.take()
        self._count_dropped()
        left = sum(harness.num_event_time_timers() for harness in self.subtasks)
        for harness in self.subtasks:
            harness.close()
        return self.output, self.side_outputs, self.dropped, left


def batches(steps: Sequence[Step]) -> Iterator[tuple[bool, list[Step]]]:
    for is_record, group in groupby(steps, lambda step: step.kind == "record"):
        yield is_record, list(group)


def joined(results: tuple[Any, ...]) -> tuple[Any, ...]:
    """Results without the steps that they came in, of which there are fewer if records come in batches."""
    output, side_outputs, *rest = results
    parts = [output, *side_outputs.values()]
    return *(sorted((each for step in part for each in step), key=repr) for part in parts), *rest


def one_by_one(
    fragment: Callable[..., Any], inputs: int, steps: Sequence[Step], restarts: dict[int, Restart] | None = None
) -> tuple[Any, ...]:
    """Each record comes alone, and before some steps the job fails."""
    run = Run(fragment, inputs)
    for number, step in enumerate(steps):
        if restarts is not None and number in restarts:
            run.fail_and_recover(restarts[number])
        if step.kind == "record":
            run.records([step])
        else:
            run.other(step)
        run.take()
    return run.results()


def in_batches(fragment: Callable[..., Any], inputs: int, steps: Sequence[Step], backend: str) -> tuple[Any, ...]:
    run = Run(fragment, inputs, backend)
    for is_record, group in batches(steps):
        if is_record:
            run.records(group)
        else:
            for step in group:
                run.other(step)
        run.take()
    return run.results()


PIECES: dict[str, tuple[Callable[..., Any], int]] = {
    **{name: (fragment, 1) for name, fragment in ONE_INPUT.items()},
    **{name: (fragment, 2) for name, fragment in TWO_INPUTS.items()},
}
# One subtask must have all: windows over all records; and what a broadcast record does, each subtask does.
NOT_PARALLEL = ("all, late", "broadcast")


def restarts(parallelism: st.SearchStrategy[int], backends: st.SearchStrategy[str]) -> Any:
    return st.dictionaries(st.integers(0, 29), st.builds(Restart, parallelism, backends), max_size=3)


@pytest.mark.parametrize("name", PIECES)
@settings(max_examples=12)
@given(steps=STEPS, failures=restarts(st.just(1), st.just(HEAP)))
def test_neither_batches_nor_failures_show_in_the_results(
    name: str, steps: list[Step], failures: dict[int, Restart]
) -> None:
    fragment, inputs = PIECES[name]
    expected = one_by_one(fragment, inputs, steps)
    assert joined(in_batches(fragment, inputs, steps, HEAP)) == joined(expected)
    assert one_by_one(fragment, inputs, steps, failures) == expected
    assert expected[3] == 0, "timers are left"


@pytest.mark.parametrize("name", [name for name in PIECES if name not in NOT_PARALLEL])
@settings(max_examples=8)
@given(steps=STEPS, failures=restarts(st.integers(1, 3), st.just(HEAP)))
def test_another_parallelism_does_not_show_in_the_results(
    name: str, steps: list[Step], failures: dict[int, Restart]
) -> None:
    fragment, inputs = PIECES[name]
    assert one_by_one(fragment, inputs, steps, failures) == one_by_one(fragment, inputs, steps)


@pytest.mark.parametrize("name", PIECES)
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, data=st.data())
def test_another_state_backend_does_not_show_in_the_results(name: str, steps: list[Step], data: st.DataObject) -> None:
    pytest.importorskip("rocksdict")
    fragment, inputs = PIECES[name]
    expected = one_by_one(fragment, inputs, steps)
    assert joined(in_batches(fragment, inputs, steps, ROCKSDB)) == joined(expected)
    parallelism = st.just(1) if name in NOT_PARALLEL else st.integers(1, 2)
    failures = data.draw(restarts(parallelism, st.sampled_from([HEAP, ROCKSDB])))
    assert one_by_one(fragment, inputs, steps, failures) == expected
