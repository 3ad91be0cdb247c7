"""Drives an async wait operator as a task does, and functions whose answers a test gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from millstream.common.graph.operator_spec import AsyncSpec
from millstream.common.records import RecordBatch, Watermark, WatermarkStatus
from millstream.common.wire.checkpoint_pb2 import OperatorSubtaskState
from millstream.datastream.functions import AsyncFunction
from millstream.taskmanager.operators.async_wait import AsyncWaitOperator
from millstream.taskmanager.operators.operator import FailureSite, OperatorContext, OperatorInfo, Output, Pause
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from tests.unit.taskmanager.operators.support import build, snapshot_of


class Answered(AsyncFunction[Any, Any]):
    """Waits for the test to answer for each record.

    :ivar asked: the records that are waited for, in the order of the calls.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self._answers: dict[Any, asyncio.Future[list[Any]]] = {}

    async def async_invoke(self, value: Any) -> list[Any]:
        self.asked.append(value)
        return await self._answer(value)

    def answer(self, value: Any, *results: Any) -> None:
        """Let the call for ``value`` return the results; without any: the record itself."""
        self._answer(value).set_result(list(results) or [value])

    def fail(self, value: Any, error: Exception) -> None:
        self._answer(value).set_exception(error)

    def _answer(self, value: Any) -> asyncio.Future[list[Any]]:
        if value not in self._answers:
            self._answers[value] = asyncio.get_running_loop().create_future()
        return self._answers[value]


class Driver:
    """A task with one operator.

    :ivar elements: what came out: pairs of value and timestamp, watermarks and statuses.
    :ivar largest: the size of the largest batch that came out.
    """

    def __init__(self, function: Any, *, restored: Any = None, **spec: Any) -> None:
        self.clock = ManualProcessingTime()
        settings: dict[str, Any] = {"ordered": True, "timeout_ms": 0, **spec}
        context = OperatorContext(OperatorInfo("enrich", "id"), processing_time=self.clock)
        operator = build(AsyncWaitOperator, AsyncSpec(function, **settings), context, restored)
        assert isinstance(operator, AsyncWaitOperator)
        self.operator = operator
        self.elements: list[Any] = []
        self.largest = 0

    async def __aenter__(self) -> Driver:
        self.operator.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.operator.stop()
        self.operator.close()

    @property
    def values(self) -> list[Any]:
        return [element[0] for element in self.elements if isinstance(element, tuple)]

    def snapshot(self) -> OperatorSubtaskState:
        return snapshot_of(self.operator)

    async def push(self, *values: Any, timestamps: list[int | None] | None = None) -> None:
        await self.drain(self.operator.process_batch(RecordBatch(list(values), timestamps)))

    async def watermark(self, timestamp: int) -> None:
        await self.drain(self.operator.process_watermark(Watermark(timestamp)))

    async def status(self, *, idle: bool) -> None:
        await self.drain(self.operator.process_status(WatermarkStatus(idle)))

    async def finish(self) -> None:
        await self.drain(self.operator.finish())

    async def drain(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Pause):
                await output.wait()
            elif isinstance(output, RecordBatch):
                self.largest = max(self.largest, len(output))
                stamps: list[int | None] = output.timestamps or [None] * len(output)
                self.elements.extend(zip(output.values, stamps, strict=True))
            else:
                self.elements.append(output)

    async def turn(self) -> None:
        """Let the coroutines go on as far as they can, and take what the operator says is ready."""
        for _ in range(5):
            await asyncio.sleep(0)
        await self.wake()

    async def wake(self) -> None:
        if self.clock.woken:
            self.clock.woken = False
            await self.drain(self.operator.on_wake(self.clock.now_ms()))

    async def until(self, reached: Callable[[], bool]) -> None:
        """Go on until something holds that needs real time to pass."""
        while not reached():
            await asyncio.sleep(0.001)
            await self.wake()


async def failure_of(driver: Driver, work: Awaitable[None]) -> tuple[BaseException, FailureSite]:
    """What the work fails with, and where the operator says that was."""
    try:
        await work
    except BaseException as error:  # noqa: BLE001  # that is what the tests look at
        return error, driver.operator.locate(error, None)
    raise AssertionError("it did not fail")
