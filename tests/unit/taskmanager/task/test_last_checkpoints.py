"""Checkpoints when a task ends, is stopped or drained: what it waits for, and what it still gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from millstream.common.graph.operator_spec import (
    ProcessSpec,
    SourceSpec,
)
from millstream.common.key_groups import KeyGroupRange, key_group
from millstream.common.records import CheckpointBarrier, EndOfData, EndOfPartition, RecordBatch
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from tests.unit.taskmanager.task.checkpoints import (
    CHECKPOINTED,
    TOLD,
    Alarming,
    Remembering,
    barrier,
    items,
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


def _finishing(harness: Harness) -> Callable[[], bool]:
    return lambda: bool(harness.ends_of_data)


def test_a_source_that_has_given_everything_waits_for_a_last_checkpoint() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[1, 2]])), ProcessSpec(Remembering()), outputs=1, configuration=CHECKPOINTED
        )
        harness.task.start()
        await until(_finishing(harness))
        writer = harness.writers[0]
        assert writer.markers[-1] == EndOfData(drain=True)
        assert not writer.finished
        harness.task.trigger_checkpoint(5, options())
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].snapshot.finished
        assert items(harness.acknowledgements[0], 1) == [1, 2]
        assert _flat(writer) == [1, 2, "barrier 5"]
        harness.task.notify_checkpoint(4, True)
        harness.task.notify_checkpoint(5, True)
        assert (await harness.ended()).state == "FINISHED"
        assert writer.finished
        assert ("complete", 5) in TOLD

    asyncio.run(scenario())


def test_a_task_with_inputs_takes_its_last_checkpoint_behind_the_end_of_the_data() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2, configuration=CHECKPOINTED)
        gate = harness.gate
        gate.put(RecordBatch(["a"]), 0)
        gate.put(EndOfData(), 0)
        gate.put(barrier(1), 0)
        gate.put(RecordBatch(["b"]), 1)
        gate.put(barrier(1), 1)
        gate.put(EndOfData(), 1)
        harness.task.start()
        await until(_finishing(harness))
        await until(lambda: harness.acknowledgements)
        assert not harness.acknowledgements[0].snapshot.finished
        harness.task.notify_checkpoint(1, True)
        gate.put(barrier(2), 0)
        gate.put(barrier(2), 1)
        await until(lambda: len(harness.acknowledgements) == 2)
        assert harness.acknowledgements[1].snapshot.finished
        gate.end()
        await until(gate.is_finished)
        assert not harness.writers[0].finished
        harness.task.notify_checkpoint(2, True)
        assert (await harness.ended()).state == "FINISHED"
        assert harness.writers[0].log[-1] == "finish"
        assert gate.is_finished()

    asyncio.run(scenario())


def test_a_task_all_of_whose_producers_are_gone_is_triggered_like_a_source() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=1, configuration=CHECKPOINTED)
        harness.gate.put(RecordBatch(["a"]))
        harness.gate.end()
        harness.task.start()
        await until(_finishing(harness))
        harness.task.trigger_checkpoint(1, options())
        await until(lambda: harness.acknowledgements)
        assert items(harness.acknowledgements[0]) == ["a"]
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_who_is_asked_again_when_all_is_final_has_nothing_to_add() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=1, consumed=False, configuration=CHECKPOINTED)
        harness.task.start()
        await until(_finishing(harness))
        harness.task.trigger_checkpoint(1, options())
        await until(lambda: harness.acknowledgements)
        harness.task.notify_checkpoint(1, True)
        await until(lambda: harness.writers[0].finished)
        harness.task.trigger_checkpoint(2, options())
        assert harness.acknowledgements[1].snapshot.finished
        assert not harness.acknowledgements[1].snapshot.operators
        harness.writers[0].consumed.set()
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_checkpoints_after_the_end_may_be_switched_off() -> None:
    async def scenario() -> None:
        configuration = {**CHECKPOINTED, "execution.checkpointing.checkpoints-after-tasks-finish": "false"}
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=1, configuration=configuration)
        assert (await harness.run()).state == "FINISHED"
        assert harness.ends_of_data == []

    asyncio.run(scenario())


def test_a_restored_task_that_had_finished_ends_at_once() -> None:
    async def scenario() -> None:
        feed = FeedSource()
        restore = TaskRestore(checkpoint_id=3, finished=True)
        harness = Harness(SourceSpec(feed), outputs=1, restore=restore, configuration=CHECKPOINTED)
        harness.task.start()
        await until(_finishing(harness))
        assert feed.polled == 0
        harness.task.trigger_checkpoint(4, options())
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].snapshot.finished
        harness.task.notify_checkpoint(4, True)
        assert (await harness.ended()).state == "FINISHED"
        assert harness.writers[0].values == []

    asyncio.run(scenario())


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_source_stops_at_the_savepoint_or_reads_on_if_it_fails(succeeds: bool) -> None:
    async def scenario() -> None:
        feed = FeedSource([[1]])
        harness = Harness(SourceSpec(feed), ProcessSpec(Remembering()), outputs=1, configuration=CHECKPOINTED)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values == [1])
        harness.task.trigger_checkpoint(1, options("STOP"))
        await until(lambda: harness.acknowledgements)
        assert not harness.acknowledgements[0].snapshot.finished
        polled = feed.polled
        feed.give([2])
        harness.task.notify_checkpoint(1, succeeds)
        if succeeds:
            assert (await harness.ended()).state == "FINISHED"
            assert feed.polled == polled
            assert harness.writers[0].markers == [barrier(1, "STOP"), EndOfData(drain=False)]
            assert harness.ends_of_data == []
        else:
            await until(lambda: harness.writers[0].values == [1, 2])
            await _end(harness)

    asyncio.run(scenario())


def test_a_stopped_task_makes_no_last_watermark_and_waits_for_its_notice() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=2, configuration=CHECKPOINTED)
        gate = harness.gate
        for channel in range(2):
            gate.put(RecordBatch([channel]), channel)
            gate.put(barrier(1, "STOP"), channel)
        for channel in range(2):
            gate.put(EndOfData(drain=False), channel)
            gate.put(EndOfPartition(), channel)
        harness.task.start()
        await until(gate.is_finished)
        await until(lambda: harness.acknowledgements)
        assert not harness.writers[0].finished
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"
        assert harness.writers[0].markers == [barrier(1, "STOP"), EndOfData(drain=False)]
        assert TOLD == [("complete", 1)]

    asyncio.run(scenario())


def test_a_drained_source_ends_before_the_savepoint() -> None:
    async def scenario() -> None:
        feed = FeedSource([[1]])
        harness = Harness(SourceSpec(feed), ProcessSpec(Remembering()), outputs=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values == [1])
        harness.task.trigger_checkpoint(1, options("DRAIN"))
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].snapshot.finished
        assert harness.writers[0].markers[-2:] == [EndOfData(drain=True), barrier(1, "DRAIN")]
        assert not harness.writers[0].finished
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_a_drained_task_with_inputs_waits_for_the_savepoint() -> None:
    async def scenario() -> None:
        harness = Harness(ProcessSpec(Remembering()), outputs=1, channels=1)
        harness.gate.put(EndOfData())
        harness.gate.put(barrier(1, "DRAIN"))
        harness.task.start()
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].snapshot.finished
        harness.gate.end()
        await until(harness.gate.is_finished)
        assert not harness.writers[0].finished
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_timers_wait_while_the_job_may_be_about_to_stop() -> None:
    first, second = [key for key in "abcdefgh" if key_group(key, 128) in KeyGroupRange.of_subtask(128, 2, 1)][:2]

    async def scenario() -> None:
        harness = Harness(ProcessSpec(Alarming(), lambda value: value), outputs=1, channels=1)
        harness.task.start()
        harness.gate.put(RecordBatch([first]))
        harness.gate.put(barrier(1, "STOP"))
        await until(lambda: harness.acknowledgements or harness.declines)
        assert harness.declines == []
        harness.clock.advance(10)
        loop = harness.task._loop
        await until(lambda: loop._ringing)
        assert not loop.alarms_ring
        harness.gate.put(RecordBatch([second]))  # those before it were told already that the job goes on
        await until(lambda: second in harness.writers[0].values)
        assert harness.writers[0].values == [first, second]
        harness.task.notify_checkpoint(1, False)
        await until(lambda: f"timer of {first}" in harness.writers[0].values)
        await _end(harness)

    asyncio.run(scenario())
