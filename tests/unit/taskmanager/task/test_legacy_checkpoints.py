"""Checkpoints of sources that are written as a loop: exactly what was emitted under the lock is in the snapshot."""

from __future__ import annotations

import asyncio
import threading
import time
from _thread import RLock
from typing import Any

import pytest

from millstream.common.graph.operator_spec import LegacySourceSpec, ProcessSpec
from millstream.common.records import CheckpointBarrier, EndOfData, RecordBatch
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.taskmanager.task.checkpoint_lock import CheckpointLock
from tests.unit.taskmanager.task.checkpoints import (
    CHECKPOINTED,
    Counting,
    CountingSource,
    RestingSource,
    barrier,
    items,
    options,
)
from tests.unit.taskmanager.task.support import Harness, until

_MANY = 10_000_000


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CountingSource.told.clear()


async def _checkpoint(harness: Harness, number: int) -> None:
    harness.task.trigger_checkpoint(number, options())
    await until(lambda: any(each.checkpoint_id == number for each in harness.acknowledgements))


@pytest.mark.parametrize("step", [1, 7, 20_000])
def test_a_snapshot_falls_between_two_turns_with_the_lock(step: int) -> None:
    """Also when the source holds it nearly always, and emits more in a turn than the buffer holds."""

    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(CountingSource(_MANY, step)), ProcessSpec(Counting()), outputs=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        for number in (1, 2, 3):
            await _checkpoint(harness, number)
            harness.task.notify_checkpoint(number, number != 2)
        await until(lambda: len(CountingSource.told) == 3)
        harness.task.cancel()
        await harness.ended()
        emitted = 0
        positions: list[int] = []
        for element in harness.writers[0].elements:
            if isinstance(element, RecordBatch):
                emitted += len(element)
            elif isinstance(element, CheckpointBarrier):
                positions.append(emitted)
        for acknowledgement, position in zip(harness.acknowledgements, positions, strict=True):
            (following,) = items(acknowledgement, 0)
            assert following == position
            assert following % step == 0
            assert items(acknowledgement, 1) == [following]
        assert harness.writers[0].values == list(range(emitted))
        assert CountingSource.told == [("complete", 1, True), ("aborted", 2, True), ("complete", 3, True)]

    asyncio.run(scenario())


def test_a_source_goes_on_from_where_it_was() -> None:
    async def scenario() -> None:
        first = Harness(LegacySourceSpec(CountingSource(_MANY)), outputs=1)
        first.task.start()
        await until(lambda: first.writers and first.writers[0].values)
        await _checkpoint(first, 1)
        first.task.cancel()
        await first.ended()
        snapshot = first.acknowledgements[0].snapshot
        (following,) = items(first.acknowledgements[0], 0)
        second = Harness(
            LegacySourceSpec(CountingSource(following + 10)),
            outputs=1,
            restore=TaskRestore(checkpoint_id=1, operators=snapshot.operators),
        )
        assert (await second.run()).state == "FINISHED"
        assert second.writers[0].values == list(range(following, following + 10))

    asyncio.run(scenario())


def test_a_source_that_has_returned_takes_its_last_checkpoint() -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(CountingSource(5)), outputs=1, configuration=CHECKPOINTED)
        harness.task.start()
        await until(lambda: harness.ends_of_data)
        await _checkpoint(harness, 1)
        assert harness.acknowledgements[0].snapshot.finished
        assert items(harness.acknowledgements[0], 0) == [5]
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


@pytest.mark.parametrize("succeeds", [True, False])
@pytest.mark.parametrize("step", [1, 20_000])
def test_a_source_stops_at_the_savepoint_or_reads_on_if_it_fails(succeeds: bool, step: int) -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(CountingSource(_MANY, step)), outputs=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        harness.task.trigger_checkpoint(1, options("STOP"))
        await until(lambda: harness.acknowledgements)
        (following,) = items(harness.acknowledgements[0], 0)
        harness.task.notify_checkpoint(1, succeeds)
        if succeeds:
            assert (await harness.ended()).state == "FINISHED"
            assert harness.writers[0].values == list(range(following))
            assert harness.writers[0].markers == [barrier(1, "STOP"), EndOfData(drain=False)]
        else:
            await until(lambda: len(harness.writers[0].values) > following + 1000)
            harness.task.cancel()
            await harness.ended()
            values = harness.writers[0].values
            assert values == list(range(len(values)))

    asyncio.run(scenario())


def test_a_drained_source_gives_all_that_it_has_emitted() -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(CountingSource(_MANY)), outputs=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        harness.task.trigger_checkpoint(1, options("DRAIN"))
        await until(lambda: harness.acknowledgements)
        assert harness.acknowledgements[0].snapshot.finished
        values = harness.writers[0].values
        assert values == list(range(len(values)))
        assert harness.writers[0].markers[-2:] == [EndOfData(), barrier(1, "DRAIN")]
        harness.task.notify_checkpoint(1, True)
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_a_task_is_cancelled_while_its_source_stands_still() -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(CountingSource(_MANY)), outputs=1, capacity=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].waited)
        harness.task.trigger_checkpoint(1, options())
        await asyncio.sleep(0)
        harness.task.cancel()
        began = time.monotonic()
        await harness.ended()
        assert time.monotonic() - began < 5
        assert not [each for each in threading.enumerate() if each.name.startswith("source op0")]

    asyncio.run(scenario())


# ---------------------------------------------------------------- the lock


def test_a_lock_that_nobody_wants_is_an_ordinary_lock() -> None:
    told: list[str] = []
    lock = CheckpointLock(lambda: told.append("stands"))
    with lock, lock:
        pass
    lock.acquire()
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()
    assert type(lock).__enter__ is RLock.__enter__  # records pay for nothing else
    assert told == []


@pytest.mark.parametrize("acquire", [False, True])
def test_who_would_take_a_wanted_lock_waits_until_it_is_handed_back(acquire: bool) -> None:
    standing = threading.Event()
    lock = CheckpointLock(standing.set)
    order: list[Any] = []
    inside = threading.Event()
    leave = threading.Event()

    def run() -> None:
        with lock:
            inside.set()
            leave.wait(10)
            with lock:
                order.append("again, while it has it")
        if acquire:
            lock.acquire()
        else:
            lock.__enter__()
        order.append("goes on")
        lock.release()

    thread = threading.Thread(target=run)
    thread.start()
    inside.wait(10)
    assert not lock.claim()
    leave.set()
    assert standing.wait(10)
    assert lock.claim()
    assert order == ["again, while it has it"]
    with lock:
        pass  # the claimant's own code may use it
    lock.hand_back()
    thread.join(10)
    assert order == ["again, while it has it", "goes on"]


def test_a_source_that_rests_outside_of_the_lock_is_snapshotted_meanwhile() -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(RestingSource()), outputs=1)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        await _checkpoint(harness, 1)
        RestingSource.rest.set()
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())
