"""Unaligned checkpoints of a task on real channels: what it has seen, and what is kept of what it has not, is all that
came before the barriers, once and in order; whatever is slow, and wherever barriers come.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Sequence
from typing import Any

import cloudpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import MapSpec, PartitionerSpec, ProcessSpec
from millstream.common.key_groups import KeyGroupRange, key_group
from millstream.common.records import CheckpointBarrier, EndOfData, RecordBatch, Watermark
from millstream.common.wire.checkpoint_pb2 import ChannelStateHandle, CheckpointOptions, StateBytes, TaskRestore
from millstream.common.wire.graph_pb2 import (
    InputChannelDeployment,
    InputGateDeployment,
    JobEdge,
    JobVertex,
    Partitioner,
    TaskDeployment,
)
from millstream.datastream.functions import ListCheckpointed, MapFunction
from millstream.taskmanager.exchange import InputGate, ResultWriter, UnderWay
from millstream.taskmanager.network.channel_replay import ChannelReplay
from millstream.taskmanager.network.element_codec import encode_elements
from tests.unit.taskmanager.network.network_job import SECRET, Slot
from tests.unit.taskmanager.task.checkpoints import Remembering, Unpicklable, items
from tests.unit.taskmanager.task.support import Harness, until

_FEW = {
    "taskmanager.memory.segment-size": "1kb",
    "taskmanager.network.memory.buffers-per-channel": "1",
    "taskmanager.network.memory.floating-buffers-per-gate": "0",
}
_PRODUCERS = 3
_LIMIT_S = 20.0


class RememberingMap(MapFunction, ListCheckpointed):
    """The same as a function whose batches may be interrupted."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def map(self, value: Any) -> Any:
        self.seen.append(value)
        return value

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
        return list(self.seen)

    def restore_state(self, state: list[Any]) -> None:
        self.seen = list(state)


class WiredHarness(Harness):
    """A task whose inputs are real."""

    def __init__(
        self, slot: Slot, producers: Sequence[Slot], *specs: Any, attempt: str = "attempt", **more: Any
    ) -> None:
        self.slot = slot
        channels = [
            InputChannelDeployment(
                producer_attempt_id=f"{attempt}-{index}",
                subpartition=0,
                producer_allocation_id=producer.name,
                host="127.0.0.1",
                port=producer.port,
                producer_subtask=index,
            )
            for index, producer in enumerate(producers)
        ]
        edge = JobEdge(edge_id="edge", partitioner=Partitioner(kind="REBALANCE"))
        self.inputs = TaskDeployment(inputs=[InputGateDeployment(edge=edge, channels=channels)], subtask_index=1)
        super().__init__(*specs, channels=len(producers), **more)

    def create_input_gate(self, task: Any) -> InputGate:  # type: ignore[override]  # the real one
        return self.slot.environment.create_input_gate(self.inputs)

    def create_replay(self, task: Any) -> ChannelReplay:
        return self.slot.environment.create_replay(self.inputs)


def _barrier(alignment: str, timeout_ms: int = 0) -> CheckpointBarrier:
    options = CheckpointOptions(kind="CHECKPOINT", alignment=alignment, aligned_timeout_ms=timeout_ms)
    return CheckpointBarrier(1, 1234, options.SerializeToString(deterministic=True))


async def _produce(
    writer: ResultWriter, producer: int, source: random.Random, barrier: CheckpointBarrier, kept: list[UnderWay]
) -> list[Any]:
    """Send batches and, somewhere, the barrier; return what came before it."""
    sent: list[Any] = []
    before: list[Any] = []
    count = source.randrange(1, 40)
    at = source.randrange(count)
    overtakes = b"UNALIGNED" in barrier.options
    for turn in range(count):
        if turn == at:
            before = list(sent)
            if overtakes:
                kept.extend(writer.overtake(barrier))
            else:
                writer.announce(barrier)
        elif source.random() < 0.7 and not writer.has_room and turn < at:
            await asyncio.sleep(0)
        size = source.choice([3, 3, 3000])
        batch = [(producer, len(sent) + index, "x" * size) for index in range(source.randrange(1, 20))]
        sent.extend(batch)
        writer.emit(RecordBatch(list(batch)))
        if source.random() < 0.3:
            writer.flush()
        for _ in range(source.choice([0, 0, 1, 5])):
            await asyncio.sleep(0)
    if not overtakes:
        for _ in range(source.choice([0, 3, 30])):
            await asyncio.sleep(0.001)
        kept.extend(writer.expedite(1))
    writer.flush()
    return before


def _handles(kept: Sequence[UnderWay]) -> list[ChannelStateHandle]:
    handles = []
    for each in kept:
        data = b"".join(each.chunks)
        handles.append(
            ChannelStateHandle(
                edge_id=each.edge_id,
                producer_subtask=each.producer_subtask,
                consumer_subtask=1,
                overtaken_output=each.overtaken,
                bytes=StateBytes(inline=data, size=len(data), crc32=zlib.crc32(data)),
                length=len(data),
            )
        )
    return handles


def _by_producer(records: Sequence[Any]) -> list[list[Any]]:
    return [[record for record in records if record[0] == index] for index in range(_PRODUCERS)]


@pytest.mark.parametrize("sliced", [True, False])
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), timed=st.booleans())
def test_nothing_is_lost_or_repeated_by_a_restore(sliced: bool, seed: int, timed: bool) -> None:
    source = random.Random(seed)
    spec = (lambda: MapSpec(RememberingMap())) if sliced else (lambda: ProcessSpec(Remembering()))

    async def scenario() -> None:
        async with Slot("a", SECRET, **_FEW) as first, Slot("b", SECRET, **_FEW) as second:
            producers = [source.choice([first, second]) for _ in range(_PRODUCERS)]
            capacity = source.choice([1, 3, 1000])
            harness = WiredHarness(first, producers, spec(), outputs=1, capacity=capacity)
            writers = [slot.writer([first], kind="REBALANCE", producer=index) for index, slot in enumerate(producers)]
            barrier = _barrier("ALIGNED", source.choice([1, 5])) if timed else _barrier("UNALIGNED")
            kept: list[UnderWay] = []
            harness.task.start()
            await until(lambda: harness.state_names[-1:] == ["RUNNING"])
            sending = asyncio.gather(
                *(_produce(writer, index, source, barrier, kept) for index, writer in enumerate(writers))
            )
            # Nothing is taken from the task's output: with little room all stands still before the barriers come.
            if source.random() < 0.5:
                harness.writers[0].take()
            before = await sending
            if capacity == 1000:
                await until(lambda: harness.acknowledgements)
            else:  # in line, a barrier may be behind more than fits
                deadline = asyncio.get_running_loop().time() + _LIMIT_S
                while not harness.acknowledgements:
                    assert asyncio.get_running_loop().time() < deadline
                    if timed:
                        harness.writers[0].take()
                    await asyncio.sleep(0.001)
            assert harness.declines == []
            snapshot = harness.acknowledgements[0].snapshot
            for writer in writers:
                writer.fail("enough")
            harness.task.cancel()
            await harness.ended()
            assert not any(each.overtaken_output for each in snapshot.channels)

            restore = TaskRestore(checkpoint_id=1, operators=snapshot.operators)
            restore.channels.extend([*snapshot.channels, *_handles(kept)])
            again = WiredHarness(second, producers, spec(), outputs=1, restore=restore, attempt="next")
            seen = items(harness.acknowledgements[0])
            again.task.start()
            await until(lambda: again.state_names[-1:] not in ([], ["INITIALIZING"]))
            assert again.state_names[-1] == "RUNNING", again.end.failure
            replayed = again.writers[0].values
            again.task.cancel()
            await again.ended()
            assert _by_producer([*seen, *replayed]) == before

    asyncio.run(asyncio.wait_for(scenario(), _LIMIT_S * 2))


def _overtake(writer: ResultWriter, producer: int, records: int, kept: list[UnderWay]) -> list[Any]:
    before = [(producer, number, "x" * 3) for number in range(records)]
    writer.emit(RecordBatch(list(before)))
    kept.extend(writer.overtake(_barrier("UNALIGNED")))
    return before


@pytest.mark.parametrize("local", [True, False])
def test_a_task_without_room_takes_the_checkpoint_all_the_same(local: bool) -> None:
    async def scenario() -> None:
        async with Slot("a", SECRET, **_FEW) as first, Slot("b", SECRET, **_FEW) as second:
            producers = [first if local else second] * 2
            harness = WiredHarness(first, producers, MapSpec(RememberingMap()), outputs=1, capacity=1)
            writers = [slot.writer([first], kind="REBALANCE", producer=index) for index, slot in enumerate(producers)]
            harness.task.start()
            await until(lambda: harness.state_names[-1:] == ["RUNNING"])
            for writer in writers:
                writer.emit(RecordBatch([(0, number, "y" * 3) for number in range(200)]))
                writer.flush()
            await until(lambda: not harness.writers[0].has_room)
            kept: list[UnderWay] = []
            for index, writer in enumerate(writers):
                _overtake(writer, index, 500, kept)
            await until(lambda: harness.acknowledgements)
            given = harness.acknowledgements[0]
            assert given.metrics.unaligned
            assert given.metrics.bytes_persisted == sum(channel.length for channel in given.snapshot.channels)
            assert len(items(given)) < 1400
            assert not harness.writers[0].hurried
            harness.task.cancel()
            await harness.ended()
            for writer in writers:
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), _LIMIT_S))


def test_an_abort_frees_what_was_kept_and_the_next_checkpoint_is_whole() -> None:
    async def scenario() -> None:
        async with Slot("a", SECRET, **_FEW) as slot:
            harness = WiredHarness(slot, [slot, slot], ProcessSpec(Remembering()), outputs=1)
            writers = [slot.writer([slot], kind="REBALANCE", producer=index) for index in range(2)]
            harness.task.start()
            await until(lambda: harness.state_names[-1:] == ["RUNNING"])
            _overtake(writers[0], 0, 5, [])
            await until(lambda: harness.task._driver is not None and harness.task._checkpoints._running)
            harness.task.notify_checkpoint(1, False)
            await until(lambda: not harness.task._checkpoints._writers)
            assert harness.task._driver is not None
            assert harness.task._driver._input._running is None
            assert harness.acknowledgements == []
            _overtake(writers[1], 1, 5, [])  # means nothing any more
            options = CheckpointOptions(kind="CHECKPOINT", alignment="UNALIGNED")
            barrier = CheckpointBarrier(2, 1234, options.SerializeToString(deterministic=True))
            for writer in writers:
                writer.overtake(barrier)
            await until(lambda: harness.acknowledgements)
            assert harness.acknowledgements[0].checkpoint_id == 2
            harness.task.cancel()
            await harness.ended()
            for writer in writers:
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), _LIMIT_S))


def test_what_cannot_be_kept_declines_the_checkpoint_and_the_task_works_on() -> None:
    async def scenario() -> None:
        async with Slot("a", SECRET, **_FEW) as slot:
            harness = WiredHarness(slot, [slot, slot], MapSpec(str), outputs=1)
            writers = [slot.writer([slot], kind="REBALANCE", producer=index) for index in range(2)]
            harness.task.start()
            await until(lambda: harness.state_names[-1:] == ["RUNNING"])
            writers[0].overtake(_barrier("UNALIGNED"))
            await until(lambda: harness.task._checkpoints._running)
            writers[1].emit(RecordBatch([Unpicklable()]))  # comes before the other barrier, by way of the task
            writers[1].flush()
            await until(lambda: harness.writers[0].values)
            writers[1].overtake(_barrier("UNALIGNED"))
            await until(lambda: harness.declines)
            assert "Unpicklable" in harness.declines[0].failure.message
            writers[0].emit(RecordBatch([7]))
            writers[0].flush()
            await until(lambda: "7" in harness.writers[0].values)
            harness.task.cancel()
            await harness.ended()
            for writer in writers:
                writer.close()

    asyncio.run(asyncio.wait_for(scenario(), _LIMIT_S))


@settings(max_examples=15)
@given(values=st.lists(st.integers(0, 50), min_size=1, max_size=60), parallelism=st.integers(1, 5))
def test_each_record_under_way_is_given_to_the_one_who_owns_its_key_now(values: list[int], parallelism: int) -> None:
    async def scenario() -> None:
        async with Slot("a", SECRET) as slot:
            chunks = encode_elements([Watermark(5), RecordBatch([(value, "x") for value in values]), EndOfData()])
            data = b"".join(chunks)
            cut = len(data) // 2  # in the middle of the records
            owners: dict[int, int] = {}
            got: list[int] = []
            for index in range(parallelism):
                spec = cloudpickle.dumps(PartitionerSpec(lambda value: value[0]))
                edge = JobEdge(edge_id="e", target_input=1, partitioner=Partitioner(kind="HASH", spec=spec))
                gate = InputGateDeployment(edge=edge, channels=[InputChannelDeployment(producer_subtask=0)])
                vertex = JobVertex(parallelism=parallelism, max_parallelism=128)
                replay = slot.environment.create_replay(
                    TaskDeployment(vertex=vertex, subtask_index=index, inputs=[gate])
                )
                for overtaken, part in ((True, data[cut:]), (False, data[:cut])):
                    handle = ChannelStateHandle(
                        edge_id="e", producer_subtask=7, consumer_subtask=3, overtaken_output=overtaken, rescaled=True
                    )
                    replay.add(handle, part)
                for channel, element in replay:
                    assert channel == 0
                    assert isinstance(element, RecordBatch)
                    got += [value for value, _ in element.values]
                    assert all(owners.setdefault(value, index) == index for value, _ in element.values)
            assert sorted(got) == sorted(values)
            for value, owner in owners.items():
                assert key_group(value, 128) in KeyGroupRange.of_subtask(128, parallelism, owner)

    asyncio.run(scenario())
