"""What comes to the readers of a source from its enumerator: splits, barriers, and the end.

A reader's task reads from two places, its source and this gate, and looks here between two batches. There is one
channel, since there is one enumerator, so a barrier never has to wait for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from millstream.common.records import CheckpointBarrier, Element, EndOfData, EndOfPartition, RecordBatch
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.taskmanager.exchange import ExchangeError, InputGate
from millstream.taskmanager.operators.operator import FailureSite
from millstream.taskmanager.task.checkpoint_driver import CheckpointDriver
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.task.reader_source import ReaderSource
from millstream.taskmanager.task.task_metrics import TaskTimes
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["SplitInput"]

_DRAIN = "DRAIN"


class SplitInput:
    """Hands the enumerator's splits to the reader.

    :ivar stopped: a savepoint has stopped the enumerator, and the job with it.
    """

    def __init__(
        self,
        gate: InputGate,
        source: ReaderSource,
        driver: CheckpointDriver,
        times: TaskTimes,
        section: UserCodeSection,
    ) -> None:
        self.stopped = False
        self._gate = gate
        self._source = source
        self._driver = driver
        self._times = times
        self._section = section

    @property
    def finished(self) -> bool:
        """Nothing more comes from the enumerator, neither splits nor barriers."""
        return self._gate.is_finished()

    async def take(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Take what is there now, up to a barrier that may stop the job.

        :param drain: ends the task's input.
        """
        held = self._driver.final
        while not held.held and (given := self._poll()) is not None:
            channel, element = given
            if isinstance(element, RecordBatch):
                self._add(element)
            elif isinstance(element, CheckpointBarrier):
                if CheckpointOptions.FromString(element.options).kind == _DRAIN:
                    await drain()
                self._driver.on_barrier(channel, element)
            elif isinstance(element, EndOfData):
                self._on_end(drained=element.drain)
            elif isinstance(element, EndOfPartition):
                self._on_end(drained=True)  # if it did not say so before
                self._driver.on_end(channel)
            # Time passes for records, not for splits: what else comes says nothing here.

    async def wait(self) -> None:
        """Return when there may be something from the enumerator, or from the source."""
        if self._source.waits_for_splits:
            await self._gate.wait()
            return
        loop = asyncio.get_running_loop()
        read = loop.create_task(self._source.wait())
        waits = {read, loop.create_task(self._gate.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.wait(waits)
        if not read.cancelled():
            read.result()

    async def wait_for_enumerator(self) -> None:
        """Return when there may be something from the enumerator, or in the mailbox."""
        await self._gate.wait()

    def _poll(self) -> tuple[int, Element] | None:
        try:
            return self._gate.poll()
        except ExchangeError:
            raise
        except Exception as error:
            raise UserCodeError(FailureSite(self._source.info, "deserialize"), error) from error

    def _add(self, assignments: RecordBatch) -> None:
        self._times.records_in += len(assignments.values)
        splits = [split for _, split in assignments.values]
        source = self._source
        call_user_code(
            self._section, lambda: source.add_splits(splits), lambda error: source.locate(error, "add_splits")
        )

    def _on_end(self, *, drained: bool) -> None:
        if not drained:
            self.stopped = True
        elif not self.stopped:
            source = self._source
            call_user_code(
                self._section, source.no_more_splits, lambda error: source.locate(error, "notify_no_more_splits")
            )
