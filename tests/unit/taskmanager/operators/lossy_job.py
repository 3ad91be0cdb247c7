"""A job that is killed at any moment: what its sinks make visible must be the input, each record once.

A model of what the cluster does with the operators of one vertex: it hands them records, takes checkpoints that may
fail, tells of those that are complete or forgets to, kills everything without a word, starts it again with another
parallelism from the last complete checkpoint and hands over again what came after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from millstream.common.records import RecordBatch
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle, OperatorSubtaskState, StateBytes
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
    Pause,
    TaskInfo,
)
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.snapshot import SnapshotOptions

JOB = "c0ffee"


class MemoryStreams:
    """Snapshots stay inside their handles."""

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        return StateBytes(inline=b"".join(bytes(chunk) for chunk in chunks))

    def write_file(self, name: str, source: Any, *, shared: bool = False) -> StateBytes:
        raise AssertionError("operator state is in no file")

    def refer(self, stored: StateBytes, source: Any) -> None:
        raise AssertionError("operator state is in no file")


class MemoryReader:
    def read(self, stored: StateBytes) -> bytes:
        return stored.inline

    def open(self, stored: StateBytes) -> Any:
        raise AssertionError("operator state is read whole")

    def download(self, stored: StateBytes, target: Any) -> None:
        raise AssertionError("operator state is in no file")


def snapshot_of(states: OperatorStates, checkpoint_id: int) -> OperatorSubtaskState:
    return states.start_snapshot(SnapshotOptions(checkpoint_id)).write(MemoryStreams())


def redistribute(old: Sequence[OperatorSubtaskState], parallelism: int) -> list[OperatorSubtaskState]:
    """Divide the items of split state one by one, wherever they were before; repeat those of union state."""
    new = [OperatorSubtaskState() for _ in range(parallelism)]
    turn = 0
    for state in old:
        for handle in state.operator:
            shares = [OperatorStateHandle(name=handle.name, mode=handle.mode, bytes=handle.bytes) for _ in new]
            for offset, length in zip(handle.offsets, handle.lengths, strict=True):
                receivers = shares if handle.mode == "UNION" else [shares[turn % parallelism]]
                turn += 1
                for share in receivers:
                    share.offsets.append(offset)
                    share.lengths.append(length)
            for state_of_new, share in zip(new, shares, strict=True):
                state_of_new.operator.append(share)
    return new


def take(outputs: Iterable[Output]) -> None:
    """Take what an operator gives as a task would; it gives nothing but pauses."""
    for output in outputs:
        assert isinstance(output, Pause), output


class Subtasks:
    """The operators of one vertex, in one attempt."""

    def __init__(
        self,
        create: Callable[[OperatorContext], Operator],
        parallelism: int,
        attempt: int,
        restored: tuple[int, Sequence[OperatorSubtaskState]] | None,
        now_ms: int = 0,
        job_id: str = JOB,
    ) -> None:
        self.states: list[OperatorStates] = []
        self.operators: list[Operator] = []
        self.times: list[ManualProcessingTime] = []
        shares = None if restored is None else redistribute(restored[1], parallelism)
        for index in range(parallelism):
            states = OperatorStates(restored_checkpoint_id=None if restored is None else restored[0], lineage_id=JOB)
            if shares is not None:
                states.restore(shares[index], MemoryReader())
            time = ManualProcessingTime(now_ms)
            self.times.append(time)
            context = OperatorContext(
                OperatorInfo("sink", "0b5e"),
                TaskInfo(job_id=job_id, subtask_index=index, parallelism=parallelism, attempt_number=attempt),
                processing_time=time,
                state=states,
                checkpointing=True,
            )
            self.states.append(states)
            self.operators.append(create(context))

    def open(self) -> None:
        for operator in self.operators:
            operator.initialize_state()
        for operator in self.operators:
            operator.open()

    def snapshot(self, checkpoint_id: int, final: bool = False) -> list[OperatorSubtaskState]:
        snapshots = []
        for operator, states in zip(self.operators, self.states, strict=True):
            operator.prepare_snapshot(CheckpointInfo(checkpoint_id, timestamp=checkpoint_id * 1000, final=final))
            snapshots.append(snapshot_of(states, checkpoint_id))
        return snapshots


class LossyJob:
    """Runs a sink over ``0, 1, 2, ...``.

    :param create: makes an operator.
    """

    def __init__(self, create: Callable[[OperatorContext], Operator], parallelism: int) -> None:
        self._create = create
        self._attempt = 0
        self._next = 0
        self._checkpoint_id = 0
        self._completed: tuple[int, list[OperatorSubtaskState], int] | None = None
        self._now_ms = 0
        self.restarts = 0
        self._dead: list[Operator] = []
        self.subtasks = Subtasks(create, parallelism, 0, None)
        self.subtasks.open()

    @property
    def written(self) -> int:
        return self._next

    def write(self, count: int) -> None:
        operators = self.subtasks.operators
        for _ in range(count):
            value = self._next
            take(operators[value % len(operators)].process_batch(RecordBatch([value], [value])))
            self._next += 1

    def wait(self, ms: int) -> None:
        self._now_ms += ms
        for operator, time in zip(self.subtasks.operators, self.subtasks.times, strict=True):
            time.set_now(self._now_ms)
            if time.alarm is not None and time.alarm <= self._now_ms:
                take(operator.on_wake(self._now_ms))

    def checkpoint(self, outcome: str, final: bool = False) -> None:
        """Take one.

        :param outcome: ``notified``, ``complete`` (and nobody is told), ``partly`` (one subtask is told) or ``failed``.
        """
        self._checkpoint_id += 1
        snapshots = self.subtasks.snapshot(self._checkpoint_id, final)
        if outcome == "failed":
            for operator in self.subtasks.operators:
                operator.notify_checkpoint_aborted(self._checkpoint_id)
            return
        self._completed = self._checkpoint_id, snapshots, self._next
        told = {"notified": None, "partly": 1, "complete": 0}[outcome]
        for operator in self.subtasks.operators[:told]:
            take(operator.notify_checkpoint_complete(self._checkpoint_id))

    def kill(self, parallelism: int, hard: bool = True) -> None:
        """Start again. After a hard kill nothing is closed before the job is."""
        if hard:
            self._dead += self.subtasks.operators
        else:
            for operator in self.subtasks.operators:
                operator.close()
        self._attempt += 1
        self.restarts += 1
        restored = None
        self._next = 0
        if self._completed is not None:
            restored = self._completed[:2]
            self._next = self._completed[2]
        self.subtasks = Subtasks(self._create, parallelism, self._attempt, restored, self._now_ms)
        self.subtasks.open()

    def finish(self, total: int) -> None:
        """Write up to ``total`` and end as a job ends."""
        self.write(max(0, total - self._next))
        for operator in self.subtasks.operators:
            take(operator.finish())
        self.checkpoint("notified", final=True)

    def close(self) -> None:
        for operator in self.subtasks.operators + self._dead:
            operator.close()


async def wait_for(outputs: Iterable[Output]) -> None:
    """As :func:`take`, and wait where the operator wants to."""
    for output in outputs:
        assert isinstance(output, Pause)
        await asyncio.wait_for(output.wait(), 60)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 5)),
        st.tuples(st.just("wait"), st.sampled_from([10, 1000, 100_000])),
        st.tuples(st.just("checkpoint"), st.sampled_from(["notified", "complete", "partly", "failed"])),
        st.tuples(st.just("kill"), st.integers(1, 3)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
    ),
    max_size=25,
)
"""What may happen to a job, in any order."""


def play(job: LossyJob, steps: Sequence[tuple[str, Any]]) -> None:
    """Let it happen."""
    for what, argument in steps:
        if what == "write":
            job.write(argument)
        elif what == "wait":
            job.wait(argument)
        elif what == "checkpoint":
            job.checkpoint(argument)
        else:
            job.kill(argument, hard=what == "kill")
