"""A task's way from deployment to end, on fakes of the data plane."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from millstream.common.graph.operator_spec import (
    CollectSinkSpec,
    FilterSpec,
    FlatMapSpec,
    LegacySourceSpec,
    MapSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.records import (
    MAX_WATERMARK,
    Element,
    EndOfData,
    LatencyMarker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.taskmanager.exchange import PartitionLostError
from tests.unit.taskmanager.task.sources import (
    CountingLegacy,
    DeafLegacy,
    EndlessSource,
    ListSource,
    SpinningLegacy,
)
from tests.unit.taskmanager.task.support import Harness, until

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def _remember(value: Any) -> None:
    SEEN.append(value)


def test_a_chain_from_source_to_sink_finishes() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[1, 2, 3], [], [4, 5, 6]])),
            MapSpec(lambda x: x * 2),
            FilterSpec(lambda x: x % 3 == 0),
            SinkFunctionSpec(_remember),
        )
        end = await harness.run()
        assert harness.state_names == ["INITIALIZING", "RUNNING", "FINISHED"]
        assert SEEN == [6, 12]
        assert dict(end.metrics.operator_records_out) == {"op0": 6, "op1": 6, "op2": 2, "op3": 2}
        assert end.timestamp_ms == 1234
        assert harness.section.active is False

    asyncio.run(scenario())


def test_a_chain_between_a_gate_and_an_edge() -> None:
    async def scenario() -> None:
        harness = Harness(ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), lambda pair: pair[0]), outputs=1, channels=2)
        harness.gate.put(RecordBatch([("a", 1), ("b", 1)]), 0)
        harness.gate.put(RecordBatch([("a", 2)], [7]), 1)
        harness.gate.put(EndOfData(), 0)
        harness.gate.end()
        end = await harness.run()
        writer = harness.writers[0]
        assert writer.values == [("a", 1), ("b", 1), ("a", 3)]
        batches = [element for element in writer.elements if isinstance(element, RecordBatch)]
        assert batches[-1].timestamps == [7]
        assert writer.markers == [MAX_WATERMARK, EndOfData()]
        assert writer.log[-2:] == ["EndOfData", "finish"]
        assert writer.closed
        assert writer.failed is None
        assert harness.gate.closed
        assert (end.state, end.metrics.records_in, end.metrics.records_out) == ("FINISHED", 3, 3)

    asyncio.run(scenario())


def test_markers_pass_in_order_and_watermarks_are_combined() -> None:
    async def scenario() -> None:
        harness = Harness(MapSpec(lambda x: x), outputs=1, channels=2)
        latency = LatencyMarker(1, "op", 0)
        arriving: list[tuple[Element, int]] = [
            (RecordBatch([1]), 0),
            (Watermark(5), 0),
            (Watermark(3), 1),
            (RecordBatch([2]), 1),
            (latency, 0),
            (WatermarkStatus(idle=True), 1),
            (RecordBatch([3]), 0),
            (MAX_WATERMARK, 0),
        ]
        for element, channel in arriving:
            harness.gate.put(element, channel)
        harness.gate.end()
        await harness.run()
        batches = [RecordBatch([number]) for number in (1, 2, 3)]
        assert harness.writers[0].elements == [
            batches[0],
            Watermark(3),
            batches[1],
            latency,
            Watermark(5),
            batches[2],
            MAX_WATERMARK,
            WatermarkStatus(idle=True),  # the active channel has ended, the other one is idle
            EndOfData(),
        ]

    asyncio.run(scenario())


def test_a_bounded_source_ends_with_the_last_watermark() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=2)
        await harness.run()
        for writer in harness.writers:
            assert writer.values == [1]
            assert writer.markers == [MAX_WATERMARK, EndOfData()]

    asyncio.run(scenario())


def test_a_chain_may_be_a_tree() -> None:
    async def scenario() -> None:
        harness = Harness(
            SourceSpec(ListSource([[1, 2]])),
            MapSpec(lambda x: x + 10),
            SinkFunctionSpec(lambda x: _remember(("left", x))),
            FlatMapSpec(lambda x: [x, x]),
            SinkFunctionSpec(lambda x: _remember(("right", x))),
            parents=[0, 0, 1, 1, 3],
        )
        await harness.run()
        assert sorted(SEEN) == [("left", 11), ("left", 12), *[("right", 11)] * 2, *[("right", 12)] * 2]

    asyncio.run(scenario())


def test_back_pressure_stops_the_task_and_room_lets_it_go_on() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(EndlessSource()), MapSpec(lambda x: x), outputs=1, capacity=3)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].waited == 1)
        writer = harness.writers[0]
        emitted = len(writer.elements)
        assert emitted == 3
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(writer.elements) == emitted
        writer.take()
        await until(lambda: writer.waited == 2)
        assert len(writer.elements) == 6
        harness.task.cancel()
        end = await harness.ended()
        assert end.state == "CANCELED"
        assert end.metrics.backpressured_ms >= 0

    asyncio.run(scenario())


def test_a_slow_function_does_not_hold_the_loop() -> None:
    async def scenario() -> None:
        def slow(x: int) -> int:
            time.sleep(0.004)
            return x

        harness = Harness(
            SourceSpec(ListSource([list(range(200))], endless=True)), MapSpec(slow), SinkFunctionSpec(_remember)
        )
        harness.task.start()
        turns = 0
        while len(SEEN) < 50:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 20
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


def test_two_tasks_share_the_loop() -> None:
    async def scenario() -> None:
        first = Harness(SourceSpec(EndlessSource()), SinkFunctionSpec(lambda _: _remember("first")))
        second = Harness(SourceSpec(EndlessSource()), SinkFunctionSpec(lambda _: _remember("second")))
        first.task.start()
        second.task.start()
        await until(lambda: {"first", "second"} <= set(SEEN))
        first.task.cancel()
        second.task.cancel()
        await first.ended()
        await second.ended()

    asyncio.run(scenario())


@pytest.mark.parametrize(("timeout", "flushes"), [(0, True), (-1, False), (20, True)])
def test_output_is_flushed_as_the_buffer_timeout_says(timeout: int, flushes: bool) -> None:
    async def scenario() -> None:
        harness = Harness(MapSpec(lambda x: x), outputs=1, channels=1, buffer_timeout_ms=timeout)
        harness.gate.put(RecordBatch([1]))
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].values)
        await asyncio.sleep(0)
        writer = harness.writers[0]
        if flushes:
            await until(lambda: "flush" in writer.log)
        harness.gate.end()
        await harness.ended()
        assert ("flush" in writer.log) is flushes
        assert writer.finished

    asyncio.run(scenario())


def test_a_busy_task_flushes_by_the_timer() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(EndlessSource()), MapSpec(lambda x: x), outputs=1, buffer_timeout_ms=10)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].log.count("flush") >= 2)
        harness.task.cancel()
        await harness.ended()

    asyncio.run(scenario())


def test_a_task_is_finished_only_when_its_output_was_taken() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=1, consumed=False)
        harness.task.start()
        await until(lambda: harness.writers and harness.writers[0].finished)
        await asyncio.sleep(0)
        assert harness.state_names == ["INITIALIZING", "RUNNING"]
        harness.writers[0].consumed.set()
        assert (await harness.ended()).state == "FINISHED"

    asyncio.run(scenario())


def test_collected_results_are_fetched_through_the_task() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([["a", "b"]])), CollectSinkSpec())
        harness.task.start()
        operator_id = f"{1:032x}"
        await until(lambda: harness.state_names[-1:] == ["RUNNING"])
        await harness.task.operator_request(operator_id, (0).to_bytes(8, "big") + b"attempt")
        await until(lambda: harness.task.metrics().operator_records_out["op1"] == 2)
        await harness.task.operator_request(operator_id, (2).to_bytes(8, "big") + b"attempt")
        await harness.task.operator_request(operator_id, (2).to_bytes(8, "big") + b"attempt")
        assert (await harness.ended()).state == "FINISHED"
        with pytest.raises(Exception, match="no operator"):
            await harness.task.operator_request("x" * 32, b"")

    asyncio.run(scenario())


# ---------------------------------------------------------------- cancellation


async def _cancel_when(harness: Harness, condition: Any) -> None:
    harness.task.start()
    await until(condition)
    harness.task.cancel()
    harness.task.cancel()
    end = await harness.ended()
    assert end.state == "CANCELED"
    assert not end.HasField("failure")
    assert harness.state_names.count("CANCELED") == 1
    for writer in harness.writers:
        assert writer.closed
        assert writer.failed is not None


def test_cancel_before_it_has_begun() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(EndlessSource()), outputs=1)
        harness.task.start()
        harness.task.cancel()
        assert (await harness.ended()).state == "CANCELED"
        assert harness.state_names == ["CANCELED"]

    asyncio.run(scenario())


def test_cancel_while_it_initializes() -> None:
    async def scenario() -> None:
        await _cancel_when(Harness(SourceSpec(EndlessSource()), outputs=1), lambda: True)

    asyncio.run(scenario())


def test_cancel_while_it_runs() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(EndlessSource()), outputs=1)
        await _cancel_when(harness, lambda: harness.writers and len(harness.writers[0].elements) > 3)

    asyncio.run(scenario())


def test_cancel_while_it_waits_for_its_source() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]], endless=True)), outputs=1)
        await _cancel_when(harness, lambda: harness.writers and "flush" in harness.writers[0].log)

    asyncio.run(scenario())


def test_cancel_while_it_waits_for_input() -> None:
    async def scenario() -> None:
        harness = Harness(MapSpec(str), outputs=1, channels=1)
        await _cancel_when(harness, lambda: "RUNNING" in harness.state_names)
        assert harness.gate.closed

    asyncio.run(scenario())


def test_cancel_while_it_is_back_pressured() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(EndlessSource()), outputs=1, capacity=1)
        await _cancel_when(harness, lambda: harness.writers and harness.writers[0].waited)

    asyncio.run(scenario())


def test_cancel_while_it_waits_for_its_consumers() -> None:
    async def scenario() -> None:
        harness = Harness(MapSpec(str), outputs=1, channels=1, consumed=False)
        harness.task.start()
        await until(lambda: harness.writers)
        harness.gate.end()
        await until(lambda: harness.writers[0].finished)
        harness.task.cancel()
        assert (await harness.ended()).state == "CANCELED"

    asyncio.run(scenario())


def test_cancel_after_the_end_changes_nothing() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), outputs=1)
        await harness.run()
        harness.task.cancel()
        assert harness.state_names == ["INITIALIZING", "RUNNING", "FINISHED"]

    asyncio.run(scenario())


@pytest.mark.parametrize("function", [CountingLegacy(10**12), DeafLegacy(), SpinningLegacy()])
def test_cancel_a_legacy_source(function: Any) -> None:
    async def scenario() -> None:
        harness = Harness(LegacySourceSpec(function), SinkFunctionSpec(lambda _: None))
        await _cancel_when(harness, lambda: "RUNNING" in harness.state_names)

    asyncio.run(scenario())


def test_operators_are_closed_when_the_task_is_cancelled() -> None:
    async def scenario() -> None:
        class Closes:
            def open(self, runtime_context: Any) -> None:
                _remember("open")

            def map(self, value: Any) -> Any:
                return value

            def close(self) -> None:
                _remember("close")
                raise ValueError("only logged")

        harness = Harness(SourceSpec(EndlessSource()), MapSpec(Closes()), outputs=1)
        await _cancel_when(harness, lambda: harness.writers and harness.writers[0].elements)
        assert SEEN == ["open", "close"]

    asyncio.run(scenario())


def test_a_lost_producer_is_a_failure_of_the_network() -> None:
    async def scenario() -> None:
        harness = Harness(MapSpec(str), outputs=1, channels=1)
        harness.gate.put(PartitionLostError("channel 0: the producer is gone"))
        end = await harness.run()
        assert (end.state, end.failure.kind) == ("FAILED", "NETWORK")
        assert "the producer is gone" in end.failure.message
        assert harness.writers[0].failed is not None

    asyncio.run(scenario())
