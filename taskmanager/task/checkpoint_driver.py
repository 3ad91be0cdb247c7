"""Brings together what a task must know to take part in checkpoints: barriers, commands, notices, and its end.

Everything here happens between two pieces of the task's work, so a snapshot never falls into the midst of a batch, and
all that was processed before it has been handed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

from millstream.common.clock import Clock
from millstream.common.records import CheckpointBarrier, RecordBatch
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.taskmanager.exchange import Chunks, InputGate
from millstream.taskmanager.network.value_serializer import RecordSerializationError
from millstream.taskmanager.operators.operator import FailureSite
from millstream.taskmanager.task.alignment import (
    Action,
    Alignment,
    AllKnown,
    Block,
    Lost,
    TakeSnapshot,
    UnblockAll,
)
from millstream.taskmanager.task.chain import Chain
from millstream.taskmanager.task.final_checkpoint import FinalCheckpoint
from millstream.taskmanager.task.input_under_way import InputUnderWay, KeptInput
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.task.mailbox import (
    AlignmentTimeout,
    CheckpointTrigger,
    Letter,
    Mailbox,
    OvertakingBarrier,
)
from millstream.taskmanager.task.source_driver import SourceDriver
from millstream.taskmanager.task.subtask_checkpoints import SubtaskCheckpoints
from millstream.taskmanager.task.task_loop import TaskLoop
from millstream.taskmanager.task.task_metrics import Arrival
from millstream.taskmanager.task.user_calls import call_user_code

__all__ = ["UNALIGNED", "CheckpointDriver"]

_DRAIN = "DRAIN"
_STOP = "STOP"
_AT_LEAST_ONCE = "AT_LEAST_ONCE"
UNALIGNED = "UNALIGNED"
_MOST_REMEMBERED = 128


@dataclass(frozen=True, slots=True)
class _FirstBarrier:
    at_ns: int
    bytes_in: int
    delay_ms: int


class CheckpointDriver:
    """One task's part in the job's checkpoints.

    :ivar final: whether the task may end.
    :ivar rest: what was not processed of the last batch, and its channel.
    """

    def __init__(
        self,
        chain: Chain,
        loop: TaskLoop,
        mailbox: Mailbox,
        checkpoints: SubtaskCheckpoints,
        final: FinalCheckpoint,
        gate: InputGate | None,
        clock: Clock,
        section: UserCodeSection,
    ) -> None:
        self.final = final
        self.letters = mailbox.letters
        self._chain = chain
        self._loop = loop
        self._checkpoints = checkpoints
        self.rest: tuple[int, RecordBatch] | None = None
        self._mailbox = mailbox
        self._gate = gate
        self._clock = clock
        self._section = section
        infos = [] if gate is None else gate.channels
        self._alignment = Alignment(len(infos), [index for index, info in enumerate(infos) if info.in_line])
        self._input = InputUnderWay(gate, checkpoints.subtask_index)
        self._timeout: tuple[int, asyncio.TimerHandle] | None = None
        self._first: dict[int, _FirstBarrier] = {}
        loop.checkpoint_under_way = lambda: bool(self._first) or checkpoints.is_writing
        self._completed = 0
        self._aborted: set[int] = set()

    # ---------------------------------------------------------------- what comes through the channels

    def on_barrier(self, channel: int, barrier: CheckpointBarrier) -> None:
        """A channel has brought a barrier, in line."""
        options = CheckpointOptions.FromString(barrier.options)
        self._remember(barrier)
        self._watch(barrier, options)
        aligned = options.alignment != _AT_LEAST_ONCE
        unaligned = options.alignment == UNALIGNED
        self._carry_out(self._alignment.on_barrier(channel, barrier, aligned=aligned, unaligned=unaligned))

    def on_announced(self, channel: int, barrier: CheckpointBarrier) -> None:
        """See :class:`~millstream.taskmanager.exchange.BarrierListener`, as the next ones."""
        self._watch(barrier, CheckpointOptions.FromString(barrier.options))
        if self._chain.source is not None and not self._alignment.is_known(barrier.checkpoint_id):
            self._loop.hurry(True)  # nothing is before it that would take long

    def on_overtaking(self, channel: int, barrier: CheckpointBarrier, before: Chunks) -> None:
        if self._alignment.is_taken(barrier.checkpoint_id):
            self._carry_out(self._alignment.on_barrier(channel, barrier, aligned=True, unaligned=True))
            return
        self._remember(barrier)
        self._input.arrived(barrier.checkpoint_id, channel, before)
        self._mailbox.put(OvertakingBarrier(channel, barrier))
        self._loop.hurry(True)

    def on_recorded(self, channel: int, checkpoint_id: int) -> None:
        self._carry_out(self._alignment.on_seen(channel, checkpoint_id))

    def on_end(self, channel: int) -> None:
        """A channel has ended."""
        self._carry_out(self._alignment.on_end(channel))

    # ---------------------------------------------------------------- what comes by mail

    async def answer(self, drain: Callable[[], Awaitable[None]] | None = None) -> None:
        """Answer the letters, as far as the source can stand still for it now.

        :param drain: ends the task's input.
        """
        source = self._chain.source
        letters = self.letters
        while letters:
            letter = letters[0]
            if drain is not None and isinstance(letter, CheckpointTrigger) and letter.options.kind == _DRAIN:
                await drain()
            if source is None:
                await self._answer(self._mailbox.take())
                continue
            if not source.claim():
                return
            try:
                # Behind a savepoint that may stop the job, what came since then stays in the source.
                while not self.final.held and (item := source.emitted()) is not None:
                    head = self._chain.head
                    await self._loop.drain(head.emit(item) if isinstance(item, RecordBatch) else head.marker(item))
                await self._answer(self._mailbox.take())
            finally:
                source.hand_back()
        self._loop.hurry(False)

    async def _answer(self, letter: Letter) -> None:
        if isinstance(letter, CheckpointTrigger):
            if self.final.held:
                self._checkpoints.decline(letter.checkpoint_id, "a savepoint is under way that stops the job")
                return
            options = letter.options
            barrier = CheckpointBarrier(
                letter.checkpoint_id, options.trigger_timestamp_ms, options.SerializeToString(deterministic=True)
            )
            self._remember(barrier)
            aligned = options.alignment != _AT_LEAST_ONCE
            unaligned = options.alignment == UNALIGNED
            self._carry_out(self._alignment.on_trigger(barrier, aligned=aligned, unaligned=unaligned))
        elif isinstance(letter, OvertakingBarrier):
            barrier = letter.barrier
            self._carry_out(self._alignment.on_barrier(letter.channel, barrier, aligned=True, unaligned=True))
        elif isinstance(letter, AlignmentTimeout):
            self._remember(letter.barrier)
            self._carry_out(self._alignment.on_timeout(letter.barrier))
        elif letter.completed:
            await self._on_completed(letter.checkpoint_id)
        else:
            self._on_aborted(letter.checkpoint_id)

    async def _on_completed(self, checkpoint_id: int) -> None:
        if checkpoint_id <= self._completed:
            return
        self._completed = checkpoint_id
        self._aborted = {each for each in self._aborted if each > checkpoint_id}
        self._checkpoints.give_up_before(checkpoint_id)
        for node in self._chain.nodes:
            await self._loop.drain(node.checkpoint_complete(checkpoint_id))
        self._tell_source("notify_checkpoint_complete", lambda source: source.checkpoint_complete(checkpoint_id))
        for _, states in self._chain.states:
            states.notify_checkpoint_complete(checkpoint_id)
        self.final.on_completed(checkpoint_id)
        self._loop.held = self.final.held

    def _on_aborted(self, checkpoint_id: int) -> None:
        if checkpoint_id <= self._completed or checkpoint_id in self._aborted:
            return
        self._aborted.add(checkpoint_id)
        if len(self._aborted) > _MOST_REMEMBERED:
            self._aborted.remove(min(self._aborted))
        self._carry_out(self._alignment.on_aborted(checkpoint_id))
        self._give_up(checkpoint_id)
        for node in self._chain.nodes:
            node.checkpoint_aborted(checkpoint_id)
        self._tell_source("notify_checkpoint_aborted", lambda source: source.checkpoint_aborted(checkpoint_id))
        for _, states in self._chain.states:
            states.notify_checkpoint_aborted(checkpoint_id)
        self.final.on_failed(checkpoint_id)
        self._loop.held = self.final.held

    def _tell_source(self, phase: str, call: Callable[[SourceDriver], None]) -> None:
        source = self._chain.source
        if source is not None and source.opened:
            call_user_code(self._section, partial(call, source), partial(_locate, source, phase))

    # ---------------------------------------------------------------- what is done about it

    def _remember(self, barrier: CheckpointBarrier) -> None:
        if barrier.checkpoint_id not in self._first:
            delay_ms = max(0, self._clock.now_ms() - barrier.timestamp)
            bytes_in = 0 if self._gate is None else self._gate.bytes_in
            self._first[barrier.checkpoint_id] = _FirstBarrier(perf_counter_ns(), bytes_in, delay_ms)

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, TakeSnapshot):
                self._take(action)
            elif isinstance(action, AllKnown):
                first = self._first.get(action.checkpoint_id)
                alignment_ns = 0 if first is None or self._gate is None else perf_counter_ns() - first.at_ns
                self._input.complete(action.checkpoint_id, alignment_ns)
            elif isinstance(action, Lost):
                self._give_up(action.checkpoint_id)
                self._checkpoints.decline(action.checkpoint_id, action.reason)
            elif self._gate is not None:
                if isinstance(action, Block):
                    self._gate.block(action.channel)
                elif isinstance(action, UnblockAll):
                    self._gate.unblock_all()
        pending = self._alignment.pending
        self._first = {number: first for number, first in self._first.items() if number in pending}

    def _give_up(self, checkpoint_id: int) -> None:
        self._input.give_up(checkpoint_id)
        self._checkpoints.give_up(checkpoint_id)
        if self._timeout is not None and self._timeout[0] == checkpoint_id:
            self._stop_watching()

    def _watch(self, barrier: CheckpointBarrier, options: CheckpointOptions) -> None:
        """See to it that a barrier that is in line does not stay there for longer than it may."""
        number = barrier.checkpoint_id
        if not options.aligned_timeout_ms or options.kind not in ("", "CHECKPOINT") or number in self._aborted:
            return
        if self._timeout is None or self._timeout[0] < number:
            self._stop_watching()
            # Counted from the trigger, so that a task does not begin anew where another has waited already.
            elapsed = max(0, self._clock.now_ms() - barrier.timestamp)
            delay = max(0, options.aligned_timeout_ms - elapsed) / 1000
            self._timeout = number, asyncio.get_running_loop().call_later(delay, self._on_timeout, barrier)

    def _on_timeout(self, barrier: CheckpointBarrier) -> None:
        self._mailbox.put(AlignmentTimeout(barrier))
        self._loop.hurry(True)

    def _stop_watching(self) -> None:
        if self._timeout is not None:
            self._timeout[1].cancel()

    def close(self) -> None:
        """The task ends: wait for nothing any more."""
        self._stop_watching()
        self._input.give_up()

    def _take(self, action: TakeSnapshot) -> None:
        barrier = action.barrier
        if self._timeout is not None and self._timeout[0] == barrier.checkpoint_id:
            self._stop_watching()
        options = CheckpointOptions.FromString(barrier.options)
        first = self._first.get(barrier.checkpoint_id)
        arrival = Arrival()
        if first is not None:
            alignment_ns = 0 if self._gate is None else perf_counter_ns() - first.at_ns
            bytes_processed = 0 if self._gate is None else self._gate.bytes_in - first.bytes_in
            arrival = Arrival(first.delay_ms, alignment_ns, bytes_processed)
        final = self.final
        stop = options.kind == _STOP
        kept: asyncio.Future[KeptInput] | None = None
        seen: list[int] = []
        if action.unaligned:
            try:
                kept, seen = self._input.begin(barrier.checkpoint_id, action.missing, self.rest)
            except RecordSerializationError as error:
                self._checkpoints.fail(barrier.checkpoint_id, error)
                self._carry_out(self._alignment.on_aborted(barrier.checkpoint_id))
                return
        taken = self._checkpoints.take(
            barrier, options, arrival, final=stop or final.ended, finished=final.finished, kept=kept
        )
        if not taken and action.unaligned:
            self._input.give_up(barrier.checkpoint_id)
        for channel in seen:
            self._carry_out(self._alignment.on_seen(channel, barrier.checkpoint_id))
        if not self.letters:
            self._loop.hurry(False)
        if taken:
            final.on_taken(barrier.checkpoint_id, stop=stop)
            self._loop.held = final.held


def _locate(source: SourceDriver, phase: str, error: BaseException) -> FailureSite:
    return source.locate(error, phase)
