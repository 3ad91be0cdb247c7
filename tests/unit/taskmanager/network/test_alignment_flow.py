"""Blocked channels and flow control: whoever is awaited always gets through, however much waits behind the barrier."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from millstream.common.records import CheckpointBarrier, EndOfPartition, RecordBatch
from tests.unit.taskmanager.network.network_job import SECRET, Slot, next_element, produce, run, within

_FEW = {
    "taskmanager.memory.segment-size": "4kb",
    "taskmanager.network.memory.buffers-per-channel": "1",
    "taskmanager.network.memory.floating-buffers-per-gate": "1",
}
_BARRIER = CheckpointBarrier(1, 0)


def _batches(producer: int, first: int, count: int, size: int) -> list[Any]:
    return [RecordBatch([(producer, number, "x" * size)]) for number in range(first, first + count)]


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("size", [10, 20_000])
def test_an_alignment_ends_though_the_channels_that_wait_are_full(local: bool, size: int) -> None:
    """Channel 0 is blocked at once and has far more behind its barrier than there are buffers; so have the others,
    before theirs. A record may need several buffers."""

    async def scenario() -> None:
        async with Slot("a", SECRET, **_FEW) as first, Slot("b", SECRET, **_FEW) as second:
            consumer = first if local else second
            producers = [first, first, first]
            writers = [first.writer([consumer], producer=index) for index in range(3)]
            gate = consumer.gate(producers)
            contents = [
                [*_batches(0, 0, 3, size), _BARRIER, *_batches(0, 3, 300, size)],
                [*_batches(1, 0, 200, size), _BARRIER, *_batches(1, 200, 100, size)],
                [*_batches(2, 0, 300, size), _BARRIER],
            ]
            producing = [
                asyncio.ensure_future(produce(writer, content))
                for writer, content in zip(writers, contents, strict=True)
            ]
            before: list[list[int]] = [[], [], []]
            after: list[list[int]] = [[], [], []]
            aligned: set[int] = set()
            while not gate.is_finished():
                channel, element = await within(next_element(gate))
                if isinstance(element, CheckpointBarrier):
                    aligned.add(channel)
                    gate.block(channel)
                    if len(aligned) == 3:
                        gate.unblock_all()
                elif isinstance(element, RecordBatch):
                    assert channel not in aligned or len(aligned) == 3
                    (after if channel in aligned else before)[channel].extend(value[1] for value in element.values)
                else:
                    assert isinstance(element, EndOfPartition)
            await within(asyncio.gather(*producing))
            gate.close()
            assert before == [list(range(3)), list(range(200)), list(range(300))]
            assert after == [list(range(3, 303)), list(range(200, 300)), []]

    run(scenario())
