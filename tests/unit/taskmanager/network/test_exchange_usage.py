"""How full gates and writers are: what the metrics of buffers are made of."""

from __future__ import annotations

import asyncio

from millstream.common.records import RecordBatch
from tests.unit.taskmanager.network.network_job import Slot, consume, produce
from tests.unit.taskmanager.task.support import until


def _batch(size: int = 1_000) -> RecordBatch:
    return RecordBatch([(number, "x" * 20) for number in range(size)])


def test_within_a_slot_batches_are_counted() -> None:
    async def run() -> None:
        async with Slot("a") as slot:
            writer, gate = slot.writer([slot]), slot.gate([slot])
            assert (writer.usage().pool_usage, gate.usage().queued.total) == (0, 0)
            for _ in range(4):
                writer.emit(_batch(256))
            usage = writer.usage()
            assert not writer.has_room
            assert usage.pool_usage == 1
            assert (usage.queued.total, usage.queued_bytes, usage.buffers_out, usage.buffers) == (
                4,
                0,
                4,
                usage.buffers,
            )
            assert gate.usage().queued.total == 4
            await asyncio.gather(produce(writer, []), consume(gate))
            assert writer.usage().pool_usage == 0
            taken = gate.usage()
            assert (taken.buffers_local, taken.buffers_remote, taken.queued.total) == (5, 0, 0)

    asyncio.run(run())


def test_over_the_network_buffers_are_counted_and_all_are_free_in_the_end() -> None:
    async def run() -> None:
        async with Slot("a") as producer, Slot("b") as consumer:
            writer, gate = producer.writer([consumer]), consumer.gate([producer])
            while writer.has_room:
                writer.emit(_batch())
                await asyncio.sleep(0)
            full = writer.usage()
            assert full.pool_usage >= 1
            assert full.queued.total > 0
            assert full.queued_bytes >= full.queued.total
            await until(lambda: gate.usage().pool_usage > 0)
            held = gate.usage()
            assert 0 < held.pool_usage <= 1
            assert 0 < held.exclusive_usage <= 1
            assert 0 <= held.floating_usage <= 1
            assert 0 < held.buffers_used <= held.buffers
            assert held.queued_bytes > 0
            await asyncio.gather(produce(writer, []), consume(gate))
            done, sent = gate.usage(), writer.usage()
            assert (done.pool_usage, done.queued_bytes, sent.pool_usage, sent.queued_bytes) == (0, 0, 0, 0)
            assert done.buffers_remote == sent.buffers_out > 0
            assert done.buffers_local == 0

    asyncio.run(run())
