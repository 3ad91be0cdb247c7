"""A source with an enumerator: the task of the enumerator, and the tasks of the readers behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import EnumeratorSpec, SourceSpec
from millstream.common.records import MAX_WATERMARK, CheckpointBarrier, EndOfData, EndOfPartition, RecordBatch
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.common.wire.cluster_pb2 import SplitRequest
from millstream.datastream.source import InputStatus, SourceReader
from tests.unit.taskmanager.task.checkpoints import CHECKPOINTED, barrier, items, operator_id, options
from tests.unit.taskmanager.task.enumerated import LOG, RangeSource
from tests.unit.taskmanager.task.support import Harness, until


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


def _enumerator(source: RangeSource, readers: int = 2, **more: Any) -> Harness:
    return Harness(EnumeratorSpec(source), outputs=1, consumers=readers, **more)


def _reader(source: RangeSource, **more: Any) -> Harness:
    return Harness(SourceSpec(source), outputs=1, channels=1, **more)


async def _ask(harness: Harness, reader: int, number: int = 1, attempt: str = "reader") -> None:
    request = SplitRequest(attempt_id=f"{attempt} {reader}", subtask_index=reader, number=number)
    assert await harness.task.operator_request(operator_id(0), request.SerializeToString()) == b""


def _assigned(*splits: Any) -> RecordBatch:
    return RecordBatch([(1, split) for split in splits])


# ---------------------------------------------------------------- the enumerator


def test_the_enumerator_answers_requests_and_ends_when_all_readers_were_told_so() -> None:
    async def scenario() -> None:
        harness = _enumerator(RangeSource([(0, 5), (5, 7)]))
        harness.task.start()
        await until(lambda: harness.state_names[-1:] == ["RUNNING"])
        assert LOG == [("start", 2, []), ("reader", 0, [0]), ("reader", 1, [0, 1])]
        await _ask(harness, 1)
        await _ask(harness, 1)  # the same one again
        await _ask(harness, 0)
        (writer,) = harness.writers
        await until(lambda: len(writer.values) == 2)
        assert writer.values == [(1, (0, 5)), (0, (5, 7))]
        await _ask(harness, 1, 2)
        await _ask(harness, 1, 3)
        await asyncio.sleep(0.02)
        assert not writer.finished
        await _ask(harness, 0, 2)
        assert (await harness.ended()).state == "FINISHED"
        assert writer.markers == [MAX_WATERMARK, EndOfData(drain=True)]
        assert LOG[3:] == [("request", 1), ("request", 0), ("request", 1), ("request", 0), "close"]
        assert harness.end.metrics.operator_records_out == {"op0": 2}

    asyncio.run(scenario())


def test_a_new_attempt_of_a_reader_counts_its_requests_anew() -> None:
    async def scenario() -> None:
        harness = _enumerator(RangeSource([(0, 1), (1, 2)], endless=True))
        harness.task.start()
        await until(lambda: harness.writers)
        await _ask(harness, 0, 1)
        await _ask(harness, 0, 1, "later")
        await until(lambda: len(harness.writers[0].values) == 2)
        with pytest.raises(MillstreamError, match="has no reader 2"):
            await _ask(harness, 2)
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


def test_the_barrier_comes_behind_what_was_assigned_and_the_rest_is_in_the_snapshot() -> None:
    async def scenario() -> None:
        first = _enumerator(RangeSource([(0, 1), (1, 2), (2, 3)]))
        first.task.start()
        await until(lambda: first.state_names[-1:] == ["RUNNING"])
        # The checkpoint and the request wait together: whatever is answered first, nothing is lost.
        await _ask(first, 0)
        first.task.trigger_checkpoint(4, options())
        await until(lambda: first.acknowledgements and first.writers[0].values)
        elements = first.writers[0].elements
        assert [type(each) for each in elements[-2:]] in (
            [RecordBatch, CheckpointBarrier],
            [CheckpointBarrier, RecordBatch],
        )
        before = 1 if isinstance(elements[0], RecordBatch) else 0
        assert items(first.acknowledgements[0]) == [(0, 1), (1, 2), (2, 3)][before:]
        first.task.notify_checkpoint(4, True)
        await until(lambda: ("complete", 4) in LOG)
        first.task.cancel()
        await first.ended()

        restore = TaskRestore(checkpoint_id=4, operators=first.acknowledgements[0].snapshot.operators)
        second = _enumerator(RangeSource([(7, 8)]), restore=restore)
        second.task.start()
        for number in range(1, 5):
            await until(lambda: second.state_names[-1:] == ["RUNNING"])
            await _ask(second, 0, number)
        await _ask(second, 1)
        assert (await second.ended()).state == "FINISHED"
        assert second.writers[0].values == [(0, each) for each in [(0, 1), (1, 2), (2, 3)][before:]]

    asyncio.run(scenario())


def test_an_enumerator_may_look_for_splits_periodically() -> None:
    async def scenario() -> None:
        harness = _enumerator(RangeSource([(each, each + 1) for each in range(6)], endless=True, period=5))
        harness.task.start()
        for rounds in range(1, 4):
            await until(lambda rounds=rounds: harness.writers and len(harness.writers[0].values) == 2 * rounds)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            await asyncio.sleep(0.02)
            assert len(harness.writers[0].values) == 2 * rounds  # its clock stands still
            harness.clock.advance(5)
            harness.task.trigger_checkpoint(rounds, options())  # something that makes it look at the clock
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["start", "handle_split_request", "call_periodically"])
def test_a_failure_names_the_method(where: str) -> None:
    async def scenario() -> None:
        harness = _enumerator(RangeSource([(0, 1)], period=5, failing=where))
        harness.task.start()
        if where == "handle_split_request":
            await until(lambda: harness.state_names[-1:] == ["RUNNING"])
            await _ask(harness, 0)
        end = await harness.ended()
        assert end.state == "FAILED"
        assert end.failure.message == where
        assert end.failure.phase == where

    asyncio.run(scenario())


def test_nothing_is_assigned_in_a_snapshot() -> None:
    async def scenario() -> None:
        harness = _enumerator(RangeSource([], failing="snapshot_state", endless=True))
        harness.task.start()
        await until(lambda: harness.state_names[-1:] == ["RUNNING"])
        harness.task.trigger_checkpoint(1, options())
        await until(lambda: harness.declines)
        assert "assigned a split" in harness.declines[0].failure.message
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda context: context.assign_split("s", 2), "there is no reader 2"),
        (lambda context: context.signal_no_more_splits(-1), "there is no reader -1"),
        (lambda context: (context.signal_no_more_splits(0), context.assign_split("s", 0)), "it gets no more splits"),
    ],
)
def test_what_cannot_be_assigned_is_refused(call: Any, message: str) -> None:
    class Wrong(RangeSource):
        def create_enumerator(self, context: Any) -> Any:
            call(context)

    async def scenario() -> None:
        end = await _enumerator(Wrong([])).run()
        assert end.state == "FAILED"
        assert message in end.failure.message

    asyncio.run(scenario())


# ---------------------------------------------------------------- the readers


def test_a_reader_reads_what_it_is_assigned_and_ends_with_the_enumerator() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]))
        harness.task.start()
        await until(lambda: harness.split_requests)
        first = harness.split_requests[0]
        assert (first.attempt_id, first.subtask_index, first.number) == ("attempt", 1, 1)
        await until(lambda: len(harness.split_requests) > 2)  # it is asked again until there is an answer
        assert {each.number for each in harness.split_requests} == {1}
        (writer,) = harness.writers
        harness.gate.put(_assigned((0, 3), (10, 12)))
        await until(lambda: writer.values == [0, 1, 2, 10, 11])
        await until(lambda: harness.split_requests[-1].number == 2)
        harness.gate.put(_assigned((20, 21)))
        await until(lambda: len(writer.values) == 6)
        harness.gate.put(MAX_WATERMARK)
        harness.gate.put(EndOfData(drain=True))
        await until(lambda: writer.markers == [MAX_WATERMARK, EndOfData(drain=True)])
        assert not writer.finished  # barriers may come still
        harness.gate.end()
        assert (await harness.ended()).state == "FINISHED"
        assert LOG.count("no more") == 1
        assert harness.end.metrics.records_in == 3

    asyncio.run(scenario())


def test_what_was_assigned_before_the_end_is_read_first() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]))
        harness.gate.put(_assigned((0, 2)))
        harness.gate.put(EndOfData(drain=True))
        harness.gate.end()
        assert (await harness.run()).state == "FINISHED"
        assert harness.writers[0].values == [0, 1]

    asyncio.run(scenario())


def test_a_checkpoint_holds_the_splits_that_came_before_the_barrier() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]), capacity=0)  # nothing goes out, so all that is read stays where it is
        harness.gate.put(_assigned((0, 2), (5, 7)))
        harness.gate.put(barrier(3))
        harness.gate.put(_assigned((8, 9)))
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        assert items(harness.acknowledgements[0]) == [(0, 2), (5, 7)]
        harness.task.cancel()
        await harness.ended()

        LOG.clear()
        restore = TaskRestore(checkpoint_id=3, operators=harness.acknowledgements[0].snapshot.operators)
        again = _reader(RangeSource([]), restore=restore)
        again.gate.put(EndOfData(drain=True))
        again.gate.end()
        assert (await again.run()).state == "FINISHED"
        assert LOG == [("splits", [(0, 2), (5, 7)]), "no more"]
        assert again.writers[0].values == [0, 1, 5, 6]

    asyncio.run(scenario())


def test_checkpoints_go_on_when_the_enumerator_has_finished() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]), capacity=1, configuration=CHECKPOINTED)
        harness.task.start()
        harness.gate.put(_assigned((0, 2), (5, 7)))
        harness.gate.put(EndOfData(drain=True))
        harness.gate.put(barrier(1))
        harness.gate.end()
        await until(lambda: harness.acknowledgements)
        harness.task.trigger_checkpoint(2, options())  # nobody else is left to begin it
        await until(lambda: harness.writers[0].untaken)
        harness.writers[0].capacity = 100
        harness.writers[0].take()
        await until(lambda: len(harness.acknowledgements) == 2)
        await until(lambda: harness.ends_of_data)
        harness.task.trigger_checkpoint(3, options())
        await until(lambda: len(harness.acknowledgements) == 3)
        assert [each.snapshot.finished for each in harness.acknowledgements] == [False, False, True]
        harness.task.notify_checkpoint(3, True)
        assert (await harness.ended()).state == "FINISHED"
        assert harness.writers[0].values == [0, 1, 5, 6]

    asyncio.run(scenario())


def test_a_savepoint_that_stops_the_job_holds_the_reader() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]), configuration=CHECKPOINTED)
        harness.task.start()
        harness.gate.put(barrier(1, "STOP"))
        harness.gate.put(_assigned((0, 2)))
        await until(lambda: harness.acknowledgements)
        await asyncio.sleep(0.02)
        assert harness.writers[0].values == []
        harness.task.notify_checkpoint(1, False)  # it has failed: the job goes on
        await until(lambda: harness.writers[0].values == [0, 1])
        harness.gate.put(barrier(2, "STOP"))
        await until(lambda: len(harness.acknowledgements) == 2)
        harness.gate.put(EndOfData(drain=False))  # the enumerator has heard of it first
        harness.gate.end()
        harness.task.notify_checkpoint(2, True)
        assert (await harness.ended()).state == "FINISHED"
        assert harness.writers[0].markers[-1] == EndOfData(drain=False)
        assert "no more" not in LOG

    asyncio.run(scenario())


def test_a_savepoint_that_drains_the_job_ends_the_reader_before_its_barrier() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([], endless=True), configuration=CHECKPOINTED, capacity=0)
        harness.task.start()
        harness.gate.put(_assigned((0, 2)))
        await until(lambda: ("splits", [(0, 2)]) in LOG)
        harness.gate.put(EndOfData(drain=True))
        harness.gate.put(barrier(1, "DRAIN"))
        await asyncio.sleep(0.01)
        harness.writers[0].capacity = 100
        harness.writers[0].take()
        await until(lambda: harness.acknowledgements)
        kinds = [type(each) for each in harness.writers[0].markers]
        assert kinds[-2:] == [EndOfData, CheckpointBarrier]
        assert harness.acknowledgements[0].snapshot.finished
        harness.gate.end()
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_a_reader_that_had_finished_only_waits_for_barriers() -> None:
    async def scenario() -> None:
        harness = _reader(RangeSource([]), restore=TaskRestore(checkpoint_id=1, finished=True))
        harness.gate.put(EndOfData(drain=True))
        harness.gate.put(barrier(2))
        harness.gate.put(EndOfPartition())
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        harness.task.notify_checkpoint(2, True)
        assert (await harness.ended()).state == "FINISHED"
        assert [each.checkpoint_id for each in harness.acknowledgements] == [2]
        assert LOG == []

    asyncio.run(scenario())


class _Deaf(SourceReader):
    def poll(self) -> InputStatus:
        return InputStatus.NOTHING_AVAILABLE


def test_a_reader_that_takes_no_splits_says_so() -> None:
    class Deaf(RangeSource):
        def create_reader(self, context: Any) -> SourceReader:
            return _Deaf()

    async def scenario() -> None:
        harness = _reader(Deaf([]))
        harness.gate.put(_assigned((0, 1)))
        end = await harness.run()
        assert end.state == "FAILED"
        assert end.failure.phase == "add_splits"
        assert "_Deaf has no add_splits()" in end.failure.message

    asyncio.run(scenario())


# ---------------------------------------------------------------- both


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 2), st.none()), max_size=12), st.integers(0, 8))
def test_each_split_is_on_one_side_of_each_barrier(steps: list[int | None], splits: int) -> None:
    """Requests of readers, and checkpoints (None), in any order and never waited for."""
    ranges = [(each, each + 1) for each in range(splits)]

    async def scenario() -> None:
        harness = _enumerator(RangeSource(ranges, endless=True), readers=3)
        harness.task.start()
        await until(lambda: harness.state_names[-1:] == ["RUNNING"])
        numbers = [0, 0, 0]
        checkpoints = 0
        for step in steps:
            if step is None:
                checkpoints += 1
                harness.task.trigger_checkpoint(checkpoints, options())
            else:
                numbers[step] += 1
                await _ask(harness, step, numbers[step])
            if checkpoints % 2:
                await asyncio.sleep(0)
        await until(lambda: len(harness.acknowledgements) == checkpoints)
        await until(lambda: len(harness.writers[0].values) == min(sum(numbers), splits))
        left = {each.checkpoint_id: items(each) for each in harness.acknowledgements}
        assigned: list[Any] = []
        for element in harness.writers[0].elements:
            if isinstance(element, RecordBatch):
                assigned += [split for _, split in element.values]
            elif isinstance(element, CheckpointBarrier):
                assert assigned + left[element.checkpoint_id] == ranges
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())
