"""What a task with a source does until it may end: read, take checkpoints, and wait for the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns

from millstream.common.records import MAX_WATERMARK, Marker, RecordBatch
from millstream.taskmanager.task.chain_node import Targets
from millstream.taskmanager.task.checkpoint_driver import CheckpointDriver
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.mailbox import Mailbox
from millstream.taskmanager.task.source_driver import EndOfInput, SourceDriver
from millstream.taskmanager.task.split_input import SplitInput
from millstream.taskmanager.task.task_loop import TaskLoop
from millstream.taskmanager.task.task_metrics import TaskTimes
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["SourceWork"]


class SourceWork:
    """Drives a source through the chain behind it.

    :param end_data: called once, when there is no more data; told whether all of it was processed.
    """

    def __init__(
        self,
        source: SourceDriver,
        targets: Targets,
        loop: TaskLoop,
        times: TaskTimes,
        driver: CheckpointDriver,
        mailbox: Mailbox,
        section: UserCodeSection,
        end_data: Callable[[bool], Awaitable[None]],
        splits: SplitInput | None = None,
    ) -> None:
        """:param splits: what comes from the source's enumerator, if it has one."""
        self._source = source
        self._targets = targets
        self._loop = loop
        self._times = times
        self._driver = driver
        self._final = driver.final
        self._mailbox = mailbox
        self._section = section
        self._end_data = end_data
        self._splits = splits

    async def run(self, *, read: bool = True) -> None:
        """Return when the task may end.

        :param read: False: a restored source that had given everything.
        """
        if read:
            await self._read()
        else:
            await self._end()
        final = self._final
        splits = self._splits
        while True:
            if splits is not None:
                await splits.take(self._drain)
            if final.may_end and (splits is None or splits.finished):
                return
            paused = self._times.pause_idle()
            if splits is None:
                await self._mailbox.wait()
            elif not self._mailbox.letters:
                await splits.wait_for_enumerator()
            self._times.resume_idle(paused)
            await self._driver.answer()

    async def _read(self) -> None:
        source = self._source
        final = self._final
        letters = self._mailbox.letters
        splits = self._splits
        while True:
            if splits is not None:
                await splits.take(self._drain)
                if final.ended:
                    return
                if splits.stopped:
                    await self._end_data(False)
                    return
            if letters:
                await self._driver.answer(self._drain)
                if final.ended:
                    return
            if final.stopped:
                await self._end_data(False)
                return
            if final.held:
                await self._stand_still()
                continue
            item = call_user_code(self._section, source.poll, lambda error: source.locate(error, "poll"))
            if item is None:
                await self._wait()
            elif isinstance(item, EndOfInput):
                await self._end()
                return
            else:
                await self._pass_on(item)
                await self._loop.breathe()

    async def _pass_on(self, item: RecordBatch | Marker) -> None:
        if not isinstance(item, RecordBatch):
            await self._loop.drain(self._targets.marker(item))
            return
        records = len(item.values)
        if records:
            began = perf_counter_ns()
            await self._loop.drain(self._targets.emit(item))
            self._source.processed(records, perf_counter_ns() - began)

    async def _wait(self) -> None:
        """The source has nothing now."""
        self._loop.idle()
        if self._loop.alarms_ring:
            await self._loop.answer_alarms()
            return
        paused = self._times.pause_idle()
        try:
            await (self._source if self._splits is None else self._splits).wait()
        except (asyncio.CancelledError, TaskInterrupted):
            raise
        except BaseException as error:
            raise UserCodeError(self._source.locate(error, "wait_available"), error) from error
        self._times.resume_idle(paused)

    async def _stand_still(self) -> None:
        """The job may be about to stop: read nothing, but hear what becomes of that."""
        paused = self._times.pause_idle()
        if self._mailbox.letters:  # the source is in the midst of something
            await self._source.wait()
            await asyncio.sleep(0)
        else:
            await self._mailbox.wait()
        self._times.resume_idle(paused)

    async def _drain(self) -> None:
        """Somebody wants the input to end here."""
        if not self._final.ended:
            for item in await self._source.drain():
                await self._pass_on(item)
            await self._end()

    async def _end(self) -> None:
        await self._loop.drain(self._targets.marker(MAX_WATERMARK))
        await self._end_data(True)
