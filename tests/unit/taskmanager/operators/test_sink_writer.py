"""Sinks whose writers and committers take part in checkpoints."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch
from millstream.datastream.sink import (
    CommitRequest,
    Committer,
    CommitterInitContext,
    CommittingSinkWriter,
    Sink,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    WriterContext,
    WriterInitContext,
)
from millstream.taskmanager.operators import committables
from millstream.taskmanager.operators.operator import CheckpointInfo, Operator, OperatorContext, OperatorInfo, TaskInfo
from millstream.taskmanager.operators.sink_writer import SinkWriterOperator
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_states import OperatorStates
from tests.unit.taskmanager.operators.lossy_job import (
    JOB,
    STEPS,
    LossyJob,
    MemoryReader,
    play,
    redistribute,
    snapshot_of,
    take,
    wait_for,
)


class Outside:
    """What is visible, and what committers are to say. By the identity of what was committed, as an outside system."""

    def __init__(self) -> None:
        self.visible: dict[Any, tuple[int, ...]] = {}
        self.calls: list[tuple[Any, int | None, int]] = []
        self.answers: list[str] = []
        self.contexts: list[WriterInitContext] = []
        self.log: list[str] = []
        self.writers = 0


class Writer(StatefulSinkWriter, CommittingSinkWriter):
    """Hands over every third record as soon as it can, with the two before it."""

    def __init__(self, outside: Outside, kept: list[int]) -> None:
        self.outside = outside
        self.kept = kept
        self.ready: list[tuple[int, ...]] = []
        outside.writers += 1
        self.id = outside.writers
        self.parts = 0

    def write(self, value: Any, context: WriterContext) -> None:
        self.kept.append(value)
        if len(self.kept) == 3:
            self._roll()

    def flush(self, end_of_input: bool) -> None:
        self.outside.log.append(f"flush {end_of_input}")
        if end_of_input and self.kept:
            self._roll()

    def _roll(self) -> None:
        self.ready.append(tuple(self.kept))
        self.kept = []

    def prepare_commit(self) -> Sequence[Any]:
        ready, self.ready = self.ready, []
        named = []
        for records in ready:
            self.parts += 1
            named.append(((self.id, self.parts), records))
        return named

    def snapshot_state(self, checkpoint_id: int) -> Sequence[Any]:
        return list(self.kept)

    def discard(self) -> None:
        self.outside.log.append("discard")


class OutsideCommitter(Committer):
    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def commit(self, requests: Sequence[CommitRequest]) -> None:
        for request in requests:
            identity, records = request.get_committable()
            self.outside.calls.append((records, request.checkpoint_id, request.get_number_of_retries()))
            answer = self.outside.answers.pop(0) if self.outside.answers else "commit"
            if answer == "raise":
                raise OSError("away")
            if answer == "retry":
                request.retry_later()
            elif answer == "half":
                request.update_and_retry_later(((*identity, "rest"), records[1:]))
                self.outside.visible[identity] = records[:1]
            elif answer == "known":
                request.signal_failed_with_known_reason(ValueError("refused"))
            elif answer == "unknown":
                request.signal_failed_with_unknown_reason(ValueError("who knows"))
            elif identity in self.outside.visible:
                request.signal_already_committed()
            else:
                self.outside.visible[identity] = records


class OutsideSink(Sink, SupportsCommitter, SupportsWriterState):
    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def create_writer(self, context: WriterInitContext) -> Writer:
        self.outside.contexts.append(context)
        return Writer(self.outside, [])

    def restore_writer(self, context: WriterInitContext, states: Sequence[Any]) -> Writer:
        self.outside.contexts.append(context)
        self.outside.log.append("restore")
        return Writer(self.outside, list(states))

    def create_committer(self, context: CommitterInitContext) -> OutsideCommitter:
        self.outside.contexts.append(context)
        return OutsideCommitter(self.outside)


def create(outside: Outside) -> Any:
    return lambda context: SinkWriterOperator(SinkSpec(OutsideSink(outside)), context)


@given(STEPS, st.integers(1, 3))
def test_whatever_happens_each_record_is_committed_once(steps: list[tuple[str, Any]], parallelism: int) -> None:
    outside = Outside()
    job = LossyJob(create(outside), parallelism)
    play(job, steps)
    job.finish(20)
    job.close()
    assert Counter(value for records in outside.visible.values() for value in records) == Counter(
        range(max(20, job.written))
    )
    assert "discard" not in outside.log


def _operator(outside: Outside, states: OperatorStates | None = None, **other: Any) -> Operator:
    other.setdefault("checkpointing", True)
    return SinkWriterOperator(
        SinkSpec(OutsideSink(outside), bounded=True),
        OperatorContext(
            OperatorInfo("out", "0b5e"),
            TaskInfo(job_id="second", subtask_index=1, parallelism=2, attempt_number=4),
            state=states or OperatorStates(lineage_id=JOB),
            **other,
        ),
    )


def test_nothing_is_visible_before_a_checkpoint_is_complete() -> None:
    outside = Outside()
    operator = _operator(outside)
    operator.initialize_state()
    operator.open()
    take(operator.process_batch(RecordBatch([1, 2, 3, 4])))
    operator.prepare_snapshot(CheckpointInfo(7))
    take(operator.process_batch(RecordBatch([5, 6])))
    operator.prepare_snapshot(CheckpointInfo(8))
    assert outside.visible == {}
    take(operator.notify_checkpoint_complete(7))
    assert list(outside.visible.values()) == [(1, 2, 3)]
    take(operator.process_batch(RecordBatch([7])))
    take(operator.finish())
    operator.prepare_snapshot(CheckpointInfo(9, final=True))
    take(operator.notify_checkpoint_complete(9))
    assert outside.calls == [((1, 2, 3), 7, 0), ((4, 5, 6), 8, 0), ((7,), 9, 0)]
    assert outside.log == ["flush False", "flush False", "flush True"]
    operator.close()
    assert outside.contexts[0] == CommitterInitContext(1, 2, 4, None, "second", JOB, "0b5e", True)
    assert outside.contexts[1] == WriterInitContext(1, 2, 4, None, "second", JOB, "0b5e", True)


def _restored(outside: Outside) -> Operator:
    """A sink that goes on from a checkpoint with one committable and one record in the writer's state."""
    states = OperatorStates(lineage_id=JOB)
    first = _operator(outside, states)
    first.open()
    take(first.process_batch(RecordBatch([1, 2, 3, 4])))
    first.prepare_snapshot(CheckpointInfo(7))
    snapshot = snapshot_of(states, 7)
    again = OperatorStates(restored_checkpoint_id=7, lineage_id=JOB)
    again.restore(redistribute([snapshot], 1)[0], MemoryReader())
    outside.contexts.clear()
    second = _operator(outside, again)
    second.initialize_state()
    return second


def test_after_a_restore_what_the_checkpoint_holds_is_committed_before_there_is_a_writer() -> None:
    outside = Outside()
    operator = _restored(outside)
    operator.open()
    assert list(outside.visible.values()) == [(1, 2, 3)]
    assert isinstance(outside.contexts[0], CommitterInitContext)
    assert [each.restored_checkpoint_id for each in outside.contexts] == [7, 7]
    assert outside.log[-1] == "restore"
    operator.close()
    assert "discard" not in outside.log


def test_a_restored_committable_that_is_to_be_tried_again_does_not_wait_for_a_checkpoint() -> None:
    outside = Outside()
    outside.answers = ["retry"]
    operator = _restored(outside)
    operator.open()
    assert outside.visible == {}
    take(operator.on_wake(0))
    assert list(outside.visible.values()) == [(1, 2, 3)]


def test_a_committer_that_raises_when_restored_is_where_it_failed() -> None:
    outside = Outside()
    outside.answers = ["raise"]
    operator = _restored(outside)
    with pytest.raises(OSError, match="away") as caught:
        operator.open()
    assert operator.locate(caught.value, "open").phase == "commit"
    operator.close()


def _with_one_waiting(outside: Outside) -> Operator:
    operator = _operator(outside)
    operator.open()
    take(operator.process_batch(RecordBatch([1, 2, 3])))
    operator.prepare_snapshot(CheckpointInfo(1))
    return operator


def test_a_committer_may_ask_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committables, "_FIRST_DELAY_S", 0.0)
    outside = Outside()
    outside.answers = ["retry", "half", "retry", "commit"]
    asyncio.run(wait_for(_with_one_waiting(outside).notify_checkpoint_complete(1)))
    assert outside.calls == [((1, 2, 3), 1, 0), ((1, 2, 3), 1, 1), ((2, 3), 1, 2), ((2, 3), 1, 3)]
    assert sorted(outside.visible.values()) == [(1,), (2, 3)]


def test_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committables, "_FIRST_DELAY_S", 0.0)
    outside = Outside()
    outside.answers = ["retry"] * 100
    with pytest.raises(MillstreamError, match=r"sink 'out': .*of checkpoint 1 could not be committed in 11 attempts"):
        asyncio.run(wait_for(_with_one_waiting(outside).notify_checkpoint_complete(1)))


def test_a_failure_that_is_known_is_logged_and_the_job_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    outside = Outside()
    outside.answers = ["known"]
    operator = _with_one_waiting(outside)
    take(operator.notify_checkpoint_complete(1))
    assert "sink out" in caplog.text
    assert "never will be: refused" in caplog.text
    take(operator.notify_checkpoint_complete(2))
    assert len(outside.calls) == 1


@pytest.mark.parametrize(("answer", "message"), [("unknown", "who knows"), ("raise", "away")])
def test_any_other_failure_fails_the_job_and_nothing_is_forgotten(answer: str, message: str) -> None:
    outside = Outside()
    outside.answers = [answer]
    operator = _with_one_waiting(outside)
    with pytest.raises((ValueError, OSError), match=message) as caught:
        take(operator.notify_checkpoint_complete(1))
    assert operator.locate(caught.value, None).phase == "commit"


def test_without_checkpoints_a_savepoint_keeps_what_is_written() -> None:
    outside = Outside()
    operator = _operator(outside, checkpointing=False)
    operator.open()
    take(operator.process_batch(RecordBatch([1, 2, 3, 4])))
    operator.prepare_snapshot(CheckpointInfo(1, savepoint=True, final=True))
    take(operator.notify_checkpoint_complete(1))
    operator.close()
    assert list(outside.visible.values()) == [(1, 2, 3)]
    assert "discard" not in outside.log


def test_a_sink_whose_writers_have_state_can_restore_them() -> None:
    class Forgetful(Sink):
        def create_writer(self, context: WriterInitContext) -> Writer:
            return Writer(Outside(), [])

    operator = SinkWriterOperator(SinkSpec(Forgetful()), OperatorContext(OperatorInfo("out")))
    with pytest.raises(TypeError, match=r"Forgetful makes writers that have state \(Writer\), so .*restore_writer"):
        operator.open()


def test_a_writer_that_could_not_flush_does_not_go_on() -> None:
    class Full(Writer):
        def flush(self, end_of_input: bool) -> None:
            raise OSError("disk full")

    class FullSink(OutsideSink):
        def create_writer(self, context: WriterInitContext) -> Writer:
            return Full(self.outside, [])

    operator = SinkWriterOperator(SinkSpec(FullSink(Outside())), OperatorContext(OperatorInfo("out")))
    operator.open()
    with pytest.raises(OSError, match="disk full") as caught:
        operator.prepare_snapshot(CheckpointInfo(1))
    assert operator.locate(caught.value, None).phase == "snapshot_state"
    with pytest.raises(MillstreamError, match=r"sink 'out' cannot go on after a checkpoint .*disk full"):
        take(operator.process_batch(RecordBatch([1])))
    with pytest.raises(MillstreamError, match="cannot go on"):
        take(operator.finish())


def test_where_no_checkpoint_comes_after_the_end_nothing_is_left_uncommitted() -> None:
    settings = Configuration.from_map({"execution.checkpointing.checkpoints-after-tasks-finish": "false"})
    states = OperatorStates(KeyedBackendSettings(configuration=settings))
    outside = Outside()
    operator = _operator(outside, states)
    operator.open()
    take(operator.process_batch(RecordBatch([1, 2, 3, 4])))
    operator.prepare_snapshot(CheckpointInfo(1))
    assert outside.visible == {}
    take(operator.finish())
    assert sorted(outside.visible.values()) == [(1, 2, 3), (4,)]
    operator.close()
