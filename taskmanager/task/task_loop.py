"""A task's work, piece by piece.

Between two pieces the task looks at the room downstream, gives the slot's loop away when its quantum is used up, and
answers the alarms of its operators.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter_ns

from millstream.taskmanager.operators.batch_sizer import QUANTUM_NS
from millstream.taskmanager.task.alarm import Alarm
from millstream.taskmanager.task.chain import Chain
from millstream.taskmanager.task.chain_node import Steps
from millstream.taskmanager.task.task_metrics import TaskTimes

__all__ = ["TaskLoop"]

_TURNS = 8


class TaskLoop:
    """Carries out what the chain is to do.

    :ivar held: alarms wait: the job may be about to stop where it is.
    :ivar hurried: what was begun is to be done soon.
    :ivar checkpoint_under_way: whether the loop gets several turns when the quantum is used up. What a checkpoint
        consists of (bytes that come, threads that are done, messages that leave) takes one turn after the other, each
        behind a piece of work.
    """

    __slots__ = ("_awake", "_chain", "_ringing", "_times", "checkpoint_under_way", "held", "hurried")

    def __init__(self, chain: Chain, times: TaskTimes) -> None:
        self.held = False
        self.hurried = False
        self.checkpoint_under_way: Callable[[], bool] = lambda: False
        self._chain = chain
        self._times = times
        self._ringing: dict[Alarm, None] = {}
        self._awake = True  # alarms are answered

    async def drain(self, steps: Steps) -> None:
        """Carry out work piece by piece, with what :meth:`breathe` does between the pieces."""
        # Written out: a coroutine for each piece would cost in the hottest loop there is.
        outlets = self._chain.outlets
        times = self._times
        for step in steps:
            if step is not None:
                self.idle()
                paused = times.pause_idle()
                await step.wait()
                times.resume_idle(paused)
            for outlet in outlets:
                if not outlet.has_room:
                    paused = times.pause_backpressured()
                    await outlet.wait_room()
                    times.resume_backpressured(paused)
            if perf_counter_ns() - times.resumed_at > QUANTUM_NS:
                times.pause()
                await self._give_way()
                times.resume()

    async def breathe(self) -> None:
        """Look around after a batch."""
        times = self._times
        for outlet in self._chain.outlets:
            if not outlet.has_room:
                paused = times.pause_backpressured()
                await outlet.wait_room()
                times.resume_backpressured(paused)
        if perf_counter_ns() - times.resumed_at > QUANTUM_NS:
            times.pause()
            await self._give_way()
            times.resume()
        if self._ringing and not self.held:
            await self.answer_alarms()

    async def _give_way(self) -> None:
        """Let the loop serve others."""
        for _ in range(_TURNS if self.checkpoint_under_way() else 1):
            await asyncio.sleep(0)

    def hurry(self, on: bool) -> None:
        """A barrier that has overtaken waits for the end of the piece under way: that must not wait for room for long,
        and the batch it is of need not be done.
        """
        if on == self.hurried:
            return
        self.hurried = on
        for outlet in self._chain.outlets:
            outlet.hurry(on)
        if self._chain.source is None:  # a source cannot take back what it gave
            for node in self._chain.head.nodes:
                node.interrupted = on

    # ---------------------------------------------------------------- alarms

    @property
    def alarms_ring(self) -> bool:
        """Alarms are to be answered now."""
        return bool(self._ringing) and not self.held

    def ring(self, alarm: Alarm) -> bool:
        """An alarm rings: it is answered between two pieces of work. False: it never will be."""
        if self._awake:
            self._ringing[alarm] = None
        return self._awake

    async def answer_alarms(self) -> None:
        """Wake the operators whose alarms ring."""
        ringing, self._ringing = self._ringing, {}
        for alarm in ringing:
            now = alarm.answer()
            node = self._chain.alarms.get(alarm)
            if node is not None:  # else it is the source's, which is polled next
                await self.drain(node.wake(now))

    def silence_alarms(self) -> None:
        """No operator is woken any more."""
        self._awake = False
        self._ringing.clear()
        for alarm in self._chain.alarms:
            alarm.close()
        if self._chain.source_alarm is not None:
            self._chain.source_alarm.close()

    def idle(self) -> None:
        """There is nothing to do now: let out what is held back to make larger pieces."""
        for edge in self._chain.edges:
            edge.idle()
        for node in self._chain.nodes:
            node.idle()
