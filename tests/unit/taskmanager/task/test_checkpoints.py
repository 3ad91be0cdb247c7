"""Checkpoints of a task: where the barrier goes, what is in the snapshot, what is reported, what fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.failure import ENGINE, USER_CODE, FailureInfo
from millstream.common.graph.operator_spec import (
    CoMapSpec,
    FlatMapSpec,
    MapSpec,
    ProcessSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.records import CheckpointBarrier, Element, EndOfPartition, RecordBatch
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle, OperatorSubtaskState, TaskRestore
from tests.unit.taskmanager.task.checkpoints import (
    CHECKPOINTED,
    TOLD,
    Remembering,
    RememberingBoth,
    Sorting,
    Unpicklable,
    barrier,
    items,
    operator_id,
    options,
)
from tests.unit.taskmanager.task.sources import FeedSource, ListSource
from tests.unit.taskmanager.task.support import FakeWriter, Harness, until


@pytest.fixture(autouse=True)
def _fresh() -> None:
    TOLD.clear()


def _flat(writer: FakeWriter) -> list[Any]:
    """Records and barriers in their order; other markers do not matter."""
    flat: list[Any] = []
    for element in writer.elements:
        if isinstance(element, RecordBatch):
            flat.extend(element.values)
        elif isinstance(element, CheckpointBarrier):
            flat.append(f"barrier {element.checkpoint_id}")
    return flat


async def _end(harness: Harness) -> None:
    harness.task.cancel()
    await harness.ended()


def test_a_source_sends_the_barrier_behind_what_it_emitted() -> None:
    async def scenario() -> None:
        feed = FeedSource()
        harness = Harness(SourceSpec(feed), ProcessSpec(Remembering()), outputs=2)
        harness.task.start()
        feed.give([1, 2])
        await until(lambda: harness.writers and harness.writers[0].values == [1, 2])
        harness.task.trigger_checkpoint(1, options())
        await until(lambda: harness.acknowledgements)
        feed.give([3])
        await until(lambda: harness.writers[0].values == [1, 2, 3])
        for writer in harness.writers:
            assert _flat(writer) == [1, 2, "barrier 1", 3]
        (given,) = harness.acknowledgements
        assert (given.attempt_id, given.checkpoint_id, given.snapshot.finished) == ("attempt", 1, False)
        assert items(given, 0) == [2]  # the position of the source
        assert items(given, 1) == [1, 2]
        assert given.metrics.sync_us > 0
        assert given.metrics.checkpointed_size == given.metrics.full_size > 0
        assert given.metrics.start_delay_ms == 234
        assert harness.task.metrics().checkpoint_start_delay_ns == 234_000_000
        await _end(harness)
        assert harness.states[-1].state == "CANCELED"

    asyncio.run(scenario())


def test_a_source_goes_on_from_its_splits() -> None:
    async def scenario() -> None:
        feed = FeedSource()
        first = Harness(SourceSpec(feed), ProcessSpec(Remembering()), outputs=1)
        first.task.start()
        feed.give([1, 2])
        await until(lambda: first.writers and first.writers[0].values == [1, 2])
        first.task.trigger_checkpoint(7, options())
        await until(lambda: first.acknowledgements)
        await _end(first)
        restore = TaskRestore(checkpoint_id=7, operators=first.acknowledgements[0].snapshot.operators)
        again = FeedSource()
        second = Harness(SourceSpec(again), ProcessSpec(Remembering()), outputs=1, restore=restore)
        second.task.start()
        again.give([3])
        await until(lambda: second.writers and second.writers[0].values)
        assert again.restored == [2]
        second.task.trigger_checkpoint(8, options())
        await until(lambda: second.acknowledgements)
        assert items(second.acknowledgements[0], 1) == [1, 2, 3]
        await _end(second)

    asyncio.run(scenario())


@pytest.mark.parametrize(("known", "restored"), [(True, []), (False, None)])
def test_a_source_without_splits_in_the_checkpoint_is_told_so(known: bool, restored: list[Any] | None) -> None:
    async def scenario() -> None:
        feed = FeedSource()
        restore = TaskRestore(checkpoint_id=1)
        if known:
            restore.operators[operator_id(0)].SetInParent()
        harness = Harness(SourceSpec(feed), outputs=1, restore=restore)
        harness.task.start()
        await until(lambda: "RUNNING" in harness.state_names)
        assert feed.restored == restored
        await _end(harness)

    asyncio.run(scenario())


def test_what_came_behind_a_barrier_waits_for_the_other_channels() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=3)
        gate = harness.gate
        arriving: list[tuple[Element, int]] = [
            (RecordBatch(["a0"]), 0),
            (barrier(1), 0),
            (RecordBatch(["a1"]), 0),
            (RecordBatch(["b0"]), 1),
            (barrier(1), 1),
            (RecordBatch(["b1"]), 1),
            (RecordBatch(["c0"]), 2),
        ]
        for element, channel in arriving:
            gate.put(element, channel)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values == ["a0", "b0", "c0"])
        assert harness.acknowledgements == []
        gate.put(barrier(1), 2)
        await until(lambda: len(harness.writers[0].values) == 5)
        assert _flat(harness.writers[0]) == ["a0", "b0", "c0", "barrier 1", "a1", "b1"]
        await until(lambda: harness.acknowledgements)
        assert items(harness.acknowledgements[0]) == ["a0", "b0", "c0"]
        await _end(harness)

    asyncio.run(scenario())


def test_at_least_once_holds_nobody_back() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2)
        mark = barrier(1, alignment="AT_LEAST_ONCE")
        arriving: list[tuple[Element, int]] = [
            (mark, 0),
            (RecordBatch(["a"]), 0),
            (RecordBatch(["b"]), 1),
            (mark, 1),
        ]
        for element, channel in arriving:
            harness.gate.put(element, channel)
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        assert _flat(harness.writers[0]) == ["a", "b", "barrier 1"]
        assert items(harness.acknowledgements[0]) == ["a", "b"]
        await _end(harness)

    asyncio.run(scenario())


def test_both_inputs_are_aligned_together() -> None:
    async def scenario() -> None:
        harness = Harness(CoMapSpec(RememberingBoth()), outputs=1, channels=2, second=[1])
        arriving: list[tuple[Element, int]] = [
            (RecordBatch(["left"]), 0),
            (barrier(1), 0),
            (RecordBatch(["late"]), 0),
            (RecordBatch(["right"]), 1),
            (barrier(1), 1),
        ]
        for element, channel in arriving:
            harness.gate.put(element, channel)
        harness.task.start()
        await until(lambda: len(harness.writers[0].values) == 3 if harness.writers else False)
        assert _flat(harness.writers[0]) == ["left", "right", "barrier 1", "late"]
        await until(lambda: harness.acknowledgements)
        assert items(harness.acknowledgements[0]) == [(1, "left"), (2, "right")]
        await _end(harness)

    asyncio.run(scenario())


def test_each_edge_of_a_tree_gets_the_barrier_behind_its_own_records() -> None:
    async def scenario() -> None:
        feed = FeedSource()
        harness = Harness(
            SourceSpec(feed),
            ProcessSpec(Sorting()),
            MapSpec(lambda x: -x),
            edges=[(0, ""), (1, ""), (1, "odd"), (1, "nobody puts anything here"), (2, "")],
        )
        harness.task.start()
        feed.give([1, 2, 3, 4])
        await until(lambda: len(harness.writers) == 5 and harness.writers[4].values == [-2, -4])
        harness.task.trigger_checkpoint(1, options())
        feed.give([5, 6])
        await until(lambda: harness.writers[4].values == [-2, -4, -6])
        await until(lambda: harness.acknowledgements)
        assert [_flat(writer) for writer in harness.writers] == [
            [1, 2, 3, 4, "barrier 1", 5, 6],
            [2, 4, "barrier 1", 6],
            [1, 3, "barrier 1", 5],
            ["barrier 1"],
            [-2, -4, "barrier 1", -6],
        ]
        await _end(harness)

    asyncio.run(scenario())


def test_a_batch_is_not_cut_by_a_barrier() -> None:
    """The results of one record may fill the room downstream; the barrier comes behind all of them."""

    async def scenario() -> None:
        feed = FeedSource()
        harness = Harness(SourceSpec(feed), FlatMapSpec(_many), ProcessSpec(Remembering()), outputs=1, capacity=1)
        harness.task.start()
        feed.give([1])
        await until(lambda: harness.writers and harness.writers[0].waited)
        harness.task.trigger_checkpoint(1, options())
        while len(harness.writers[0].values) < 20_000:
            harness.writers[0].take()
            await asyncio.sleep(0)
        harness.writers[0].take()
        await until(lambda: harness.acknowledgements)
        flat = _flat(harness.writers[0])
        assert flat[-1] == "barrier 1"
        assert len(items(harness.acknowledgements[0], 2)) == 20_000
        await _end(harness)

    asyncio.run(scenario())


def _many(number: int) -> Any:
    yield from range(20_000)


def test_channels_that_ended_owe_no_barrier() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2)
        harness.gate.put(RecordBatch(["a"]), 0)
        harness.gate.put(EndOfPartition(), 0)
        harness.gate.put(RecordBatch(["b"]), 1)
        harness.gate.put(barrier(1), 1)
        harness.gate.put(barrier(2), 1)
        harness.task.start()
        await until(lambda: len(harness.acknowledgements) == 2)
        assert [items(each) for each in harness.acknowledgements] == [["a", "b"]] * 2
        await _end(harness)

    asyncio.run(scenario())


def test_the_end_of_a_channel_may_complete_an_alignment() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2)
        harness.gate.put(barrier(1), 0)
        harness.gate.put(RecordBatch(["late"]), 0)
        harness.gate.put(RecordBatch(["b"]), 1)
        harness.gate.put(EndOfPartition(), 1)
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        assert items(harness.acknowledgements[0]) == ["b"]
        await until(lambda: harness.writers[0].values == ["b", "late"])
        await _end(harness)

    asyncio.run(scenario())


def test_a_newer_barrier_declines_an_older_checkpoint() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2)
        harness.gate.put(barrier(1), 0)
        harness.gate.put(RecordBatch(["a"]), 0)
        harness.gate.put(barrier(2), 1)
        harness.gate.put(barrier(2), 0)
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        (declined,) = harness.declines
        assert declined.checkpoint_id == 1
        assert "checkpoint 2" in declined.failure.message
        assert declined.failure.task_name == "chain (2/2)"
        assert _flat(harness.writers[0]) == ["a", "barrier 2"]
        await _end(harness)

    asyncio.run(scenario())


def test_an_aborted_checkpoint_lets_its_channels_go() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2)
        harness.gate.put(barrier(1), 0)
        harness.gate.put(RecordBatch(["a"]), 0)
        harness.task.start()
        await until(lambda: harness.gate.blocked)
        harness.task.notify_checkpoint(1, False)
        await until(lambda: harness.writers[0].values == ["a"])
        harness.gate.put(barrier(1), 1)
        harness.gate.put(RecordBatch(["b"]), 1)
        await until(lambda: harness.writers[0].values == ["a", "b"])
        assert TOLD == [("aborted", 1)]
        assert not harness.acknowledgements
        await _end(harness)

    asyncio.run(scenario())


def _failure_of(harness: Harness) -> FailureInfo:
    (declined,) = harness.declines
    assert declined.attempt_id == "attempt"
    return declined.failure


def test_a_function_that_cannot_be_snapshotted_declines_the_checkpoint_and_the_task_goes_on() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering(failing="snapshot_state")), outputs=1, channels=1)
        harness.gate.put(barrier(1))
        harness.gate.put(RecordBatch(["a"]))
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        failure = _failure_of(harness)
        assert (failure.kind, failure.exception_type, failure.operator_name) == (USER_CODE, "LookupError", "op0")
        assert failure.user_file.endswith("checkpoints.py")
        assert _flat(harness.writers[0]) == ["a"]
        await _end(harness)

    asyncio.run(scenario())


def test_a_value_that_cannot_be_pickled_declines_the_checkpoint() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([], endless=True)), ProcessSpec(Remembering()), SinkFunctionSpec(lambda _: None)
        )
        harness.task.start()
        await until(lambda: "RUNNING" in harness.state_names)
        harness.task._chain.nodes[0].operator._function.target.poison = Unpicklable()  # type: ignore[attr-defined]
        harness.task.trigger_checkpoint(1, options())
        await until(lambda: harness.declines)
        failure = _failure_of(harness)
        assert failure.operator_name == "op1"
        assert "not me" in failure.message
        await _end(harness)

    asyncio.run(scenario())


def test_a_storage_that_fails_declines_the_checkpoint_and_the_next_one_may_succeed() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=1)
        harness.storage.error = OSError("the disk is full")
        harness.gate.put(barrier(1))
        harness.task.start()
        await until(lambda: harness.declines)
        failure = _failure_of(harness)
        assert (failure.kind, failure.operator_name) == (ENGINE, "op0")
        assert "the disk is full" in failure.message
        assert "checkpoint 1" in failure.message
        harness.storage.error = None
        harness.gate.put(barrier(2))
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].checkpoint_id == 2
        await _end(harness)

    asyncio.run(scenario())


def test_an_aborted_checkpoint_is_written_no_further() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=1)
        harness.storage.go_on.clear()
        harness.gate.put(barrier(1))
        harness.task.start()
        await until(lambda: harness.storage.made and harness.storage.made[0].writing.is_set())
        harness.gate.put(RecordBatch(["a"]))
        await until(lambda: harness.writers[0].values == ["a"])  # records flow while it is written
        harness.task.notify_checkpoint(1, False)
        await until(lambda: harness.storage.made[0].aborted)
        harness.storage.go_on.set()
        harness.gate.put(barrier(2))
        await until(lambda: harness.acknowledgements)
        assert [each.checkpoint_id for each in harness.acknowledgements] == [2]
        assert harness.declines == []
        await _end(harness)

    asyncio.run(scenario())


@pytest.mark.parametrize("stage", ["restoring", "aligning", "writing", "held", "final", "closing"])
def test_a_task_that_is_cancelled_leaves_nothing_behind(stage: str) -> None:
    async def scenario() -> None:
        handle = OperatorStateHandle(name="n", mode="SPLIT")
        restore = TaskRestore(checkpoint_id=1, operators={operator_id(0): OperatorSubtaskState(operator=[handle])})
        harness = Harness(
            ProcessSpec(Remembering()),
            outputs=1,
            channels=2,
            consumed=False,
            configuration=CHECKPOINTED if stage == "final" else None,
            restore=restore if stage == "restoring" else None,
        )
        if stage in ("restoring", "writing"):
            harness.storage.go_on.clear()
        if stage in ("final", "closing"):
            harness.gate.end()
        elif stage != "restoring":
            kind = "STOP" if stage == "held" else "CHECKPOINT"
            harness.gate.put(barrier(1, kind), 0)
            if stage != "aligning":
                harness.gate.put(barrier(1, kind), 1)
        harness.task.start()
        reached = {
            "restoring": harness.storage.reading.is_set,
            "aligning": lambda: harness.gate.blocked,
            "writing": lambda: harness.storage.made and harness.storage.made[0].writing.is_set(),
            "held": lambda: harness.acknowledgements,
            "final": lambda: harness.ends_of_data,
            "closing": lambda: harness.writers and harness.writers[0].finished,
        }
        await until(reached[stage])
        harness.task.cancel()
        if stage == "restoring":
            await asyncio.sleep(0)
            harness.storage.go_on.set()
        await harness.ended()
        assert harness.state_names[-1] == "CANCELED"
        assert len(harness.acknowledgements) == (stage == "held")
        assert harness.declines == []
        assert stage == "held" or all(each.aborted for each in harness.storage.made)

    asyncio.run(scenario())


def test_notices_are_passed_on_in_order_and_once() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=1)
        harness.task.start()
        await until(lambda: "RUNNING" in harness.state_names)
        for number, completed in [(1, True), (1, True), (3, True), (2, True), (2, False), (4, False), (4, False)]:
            harness.task.notify_checkpoint(number, completed)
        harness.gate.put(RecordBatch(["a"]))
        await until(lambda: harness.writers[0].values == ["a"])
        assert TOLD == [("complete", 1), ("complete", 3), ("aborted", 4)]
        await _end(harness)

    asyncio.run(scenario())


def test_a_listener_that_raises_fails_the_task() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering(failing="notify_checkpoint_complete")), outputs=1, channels=1)
        harness.task.start()
        await until(lambda: "RUNNING" in harness.state_names)
        harness.task.notify_checkpoint(1, True)
        end = await harness.ended()
        assert end.state == "FAILED"
        assert (end.failure.operator_name, end.failure.phase) == ("op0", "notify_checkpoint_complete")

    asyncio.run(scenario())


def test_state_that_cannot_be_read_fails_the_task() -> None:
    async def scenario() -> None:
        first = Harness(ProcessSpec(Remembering()), outputs=1, channels=1)
        first.gate.put(RecordBatch(["a"]))
        first.gate.put(barrier(4))
        first.task.start()
        await until(lambda: first.acknowledgements)
        await _end(first)
        restore = TaskRestore(checkpoint_id=4, operators=first.acknowledgements[0].snapshot.operators)
        restore.operators[operator_id(0)].operator[0].bytes.crc32 ^= 1
        second = Harness(ProcessSpec(Remembering()), outputs=1, channels=1, restore=restore)
        end = await second.run()
        assert end.state == "FAILED"
        assert end.failure.operator_name == "op0"
        assert "op0" in end.failure.message
        assert "checkpoint 4" in end.failure.message

    asyncio.run(scenario())


def test_a_trigger_that_comes_too_late_is_declined() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=1, consumed=False)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].finished)
        harness.task.trigger_checkpoint(1, options())
        assert "has ended" in _failure_of(harness).message
        harness.writers[0].consumed.set()
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_a_task_that_waits_for_room_is_checkpointed_when_there_is_some() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(FeedSource([[1], [2]])), MapSpec(lambda x: x), outputs=1, capacity=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].waited)
        harness.task.trigger_checkpoint(1, options())
        harness.writers[0].take()
        await until(lambda: harness.acknowledgements)
        assert _flat(harness.writers[0])[:2] == [1, "barrier 1"]
        await _end(harness)

    asyncio.run(scenario())


def test_a_checkpoint_that_is_given_up_before_the_task_comes_to_it_is_not_begun() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(FeedSource([[1], [2]])), ProcessSpec(Remembering()), outputs=1, capacity=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].waited)
        harness.task.trigger_checkpoint(1, options())
        harness.task.trigger_checkpoint(2, options())
        harness.task.notify_checkpoint(1, False)
        harness.writers[0].take()
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].checkpoint_id == 2
        assert _flat(harness.writers[0])[:2] == [1, "barrier 2"]
        await _end(harness)

    asyncio.run(scenario())


# ---------------------------------------------------------------- against a naive model


@st.composite
def _channels(draw: st.DrawFn) -> list[list[Any]]:
    """What each channel brings: records, barriers 1 to 3 in order, and perhaps an early end."""
    contents: list[list[Any]] = []
    for channel in range(draw(st.integers(1, 4))):
        content: list[Any] = []
        for number in range(1, 4):
            for _ in range(draw(st.integers(0, 3))):
                content.append(("record", f"{channel}/{number}/{len(content)}"))
            content.append(("barrier", number))
        cut = draw(st.integers(0, len(content) * 2))
        contents.append(content[:cut] if channel else content)
    return contents


@settings(max_examples=60, deadline=None)
@given(_channels(), st.randoms(use_true_random=False), st.booleans())
def test_snapshots_hold_what_came_before_the_barriers(contents: list[list[Any]], random: Any, aligned: bool) -> None:
    alignment = "ALIGNED" if aligned else "AT_LEAST_ONCE"

    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=len(contents))
        left = [list(content) for content in contents]
        harness.task.start()
        while any(left):
            channel = random.choice([index for index, content in enumerate(left) if content])
            kind, what = left[channel].pop(0)
            harness.gate.put(barrier(what, alignment=alignment) if kind == "barrier" else RecordBatch([what]), channel)
            if not left[channel] and ("barrier", 3) not in contents[channel]:
                harness.gate.put(EndOfPartition(), channel)
            if random.random() < 0.3:
                await asyncio.sleep(0)
        for channel, content in enumerate(contents):
            if not content:
                harness.gate.put(EndOfPartition(), channel)
        await until(lambda: len(harness.acknowledgements) == 3)
        for acknowledgement in harness.acknowledgements:
            number = acknowledgement.checkpoint_id
            expected: set[str] = set()
            for content in contents:
                end = content.index(("barrier", number)) if ("barrier", number) in content else len(content)
                expected |= {what for kind, what in content[:end] if kind == "record"}
            found = items(acknowledgement)
            assert len(found) == len(set(found))
            assert set(found) == expected if aligned else set(found) >= expected
        assert harness.declines == []
        await _end(harness)

    asyncio.run(scenario())
