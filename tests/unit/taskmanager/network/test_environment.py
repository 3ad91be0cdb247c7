"""Tasks of several slots exchange data: everything arrives, once, in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from millstream.common.records import (
    CheckpointBarrier,
    EndOfData,
    EndOfPartition,
    Marker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.taskmanager.exchange import ExchangeError, PartitionLostError
from tests.unit.taskmanager.network.network_job import SECRET, Slot, consume, flat, next_element, produce, run, within


def _words(producer: int, count: int) -> list[tuple[str, int]]:
    return [(f"word-{number % 97}", producer) for number in range(count)]


def _long(number: int) -> str:
    return f"{number:01000}"


async def _shuffle(slots: int, records: int, **options: str) -> None:
    opened = [Slot(f"slot-{index}", SECRET, **options) for index in range(slots)]
    for slot in opened:
        await slot.__aenter__()
    writers = [slot.writer(opened, "HASH", producer=index) for index, slot in enumerate(opened)]
    gates = [slot.gate(opened, subpartition=index) for index, slot in enumerate(opened)]
    producing = [
        produce(
            writer,
            [
                element
                for start in range(0, records, 100)
                for element in (RecordBatch(_words(index, records)[start : start + 100]), Watermark(start))
            ],
        )
        for index, writer in enumerate(writers)
    ]
    results = await asyncio.gather(*[consume(gate) for gate in gates], *producing)
    counted: Counter[tuple[str, int]] = Counter()
    home: dict[str, int] = {}
    for consumer, channels in enumerate(results[:slots]):
        assert channels is not None
        for producer, elements in enumerate(channels):
            got = flat(elements)
            records_only = [one for one in got if isinstance(one, tuple)]
            counted.update(records_only)
            assert all(home.setdefault(word, consumer) == consumer for word, _ in records_only)
            # The channel's own order: exactly what the producer sent, without what went elsewhere.
            expected: list[Any] = []
            sent = _words(producer, records)
            for start in range(0, records, 100):
                expected.extend(one for one in sent[start : start + 100] if home.get(one[0]) == consumer)
                expected.append(Watermark(start))
            assert got == [*expected, EndOfPartition()]
    assert counted == Counter(one for producer in range(slots) for one in _words(producer, records))
    for slot in opened:
        await slot.__aexit__()


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_a_shuffle_delivers_every_record_once_and_in_order(slots: int) -> None:
    run(_shuffle(slots, 5_000))


def test_a_shuffle_with_tiny_buffers() -> None:
    run(
        _shuffle(
            2, 2_000, taskmanager_memory_segment__size="256b", taskmanager_network_memory_buffers__per__channel="1"
        )
    )


@pytest.fixture(scope="module")
def uvloop() -> Any:
    module = pytest.importorskip("uvloop")
    module.new_event_loop().close()  # makes pipes that the process keeps
    return module


def test_a_shuffle_on_uvloop(uvloop: Any) -> None:
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(_shuffle(2, 5_000), 30))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


@pytest.mark.parametrize("same_slot", [True, False])
def test_all_elements_and_timestamps_arrive(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            sent: list[RecordBatch | Marker] = [
                RecordBatch([1, 2], [10, 20]),
                RecordBatch([3]),
                RecordBatch(["x"], [None]),
                WatermarkStatus(True),
                CheckpointBarrier(7, 8, b"options"),
                RecordBatch([{"a": [1]}]),
                EndOfData(drain=False),
            ]
            gate = consumer.gate([a])
            (got,), _ = await asyncio.gather(consume(gate), produce(a.writer([consumer]), sent))
            assert flat(got) == [
                *(1, 2, 3, "x", WatermarkStatus(True), CheckpointBarrier(7, 8, b"options"), {"a": [1]}),
                *(EndOfData(drain=False), EndOfPartition()),
            ]
            first = got[0]
            assert isinstance(first, RecordBatch)
            times = first.timestamps
            assert times is not None
            assert times[:2] == [10, 20]
            assert gate.channels[0].local is same_slot
            assert (gate.bytes_in > 0) is not same_slot

    run(main())


def test_batches_of_the_same_slot_pass_by_reference_with_their_keys() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writer = a.writer([a, b], "HASH")
            gate = a.gate([a])
            records = [(number, object()) for number in range(50)]
            writer.emit(RecordBatch(list(records)))
            writer.flush()
            _, batch = await next_element(gate)
            assert isinstance(batch, RecordBatch)
            assert batch.keys == [key for key, _ in batch.values]
            assert all(record is records[record[0]] for record in batch.values)
            gate.close()
            writer.close()

    # What goes to slot b has objects that cannot be compared there; nobody reads them here.
    run(main())


@pytest.mark.parametrize("size", [32 << 10, 100_000, 5_000_000])
def test_records_longer_than_a_buffer_span_buffers(size: int) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            records = ["small", "x" * size, b"y" * size, ("z" * size, 1), "small again"]
            gate = b.gate([a])
            (got,), _ = await asyncio.gather(consume(gate), produce(a.writer([b]), [RecordBatch(list(records))]))
            assert flat(got) == [*records, EndOfPartition()]
            assert gate.bytes_in > 3 * size

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_reader_that_does_not_read_stops_its_producer_and_memory(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            writer, gate = a.writer([consumer]), consumer.gate([a])
            emitted = 0
            while True:
                if not writer.has_room:
                    try:
                        await asyncio.wait_for(writer.wait_room(), 0.2)
                    except asyncio.TimeoutError:
                        break  # with all the time it wants, the network makes no more room
                writer.emit(RecordBatch([_long(emitted + number) for number in range(10)]))
                emitted += 10
                await asyncio.sleep(0)
            # 10 buffers on each side, and what blocks and sockets hold.
            assert emitted <= (8192 + 10 if same_slot else 1500)
            reading = asyncio.ensure_future(consume(gate))
            await within(writer.wait_room())
            await produce(writer, [RecordBatch(["last"])])
            (got,) = await reading
            assert flat(got) == [*map(_long, range(emitted)), "last", EndOfPartition()]

    run(main())


def test_a_slow_channel_does_not_block_the_others_of_its_connection() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            slow_writer, slow_gate = a.writer([b], edge="slow"), b.gate([a], edge="slow")
            while slow_writer.has_room:
                slow_writer.emit(RecordBatch(["x" * 1000] * 10))
                await asyncio.sleep(0)
            fast_writer, fast_gate = a.writer([b], edge="fast"), b.gate([a], edge="fast")
            batches = [RecordBatch([(number, "y" * 100)] * 100) for number in range(200)]
            (got,), _ = await asyncio.gather(consume(fast_gate), produce(fast_writer, batches))
            assert len(flat(got)) == 200 * 100 + 1
            slow_gate.close()
            slow_writer.close()

    run(main())


def test_a_blocked_channel_waits_and_the_others_go_on() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writers = [a.writer([b], producer=0), b.writer([b], producer=1)]
            gate = b.gate([a, b])
            gate.block(0)
            for writer in writers:
                writer.emit(RecordBatch([1]))
                writer.broadcast(CheckpointBarrier(1, 0))
            got = [await within(next_element(gate)) for _ in range(2)]
            assert [index for index, _ in got] == [1, 1]
            gate.block(1)
            writers[1].emit(RecordBatch([2]))
            writers[1].flush()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(next_element(gate), 0.1)
            gate.unblock_all()
            got = [await within(next_element(gate)) for _ in range(3)]
            assert sorted(index for index, _ in got) == [0, 0, 1]
            gate.close()
            for writer in writers:
                writer.close()

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_consumer_may_come_before_its_producer(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            reading = asyncio.ensure_future(consume(consumer.gate([a])))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(reading), 0.1)
            await produce(a.writer([consumer]), [RecordBatch([1])])
            assert flat((await reading)[0]) == [1, EndOfPartition()]

    run(main())


def test_a_producer_may_finish_before_its_consumer_comes() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            producing = asyncio.ensure_future(produce(a.writer([b]), [RecordBatch([1])]))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(producing), 0.1)
            assert flat((await consume(b.gate([a])))[0]) == [1, EndOfPartition()]
            await within(producing)

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_producer_that_never_comes_is_an_error(same_slot: bool) -> None:
    async def main() -> None:
        waits = {
            "taskmanager_network_request__backoff_initial": "10",
            "taskmanager_network_request__backoff_max": "50",
        }
        async with Slot("a", SECRET, **waits) as a, Slot("b", SECRET, **waits) as b:
            gate = (a if same_slot else b).gate([a])
            with pytest.raises(
                PartitionLostError, match=r"edge edge by attempt attempt-0 did not appear within 0\.1 s"
            ):
                await within(next_element(gate))
            gate.close()

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_consumer_that_comes_after_its_producer_failed_is_told_at_once(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            a.writer([consumer]).fail("the task failed early")
            gate = consumer.gate([a])
            with pytest.raises(PartitionLostError, match="the task failed early"):
                await within(next_element(gate))
            gate.close()

    run(main())


def test_a_subpartition_has_one_consumer() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writer, first, second = a.writer([b]), b.gate([a]), b.gate([a])
            with pytest.raises(PartitionLostError, match="has a consumer already"):
                await within(next_element(second))
            second.close()
            (got,), _ = await asyncio.gather(consume(first), produce(writer, [RecordBatch([1])]))
            assert flat(got) == [1, EndOfPartition()]

    run(main())


def test_the_data_port_of_a_name_with_several_addresses_is_one_port() -> None:
    async def main() -> None:
        async with Slot("b") as b:
            a = Slot("a")
            a.port = await a.environment.start("localhost")
            (got,), _ = await asyncio.gather(consume(b.gate([a])), produce(a.writer([b]), [RecordBatch([1])]))
            assert flat(got) == [1, EndOfPartition()]
            await a.environment.close()

    run(main())


def test_a_data_port_that_is_taken_is_named() -> None:
    async def main() -> None:
        async with Slot("a") as a:
            other = Slot("other")
            with pytest.raises(OSError, match=rf"cannot open the data port at 127\.0\.0\.1:{a.port}"):
                await other.environment.start("127.0.0.1", a.port)
            await other.environment.close()

    run(main())


def test_nothing_is_created_in_a_closed_environment() -> None:
    async def main() -> None:
        slot = Slot("a")
        async with slot:
            pass
        await slot.environment.close()
        with pytest.raises(ExchangeError, match="slot a is closed"):
            slot.gate([slot])
        with pytest.raises(ExchangeError, match="slot a is closed"):
            slot.writer([slot])

    run(main())
