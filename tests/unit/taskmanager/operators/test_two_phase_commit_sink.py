"""Sinks that write into transactions."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.clock import ManualClock
from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import SinkFunctionSpec
from millstream.common.records import RecordBatch
from millstream.datastream.functions import (
    CheckpointedFunction,
    RuntimeContext,
    SinkContext,
    TwoPhaseCommitSinkFunction,
)
from millstream.taskmanager.operators.operator import CheckpointInfo, Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.state.operator_states import OperatorStates
from tests.unit.taskmanager.operators.lossy_job import (
    STEPS,
    LossyJob,
    MemoryReader,
    play,
    redistribute,
    snapshot_of,
    take,
)


class Files(TwoPhaseCommitSinkFunction):
    """A transaction is a file that is moved when it is committed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.writer: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        super().open(runtime_context)
        os.makedirs(self.path / "open", exist_ok=True)
        os.makedirs(self.path / "done", exist_ok=True)

    def begin_transaction(self) -> str:
        context = self.get_runtime_context()
        self.count += 1
        name = f"{context.get_attempt_number()}-{context.get_index_of_this_subtask()}-{self.count}"
        self.writer = open(self.path / "open" / name, "x")  # noqa: SIM115  # closed in pre_commit
        return name

    def invoke(self, transaction: str, value: Any, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        self.writer.write(f"{value}\n")

    def pre_commit(self, transaction: str) -> None:
        self.writer.close()

    def commit(self, transaction: str) -> None:
        if (self.path / "open" / transaction).exists():
            os.rename(self.path / "open" / transaction, self.path / "done" / transaction)
        assert (self.path / "done" / transaction).exists(), "it was lost"

    def abort(self, transaction: str) -> None:
        self.writer.close()
        (self.path / "open" / transaction).unlink(missing_ok=True)

    def recover_and_abort(self, transaction: str) -> None:
        (self.path / "open" / transaction).unlink(missing_ok=True)


@given(STEPS, st.integers(1, 3))
def test_whatever_happens_each_record_is_committed_once(steps: list[tuple[str, Any]], parallelism: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sent = cloudpickle.dumps(SinkFunctionSpec(Files(Path(directory))))
        job = LossyJob(lambda context: create_operator(cloudpickle.loads(sent), context), parallelism)
        play(job, steps)
        job.finish(20)
        job.close()
        done = Counter(
            int(line) for each in (Path(directory) / "done").iterdir() for line in each.read_text().splitlines()
        )
        assert done == Counter(range(max(20, job.written)))


class Told(TwoPhaseCommitSinkFunction):
    """Keeps a log, and fails where it is told to."""

    def __init__(self, fails: str = "") -> None:
        self.log: list[Any] = []
        self.count = 0
        self.fails = fails

    def _say(self, what: str, *more: Any) -> None:
        self.log.append((what, *more))
        if what == self.fails:
            raise OSError(f"{what} failed")

    def open(self, runtime_context: RuntimeContext) -> None:
        self._say("open")

    def close(self) -> None:
        self._say("close")

    def begin_transaction(self) -> int:
        self.count += 1
        self._say("begin", self.count)
        return self.count

    def invoke(self, transaction: int, value: Any, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        self._say("invoke", transaction, value, context.timestamp())

    def pre_commit(self, transaction: int) -> None:
        self._say("pre_commit", transaction)

    def commit(self, transaction: int) -> None:
        self._say("commit", transaction)

    def abort(self, transaction: int) -> None:
        self._say("abort", transaction)

    def recover_and_commit(self, transaction: int) -> None:
        self._say("recover_and_commit", transaction)

    def recover_and_abort(self, transaction: int) -> None:
        self._say("recover_and_abort", transaction)

    def finish_processing(self, transaction: int) -> None:
        self._say("finish", transaction)

    def initialize_user_context(self) -> Any:
        return {"name": "first"}

    def finish_recovering_context(self, handled_transactions: Sequence[Any]) -> None:
        self._say("recovered", self.get_user_context(), tuple(handled_transactions))


def operator_of(
    function: Any, states: OperatorStates | None = None, clock: ManualClock | None = None, checkpointing: bool = True
) -> Operator:
    return create_operator(
        SinkFunctionSpec(function),
        OperatorContext(
            OperatorInfo("out"),
            clock=clock or ManualClock(1000),
            state=states or OperatorStates(),
            checkpointing=checkpointing,
        ),
    )


def write(operator: Operator, *values: Any) -> None:
    take(operator.process_batch(RecordBatch(list(values))))


def test_the_order_of_things() -> None:
    function = Told()
    operator = operator_of(function)
    operator.initialize_state()
    operator.open()
    write(operator, "a")
    take(operator.process_batch(RecordBatch(["b"], [7])))
    operator.prepare_snapshot(CheckpointInfo(1))
    write(operator, "c")
    operator.prepare_snapshot(CheckpointInfo(2))
    take(operator.notify_checkpoint_complete(2))
    take(operator.finish())
    operator.prepare_snapshot(CheckpointInfo(3, final=True))
    take(operator.notify_checkpoint_complete(3))
    operator.close()
    assert function.log == [
        ("open",),
        ("begin", 1),
        ("invoke", 1, "a", None),
        ("invoke", 1, "b", 7),
        ("pre_commit", 1),
        ("begin", 2),
        ("invoke", 2, "c", None),
        ("pre_commit", 2),
        ("begin", 3),
        ("commit", 1),
        ("commit", 2),
        ("finish", 3),
        ("pre_commit", 3),
        ("commit", 3),
        ("close",),
    ]


def test_what_is_known_of_a_later_checkpoint_commits_nothing_of_it_with_an_earlier_one() -> None:
    function = Told()
    operator = operator_of(function)
    operator.initialize_state()
    operator.open()
    operator.prepare_snapshot(CheckpointInfo(1))
    operator.prepare_snapshot(CheckpointInfo(2))
    take(operator.notify_checkpoint_complete(1))
    assert [entry for entry in function.log if entry[0] == "commit"] == [("commit", 1)]
    take(operator.notify_checkpoint_complete(2))
    assert [entry for entry in function.log if entry[0] == "commit"] == [("commit", 1), ("commit", 2)]
    operator.close()


def restored(function: Any, clock: ManualClock | None = None) -> Operator:
    """Goes on from a checkpoint with transaction 1 pending and 2 open."""
    states = OperatorStates()
    first = operator_of(Told(), states)
    first.open()
    write(first, "a")
    first.prepare_snapshot(CheckpointInfo(1))
    again = OperatorStates(restored_checkpoint_id=1)
    again.restore(redistribute([snapshot_of(states, 1)], 1)[0], MemoryReader())
    operator = operator_of(function, again, clock)
    operator.initialize_state()
    return operator


def test_recovery_commits_what_the_checkpoint_ended_and_aborts_what_it_began() -> None:
    function = Told()
    operator = restored(function)
    operator.open()
    assert function.log == [
        ("open",),
        ("recover_and_commit", 1),
        ("recover_and_abort", 2),
        ("recovered", {"name": "first"}, (1, 2)),
        ("begin", 1),
    ]
    operator.close()
    assert function.log[-2:] == [("abort", 1), ("close",)]


def test_a_transaction_that_cannot_be_recovered_fails_the_job_unless_it_is_too_old(
    caplog: pytest.LogCaptureFixture,
) -> None:
    operator = restored(Told("recover_and_commit"))
    with pytest.raises(OSError, match="recover_and_commit failed") as caught:
        operator.open()
    assert operator.locate(caught.value, "open").phase == "recover_and_commit"
    young = Told("recover_and_commit").set_transaction_timeout(500).ignore_failures_after_transaction_timeout()
    with pytest.raises(OSError, match="recover_and_commit failed"):
        restored(young, ManualClock(1500)).open()
    old = Told("recover_and_commit").set_transaction_timeout(500).ignore_failures_after_transaction_timeout()
    restored(old, ManualClock(1501)).open()
    assert "its records are lost: recover_and_commit failed" in caplog.text
    assert ("recover_and_abort", 2) in old.log


def test_a_warning_before_a_transaction_is_too_old(caplog: pytest.LogCaptureFixture) -> None:
    function = Told().set_transaction_timeout(1000).enable_transaction_timeout_warnings(0.5)
    clock = ManualClock(0)
    operator = operator_of(function, clock=clock)
    operator.open()
    operator.prepare_snapshot(CheckpointInfo(1))
    with caplog.at_level(logging.WARNING):
        clock.advance(500)
        take(operator.notify_checkpoint_complete(1))
        assert not caplog.records
        operator.prepare_snapshot(CheckpointInfo(2))
        clock.advance(501)
        take(operator.notify_checkpoint_complete(2))
    assert "501 ms old" in caplog.text or "1001 ms old" in caplog.text


@pytest.mark.parametrize("step", ["pre_commit", "begin"])
def test_a_sink_that_could_not_prepare_does_not_go_on(step: str) -> None:
    function = Told()
    operator = operator_of(function)
    operator.open()
    function.fails = step
    with pytest.raises(OSError, match=f"{step} failed") as caught:
        operator.prepare_snapshot(CheckpointInfo(1))
    assert operator.locate(caught.value, None).phase == {"begin": "begin_transaction"}.get(step, step)
    function.fails = ""
    with pytest.raises(MillstreamError, match="sink 'out' cannot go on after a checkpoint"):
        write(operator, "x")
    with pytest.raises(MillstreamError, match="cannot go on"):
        operator.prepare_snapshot(CheckpointInfo(2))
    operator.close()


def test_where_it_failed() -> None:
    function = Told("invoke")
    operator = operator_of(function)
    operator.open()
    with pytest.raises(OSError, match="invoke failed") as caught:
        write(operator, 1)
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == ("invoke", 1)
    function.fails = "commit"
    operator.prepare_snapshot(CheckpointInfo(1))
    with pytest.raises(OSError, match="commit failed") as caught:
        take(operator.notify_checkpoint_complete(1))
    assert operator.locate(caught.value, None).phase == "commit"


def test_without_checkpoints_the_end_commits() -> None:
    function = Told()
    operator = operator_of(function, checkpointing=False)
    operator.open()
    write(operator, "a")
    take(operator.finish())
    operator.close()
    assert function.log[-4:] == [("finish", 1), ("pre_commit", 1), ("commit", 1), ("close",)]


def test_it_may_have_state_of_its_own() -> None:
    class Checkpointed(Told, CheckpointedFunction):
        def initialize_state(self, context: Any) -> None:
            self._say("initialize", context.is_restored())

        def snapshot_state(self, context: Any) -> None:
            self._say("snapshot", context.get_checkpoint_id())

    function = Checkpointed()
    operator = operator_of(function)
    operator.initialize_state()
    operator.open()
    operator.prepare_snapshot(CheckpointInfo(4))
    assert [entry for entry in function.log if entry[0] in ("initialize", "snapshot")] == [
        ("initialize", False),
        ("snapshot", 4),
    ]


def test_what_settings_can_be() -> None:
    with pytest.raises(ValueError, match="number of milliseconds"):
        Told().set_transaction_timeout(-1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        Told().enable_transaction_timeout_warnings(2)
