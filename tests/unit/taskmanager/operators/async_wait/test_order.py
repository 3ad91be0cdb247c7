"""What comes out, and in which order, whatever the calls take."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MAX_WATERMARK, LatencyMarker, Watermark, WatermarkStatus
from millstream.datastream.functions import AsyncFunction
from tests.unit.taskmanager.operators.async_wait.driver import Answered, Driver


class Twice(AsyncFunction[int, int]):
    async def async_invoke(self, value: int) -> list[int]:
        return [value, value]


class TurnsAway(AsyncFunction[int, int]):
    """Gives way to the other coroutines as often as ``turns`` says for the record."""

    def __init__(self, turns: dict[int, int]) -> None:
        self.turns = turns
        self.under_way = 0
        self.most_under_way = 0

    async def async_invoke(self, value: int) -> list[int]:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        for _ in range(self.turns[value]):
            await asyncio.sleep(0)
        self.under_way -= 1
        return [value]


@pytest.mark.parametrize("ordered", [True, False])
def test_results_keep_their_records_timestamps(ordered: bool) -> None:
    async def run() -> None:
        async with Driver(Twice(), ordered=ordered) as driver:
            await driver.push(1, 2, timestamps=[10, None])
            await driver.finish()
            assert driver.elements == [(1, 10), (1, 10), (2, None), (2, None)]
            assert list(driver.operator.records_out()) == [(driver.operator.infos[0], 4)]

    asyncio.run(run())


def test_ordered_results_wait_for_those_before_them() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=True) as driver:
            await driver.push("a", "b", "c")
            await driver.turn()
            assert function.asked == ["a", "b", "c"]
            function.answer("b")
            function.answer("c", "c1", "c2")
            await driver.turn()
            assert driver.values == []
            function.answer("a")
            await driver.turn()
            assert driver.values == ["a", "b", "c1", "c2"]

    asyncio.run(run())


def test_unordered_results_go_on_as_they_come() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=False) as driver:
            await driver.push("a", "b", "c")
            for value in "cab":
                function.answer(value)
                await driver.turn()
            assert driver.values == ["c", "a", "b"]

    asyncio.run(run())


def test_unordered_results_do_not_cross_watermarks() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=False) as driver:
            await driver.push("a", "b", timestamps=[1, 2])
            await driver.watermark(5)
            await driver.push("c", timestamps=[6])
            await driver.status(idle=True)
            await driver.turn()
            function.answer("c")
            function.answer("b")
            await driver.turn()
            assert driver.elements == [("b", 2)]
            function.answer("a")
            await driver.turn()
            assert driver.elements == [("b", 2), ("a", 1), Watermark(5), ("c", 6), WatermarkStatus(True)]

    asyncio.run(run())


@pytest.mark.parametrize("ordered", [True, False])
def test_markers_go_on_at_once_where_nothing_is_before_them(ordered: bool) -> None:
    async def run() -> None:
        async with Driver(Answered(), ordered=ordered) as driver:
            await driver.watermark(5)
            await driver.status(idle=True)
            await driver.status(idle=False)
            await driver.watermark(7)
            assert driver.elements == [Watermark(5), WatermarkStatus(True), WatermarkStatus(False), Watermark(7)]

    asyncio.run(run())


@pytest.mark.parametrize("ordered", [True, False])
def test_of_watermarks_that_wait_together_only_the_last_one_counts(ordered: bool) -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=ordered) as driver:
            await driver.push("a")
            for timestamp in range(1000):
                await driver.watermark(timestamp)
            function.answer("a")
            await driver.turn()
            assert driver.elements == [("a", None), Watermark(999)]

    asyncio.run(run())


def test_no_more_records_are_taken_than_there_is_room_for() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=True, capacity=2) as driver:
            pushing = asyncio.create_task(driver.push("a", "b", "c", "d"))
            await driver.turn()
            assert function.asked == ["a", "b"]
            function.answer("b")  # its results cannot go on yet, so it takes room still
            await driver.turn()
            assert function.asked == ["a", "b"]
            assert not pushing.done()
            function.answer("a")
            await driver.turn()
            assert pushing.done()
            await driver.turn()
            assert driver.values == ["a", "b"]
            assert function.asked == ["a", "b", "c", "d"]

    asyncio.run(run())


def test_the_end_waits_for_everything() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=False) as driver:
            await driver.push("a", "b")
            await driver.drain(driver.operator.process_watermark(MAX_WATERMARK))
            finishing = asyncio.create_task(driver.finish())
            await driver.turn()
            function.answer("b")
            await driver.turn()
            assert not finishing.done()
            function.answer("a")
            await driver.turn()
            assert finishing.done()
            assert driver.elements == [("b", None), ("a", None), MAX_WATERMARK]

    asyncio.run(run())


def test_a_record_may_have_no_results_or_very_many() -> None:
    class Repeats(AsyncFunction[int, int]):
        async def async_invoke(self, value: int) -> Any:
            return (value for _ in range(value))

    async def run() -> None:
        async with Driver(Repeats()) as driver:
            await driver.push(0, 5000, 1)
            await driver.finish()
            assert driver.values == [5000] * 5000 + [1]
            assert driver.largest <= 1024

    asyncio.run(run())


@given(
    ordered=st.booleans(),
    capacity=st.integers(1, 5),
    script=st.lists(
        st.one_of(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.just("watermark"), st.just("idle")),
        max_size=12,
    ),
)
def test_whatever_the_calls_take(ordered: bool, capacity: int, script: list[Any]) -> None:
    """Ordered: just as it came in. Unordered: the same between any two markers, in any order."""
    turns: dict[int, int] = {}
    incoming: list[Any] = []
    batches: list[Any] = []
    for step in script:
        if isinstance(step, list):
            numbers = [len(turns) + index for index in range(len(step))]
            turns.update(zip(numbers, step, strict=True))
            incoming.extend((number, number) for number in numbers)
            batches.append(numbers)
        else:
            marker = Watermark(len(turns)) if step == "watermark" else WatermarkStatus(len(turns) % 2 == 0)
            if isinstance(marker, Watermark) and incoming and incoming[-1] == marker:
                continue
            incoming.append(marker)
            batches.append(marker)

    async def run() -> tuple[list[Any], int]:
        function = TurnsAway(turns)
        async with Driver(function, ordered=ordered, capacity=capacity) as driver:
            for each in batches:
                if isinstance(each, list):
                    await driver.push(*each, timestamps=list(each))
                elif isinstance(each, Watermark):
                    await driver.watermark(each.timestamp)
                else:
                    await driver.status(idle=each.idle)
                await driver.wake()
            await driver.finish()
            return driver.elements, function.most_under_way

    outgoing, most_under_way = asyncio.run(run())
    assert most_under_way <= capacity
    if ordered:
        assert outgoing == incoming
    else:
        assert _sorted_between_markers(outgoing) == incoming


def _sorted_between_markers(elements: list[Any]) -> list[Any]:
    arranged: list[Any] = []
    segment: list[Any] = []
    for element in elements:
        if isinstance(element, tuple):
            segment.append(element)
        else:
            arranged += [*sorted(segment), element]
            segment = []
    return arranged + sorted(segment)


@pytest.mark.parametrize("ordered", [True, False])
def test_latency_markers_overtake_no_record(ordered: bool) -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=ordered) as driver:
            mark = LatencyMarker(1, "source", 0)
            await driver.push("a")
            await driver.drain(driver.operator.process_latency_marker(mark))
            await driver.push("b")
            function.answer("b")
            await driver.turn()
            assert driver.elements == []
            function.answer("a")
            await driver.turn()
            assert driver.elements == [("a", None), mark, ("b", None)]

    asyncio.run(run())
