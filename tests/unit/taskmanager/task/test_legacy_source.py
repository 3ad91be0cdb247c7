"""The hand-over from a source's thread to the loop."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from functools import partial
from typing import Any

import pytest

from millstream.common.graph.operator_spec import LegacySourceSpec, SinkFunctionSpec
from millstream.common.records import MAX_WATERMARK, EndOfData, RecordBatch, Watermark, WatermarkStatus
from millstream.taskmanager.task.legacy_source import LegacySource
from millstream.taskmanager.task.source_driver import END_OF_INPUT
from tests.unit.taskmanager.operators.support import context
from tests.unit.taskmanager.task.sources import CountingLegacy, GatedLegacy, StampingLegacy
from tests.unit.taskmanager.task.support import Harness, until

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def _remember(value: Any) -> None:
    SEEN.append(value)


def _seen(count: int) -> bool:
    return len(SEEN) == count


def test_every_record_comes_once_and_in_order() -> None:
    async def scenario() -> None:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # as many interleavings as can be had
        try:
            harness = Harness(LegacySourceSpec(CountingLegacy(50_000)), outputs=1)
            await harness.run()
        finally:
            sys.setswitchinterval(interval)
        assert harness.writers[0].values == list(range(50_000))
        assert harness.end.metrics.operator_records_out["op0"] == 50_000

    asyncio.run(scenario())


def test_several_threads_may_emit_under_the_lock() -> None:
    class Several:
        def run(self, ctx: Any) -> None:
            def emit(number: int) -> None:
                for index in range(2_000):
                    with ctx.get_checkpoint_lock():
                        ctx.collect((number, index))

            threads = [threading.Thread(target=emit, args=(number,)) for number in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        def cancel(self) -> None:
            return

    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(Several()), outputs=1)
        await harness.run()
        values = harness.writers[0].values
        for number in range(3):
            assert [index for who, index in values if who == number] == list(range(2_000))

    asyncio.run(scenario())


def test_timestamps_watermarks_and_idleness_keep_their_order() -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(StampingLegacy()), outputs=1)
        await harness.run()
        flat: list[Any] = []
        for element in harness.writers[0].elements:
            if isinstance(element, RecordBatch):
                stamps = element.timestamps or [None] * len(element)
                flat.extend(zip(element.values, stamps, strict=True))
            else:
                flat.append(element)
        assert flat == [
            ("a", None),
            ("b", 5),
            Watermark(5),
            ("c", None),
            WatermarkStatus(idle=True),
            WatermarkStatus(idle=False),
            ("d", None),
            MAX_WATERMARK,
            EndOfData(),
        ]

    asyncio.run(scenario())


def test_a_slow_source_is_served_at_once() -> None:
    async def scenario() -> None:
        GatedLegacy.stopped.clear()
        harness = Harness(LegacySourceSpec(GatedLegacy()), SinkFunctionSpec(_remember))
        harness.task.start()
        for expected in range(1, 6):
            GatedLegacy.gate.release()
            await until(partial(_seen, expected))
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


def test_a_fast_source_waits_for_a_slow_sink() -> None:
    async def scenario() -> None:
        source = LegacySource(CountingLegacy(10**9), context())
        source.open()
        source.start()
        await until(lambda: len(source.pending) >= source.capacity)
        full = len(source.pending)
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert len(source.pending) == full
        first = source.poll()
        assert isinstance(first, RecordBatch)
        source.processed(len(first), 1_000_000_000 * len(first))
        assert source.capacity < 20
        await until(lambda: len(source.pending) >= source.capacity)
        second = source.poll()
        assert isinstance(second, RecordBatch)
        assert second.values[0] == first.values[-1] + 1
        await source.stop()
        source.close()

    asyncio.run(scenario())


def test_the_buffer_grows_with_a_fast_chain() -> None:
    source = LegacySource(CountingLegacy(1), context())
    before = source.capacity
    for _ in range(20):
        source.processed(source.capacity, source.capacity * 100)
    assert before < source.capacity <= 16_384


def test_what_was_emitted_before_the_end_is_not_lost() -> None:
    async def scenario() -> None:
        source = LegacySource(CountingLegacy(10), context())
        source.open()
        source.start()
        got: list[Any] = []
        while (item := source.poll()) is not END_OF_INPUT:
            if isinstance(item, RecordBatch):
                got.extend(item.values)
            elif item is None:
                await asyncio.wait_for(source.wait(), 5)
        assert got == list(range(10))
        await source.stop()

    asyncio.run(scenario())


def test_the_loop_is_not_blocked_by_a_thread_that_holds_the_lock() -> None:
    class Holds:
        def run(self, ctx: Any) -> None:
            ctx.collect("early")
            with ctx.get_checkpoint_lock():
                deadline = time.monotonic() + 10
                while not SEEN and time.monotonic() < deadline:
                    time.sleep(0.001)
                ctx.collect("late")

        def cancel(self) -> None:
            return

    async def scenario() -> None:
        # The function must be this very object for the thread to see SEEN: build the source by hand.
        source = LegacySource(Holds(), context())
        source.open()
        source.start()
        while (item := source.poll()) is not END_OF_INPUT:
            if isinstance(item, RecordBatch):
                SEEN.extend(item.values)
            elif item is None:
                await asyncio.wait_for(source.wait(), 15)
        assert SEEN == ["early", "late"]
        await source.stop()

    asyncio.run(scenario())
