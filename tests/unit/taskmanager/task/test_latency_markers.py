"""Marks leave sources in time, queue with records, and tell each operator how long the way took."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from millstream.common.graph.operator_spec import FilterSpec, LegacySourceSpec, MapSpec, SourceSpec
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.metrics.metric_scope import MetricScope
from millstream.common.records import LatencyMarker, RecordBatch, Watermark
from tests.unit.taskmanager.task.sources import EndlessSource, GatedLegacy, ListSource
from tests.unit.taskmanager.task.support import Harness, until

OFTEN = {"metrics.latency.interval": "20 ms"}
SOURCE_ID = f"{0:032x}"


def _marks(harness: Harness) -> list[LatencyMarker]:
    return [each for each in harness.writers[0].markers if isinstance(each, LatencyMarker)] if harness.writers else []


def _latencies(harness: Harness) -> dict[str, tuple[int, float]]:
    """Count and greatest of each histogram, by what it is called."""
    latencies = harness.task.parts.chain.latencies
    assert latencies is not None
    dump = dump_group(MetricScope.task_manager("h", "tm").job("j", "job"), latencies.group)
    return {
        ".".join((*(part for group in each.groups for part in (group.name, group.value) if part), each.name)): (
            each.histogram.count,
            each.histogram.maximum,
        )
        for each in dump.metrics
    }


@pytest.mark.parametrize(
    "spec",
    [
        SourceSpec(ListSource([[1, 2]], endless=True)),
        SourceSpec(EndlessSource()),
        LegacySourceSpec(GatedLegacy()),
    ],
    ids=["idle", "busy", "thread"],
)
def test_a_source_marks_its_stream_at_once_and_in_each_interval(spec: Any) -> None:
    async def scenario() -> None:
        GatedLegacy.stopped.clear()
        harness = Harness(spec, MapSpec(lambda x: x), outputs=1, configuration=OFTEN)
        harness.task.start()
        for number in range(1, 4):
            await until(lambda number=number: len(_marks(harness)) == number)  # type: ignore[misc]  # a default binds the loop's variable
            harness.clock.advance(20)
            # The alarm waits on the loop's clock, and looks at ours when it rings.
        assert _marks(harness) == [LatencyMarker(1234 + 20 * number, SOURCE_ID, 1) for number in range(3)]
        name = f"latency.source_id.{SOURCE_ID}.operator_id.{1:032x}.operator_subtask_index.1.latency"
        assert _latencies(harness) == {name: (3, 0.0)}
        harness.task.cancel()
        await harness.ended()
        for writer in harness.writers:
            writer.elements.clear()

    asyncio.run(scenario())


def test_without_an_interval_there_are_no_marks() -> None:
    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1], [2]])), MapSpec(lambda x: x), outputs=1)
        await harness.run()
        assert _marks(harness) == []
        assert _latencies(harness) == {}

    asyncio.run(scenario())


@pytest.mark.parametrize("inline", [True, False])
def test_marks_stay_between_records_and_pass_all_operators_of_a_chain(inline: bool) -> None:
    async def scenario() -> None:
        specs = (MapSpec(lambda x: x + 1), FilterSpec(lambda x: True), MapSpec(lambda x: x))
        harness = Harness(*specs, outputs=1, channels=1, inline=inline)
        mark = LatencyMarker(1000, "source", 7)
        for element in (RecordBatch([1]), mark, RecordBatch([2]), Watermark(5), mark):
            harness.gate.put(element)
        harness.gate.end()
        await harness.run()
        seen = [each.values if isinstance(each, RecordBatch) else each for each in harness.writers[0].elements]
        assert seen[:5] == [[2], mark, [3], Watermark(5), mark]
        assert _latencies(harness) == {
            f"latency.source_id.source.operator_id.{index:032x}.operator_subtask_index.1.latency": (2, 234.0)
            for index in range(3)
        }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("granularity", "names"),
    [
        ("single", ["latency"]),
        ("operator", ["latency.source_id.a", "latency.source_id.b"]),
        (
            "subtask",
            [
                "latency.source_id.a.source_subtask_index.0",
                "latency.source_id.a.source_subtask_index.1",
                "latency.source_id.b.source_subtask_index.0",
            ],
        ),
    ],
)
def test_the_granularity_says_what_is_told_apart(granularity: str, names: list[str]) -> None:
    async def scenario() -> None:
        configuration = {"metrics.latency.granularity": granularity, "metrics.latency.history-size": "1"}
        harness = Harness(MapSpec(str), channels=1, configuration=configuration)
        for source, subtask, marked in (("a", 0, 1000), ("a", 1, 1100), ("b", 0, 1230)):
            harness.gate.put(LatencyMarker(marked, source, subtask))
        harness.gate.end()
        await harness.run()
        tail = f"operator_id.{0:032x}.operator_subtask_index.1.latency"
        latencies = _latencies(harness)
        assert sorted(latencies) == [f"{name}.{tail}" for name in names]
        # Of the latest only, as the size of the history says.
        assert latencies[f"{names[-1]}.{tail}"][1] == 4.0

    asyncio.run(scenario())
