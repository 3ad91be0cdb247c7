"""What a task with inputs does until it may end: process what the gate gives, take checkpoints, wait for the last one.

Its data ends when each producer has said so; barriers come behind that, until the channels end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from millstream.common.errors import MillstreamError
from millstream.common.records import (
    CheckpointBarrier,
    Element,
    EndOfData,
    EndOfPartition,
    Marker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.taskmanager.exchange import ExchangeError, InputGate
from millstream.taskmanager.operators.operator import FailureSite
from millstream.taskmanager.task.chain import Chain
from millstream.taskmanager.task.checkpoint_driver import CheckpointDriver
from millstream.taskmanager.task.input_ends import InputEnds
from millstream.taskmanager.task.task_loop import TaskLoop
from millstream.taskmanager.task.task_metrics import TaskTimes
from millstream.taskmanager.task.user_failure import UserCodeError
from millstream.taskmanager.task.watermark_valve import WatermarkValve

__all__ = ["InputWork"]


class InputWork:
    """Drives what comes through a gate through the chain.

    :param end_data: called once, when there is no more data; told whether all of it was processed.
    """

    def __init__(
        self,
        gate: InputGate,
        chain: Chain,
        loop: TaskLoop,
        times: TaskTimes,
        driver: CheckpointDriver,
        end_data: Callable[[bool], Awaitable[None]],
    ) -> None:
        self._gate = gate
        self._chain = chain
        self._loop = loop
        self._times = times
        self._driver = driver
        self._end_data = end_data
        self._valve = WatermarkValve(len(gate.channels))
        self._ends = InputEnds(len(gate.channels))

    def watermark_of_input(self, input_index: int) -> int:
        """The event time of one of the head operator's inputs, ms."""
        channels = self._gate.channels
        return self._valve.lowest(index for index, each in enumerate(channels) if each.input_index == input_index)

    async def replay(self, elements: Iterable[tuple[int, Element]]) -> None:
        """Process what was under way when the checkpoint was taken that the task goes on from."""
        head = self._chain.head.nodes[0]
        channels = self._gate.channels
        pending = iter(elements)
        while True:
            try:
                given = next(pending, None)
            except MillstreamError:
                raise
            except Exception as error:
                raise UserCodeError(FailureSite(self._chain.infos[0], "deserialize"), error) from error
            if given is None:
                return
            channel, element = given
            if isinstance(element, RecordBatch):
                self._times.records_in += len(element.values)
                await self._loop.drain(head.process(element, second=channels[channel].input_index == 1))
            else:
                await self._on_marker(channel, element)
            await self._loop.breathe()

    async def run(self) -> None:
        """Return when all channels have ended and the task may end."""
        gate, loop, times, driver = self._gate, self._loop, self._times, self._driver
        head = self._chain.head.nodes[0]
        second = [channel.input_index == 1 for channel in gate.channels]
        letters = driver.letters
        poll = gate.poll
        while True:
            if letters:
                await driver.answer()
            if driver.rest is not None:
                await self._process_rest(driver.rest)
                continue
            try:
                given = poll()
            except ExchangeError:
                raise
            except Exception as error:
                raise UserCodeError(FailureSite(self._chain.infos[0], "deserialize"), error) from error
            if given is None:
                if gate.is_finished() and driver.final.may_end:
                    return
                loop.idle()
                if not loop.alarms_ring and not letters:
                    paused = times.pause_idle()
                    await gate.wait()
                    times.resume_idle(paused)
                if loop.alarms_ring:
                    await loop.answer_alarms()
                continue
            channel, element = given
            if isinstance(element, RecordBatch):
                times.records_in += len(element.values)
                if second[channel]:
                    await loop.drain(head.process(element, second=True))
                else:
                    await loop.drain(head.process(element))
                if head.rest is not None:  # interrupted, by a letter
                    driver.rest, head.rest = (channel, head.rest), None
            else:
                await self._on_marker(channel, element)
            await loop.breathe()

    async def _process_rest(self, rest: tuple[int, RecordBatch]) -> None:
        """Go on with a batch that was interrupted."""
        channel, batch = rest
        head, driver = self._chain.head.nodes[0], self._driver
        driver.rest = None
        await self._loop.drain(head.process(batch, second=self._gate.channels[channel].input_index == 1))
        if head.rest is not None:
            driver.rest, head.rest = (channel, head.rest), None
        await self._loop.breathe()

    async def _on_marker(self, channel: int, marker: Marker) -> None:
        if isinstance(marker, Watermark):
            await self._pass_on(self._valve.on_watermark(channel, marker))
        elif isinstance(marker, CheckpointBarrier):
            self._driver.on_barrier(channel, marker)
        elif isinstance(marker, WatermarkStatus):
            await self._pass_on(self._valve.on_status(channel, marker))
        elif isinstance(marker, EndOfData):
            await self._on_end_of_data(channel, drain=marker.drain)
        elif isinstance(marker, EndOfPartition):
            await self._on_end_of_data(channel, drain=True)  # if it did not say so before
            self._driver.on_end(channel)
        else:
            await self._pass_on((marker,))

    async def _on_end_of_data(self, channel: int, *, drain: bool) -> None:
        if not self._ends.on_end(channel, drain=drain):
            return
        if drain:  # else time stands still where it is
            await self._pass_on(self._valve.on_end(channel))
        if self._ends.all:
            await self._end_data(self._ends.drained)

    async def _pass_on(self, markers: tuple[Marker, ...]) -> None:
        for each in markers:
            await self._loop.drain(self._chain.head.marker(each))
