"""Sinks that keep records in the job's state until they may be written."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import SinkFunctionSpec
from millstream.common.records import RecordBatch
from millstream.datastream.connectors import FileCheckpointCommitter, SqliteCheckpointCommitter
from millstream.datastream.functions import CheckpointCommitter, GenericWriteAheadSink
from millstream.taskmanager.operators import write_ahead_sink
from millstream.taskmanager.operators.operator import CheckpointInfo, Operator, OperatorContext, OperatorInfo, TaskInfo
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
    wait_for,
)


class Lines(GenericWriteAheadSink):
    """Appends to a file; refuses every so often."""

    def __init__(self, path: Path, committer: CheckpointCommitter, refuses: int) -> None:
        super().__init__(committer)
        self.path = path
        self.refuses = refuses
        self.calls = 0

    def send_values(self, values: Sequence[Any], checkpoint_id: int, timestamp: int) -> bool:
        assert timestamp == checkpoint_id * 1000
        self.calls += 1
        if self.refuses and self.calls % self.refuses == 0:
            return False
        with open(self.path, "a") as file:
            file.writelines(f"{value}\n" for value in values)
        return True


@given(STEPS, st.integers(1, 3), st.sampled_from(["file", "sqlite"]), st.sampled_from([0, 2, 3]))
def test_whatever_happens_between_calls_each_record_is_sent_once(
    steps: list[tuple[str, Any]], parallelism: int, kind: str, refuses: int
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_ahead_sink, "_FIRST_DELAY_S", 0.0)
        path = Path(directory) / "out"
        committers: dict[str, CheckpointCommitter] = {
            "file": FileCheckpointCommitter(directory),
            "sqlite": SqliteCheckpointCommitter(Path(directory) / "notes.db"),
        }
        sent = cloudpickle.dumps(SinkFunctionSpec(Lines(path, committers[kind], refuses)))
        job = LossyJob(lambda context: create_operator(cloudpickle.loads(sent), context), parallelism)
        play(job, steps)
        job.finish(20)
        job.close()
        assert Counter(map(int, path.read_text().split())) == Counter(range(max(20, job.written)))


class Database(GenericWriteAheadSink):
    """Writes the records and the note in one transaction, and dies where it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteCheckpointCommitter(path))
        self.dies = ""

    def send_values(self, values: Sequence[Any], checkpoint_id: int, timestamp: int) -> bool:
        assert isinstance(self.committer, SqliteCheckpointCommitter)
        connection = self.committer.connection
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (value INTEGER)")
        for value in values:
            connection.execute("INSERT INTO numbers VALUES (?)", (value,))
            if self.dies == "half":
                raise OSError("half")
        if self.dies == "whole":
            raise OSError("whole")
        return True


@pytest.mark.parametrize("dies", ["half", "whole"])
def test_in_one_transaction_with_the_note_it_is_exact_even_inside_send_values(dies: str, tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    states = OperatorStates()
    function = Database(path)
    operator = operator_of(function, states)
    operator.open()
    write(operator, 1, 2)
    operator.prepare_snapshot(CheckpointInfo(1, 1000))
    snapshot = snapshot_of(states, 1)
    function.dies = dies
    with pytest.raises(OSError, match=dies) as caught:
        take(operator.notify_checkpoint_complete(1))
    assert operator.locate(caught.value, None).phase == "send_values"
    operator.close()
    for _ in range(2):  # from the same checkpoint twice
        again = operator_of(Database(path), restored(snapshot))
        again.initialize_state()
        again.open()
        again.close()
    connection = sqlite3.connect(path)
    assert sorted(connection.execute("SELECT value FROM numbers")) == [(1,), (2,)]
    connection.close()


class Memory(CheckpointCommitter):
    def __init__(self) -> None:
        self.log: list[Any] = []

    def create_resource(self) -> None:
        self.log.append(("create", self.job_id, self.operator_id))

    def open(self) -> None:
        self.log.append("open")

    def close(self) -> None:
        self.log.append("close")

    def commit_checkpoint(self, subtask_index: int, checkpoint_id: int) -> None:
        self.log.append((subtask_index, checkpoint_id))

    def is_checkpoint_committed(self, subtask_index: int, checkpoint_id: int) -> bool:
        return (subtask_index, checkpoint_id) in self.log


class Listed(GenericWriteAheadSink):
    def __init__(self, answers: Sequence[Any] = (), job_id: str | None = None) -> None:
        super().__init__(Memory(), job_id)
        self.answers = list(answers)
        self.sent: list[Any] = []

    def send_values(self, values: Sequence[Any], checkpoint_id: int, timestamp: int) -> bool:
        answer: bool = self.answers.pop(0) if self.answers else True
        if answer:
            self.sent.append((list(values), checkpoint_id, timestamp))
        return answer


def operator_of(function: Any, states: OperatorStates | None = None, checkpointing: bool = True) -> Operator:
    return create_operator(
        SinkFunctionSpec(function),
        OperatorContext(
            OperatorInfo("out", "0b5e"),
            TaskInfo(job_id="second", subtask_index=2, parallelism=3),
            state=states or OperatorStates(lineage_id="first"),
            checkpointing=checkpointing,
        ),
    )


def restored(snapshot: Any) -> OperatorStates:
    states = OperatorStates(restored_checkpoint_id=1)
    states.restore(redistribute([snapshot], 1)[0], MemoryReader())
    return states


def write(operator: Operator, *values: Any) -> None:
    take(operator.process_batch(RecordBatch(list(values))))


def opened(function: Any, checkpointing: bool = True) -> Operator:
    operator = operator_of(function, checkpointing=checkpointing)
    operator.initialize_state()
    operator.open()
    return operator


def test_records_are_sent_by_checkpoint() -> None:
    function = Listed()
    operator = opened(function)
    write(operator, 1, 2)
    operator.prepare_snapshot(CheckpointInfo(3, 30))
    write(operator, 3)
    operator.prepare_snapshot(CheckpointInfo(4, 40))
    operator.prepare_snapshot(CheckpointInfo(5, 50))
    take(operator.notify_checkpoint_complete(3))
    assert function.sent == [([1, 2], 3, 30)]
    take(operator.notify_checkpoint_complete(5))
    assert function.sent == [([1, 2], 3, 30), ([3], 4, 40)]
    operator.close()
    assert isinstance(function.committer, Memory)
    assert function.committer.log == [("create", "first", "0b5e"), "open", (2, 3), (2, 4), "close"]


def test_what_was_refused_holds_up_what_comes_after_it(caplog: pytest.LogCaptureFixture) -> None:
    function = Listed([False])
    operator = opened(function)
    for checkpoint_id in (1, 2):
        write(operator, checkpoint_id)
        operator.prepare_snapshot(CheckpointInfo(checkpoint_id))
    take(operator.notify_checkpoint_complete(2))
    assert function.sent == []
    assert "the 1 records of checkpoint 1 were not sent" in caplog.text
    take(operator.notify_checkpoint_complete(3))
    assert [values for values, _, _ in function.sent] == [[1], [2]]


@pytest.mark.parametrize("checkpointing", [True, False])
def test_at_the_end_it_is_tried_until_it_goes(checkpointing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_ahead_sink, "_FIRST_DELAY_S", 0.0)
    function = Listed([False, False])
    operator = opened(function, checkpointing)
    write(operator, 1)
    asyncio.run(wait_for(operator.finish()))
    if checkpointing:
        operator.prepare_snapshot(CheckpointInfo(1, final=True))
        asyncio.run(wait_for(operator.notify_checkpoint_complete(1)))
    assert [values for values, _, _ in function.sent] == [[1]]
    refusing = opened(Listed([False] * 50), checkpointing=False)
    write(refusing, 1)
    with pytest.raises(MillstreamError, match=r"sink 'out': send_values\(\) returned False 11 times"):
        asyncio.run(wait_for(refusing.finish()))


def test_what_it_takes() -> None:
    with pytest.raises(TypeError, match="needs a CheckpointCommitter"):
        Listed.__mro__[1].__init__(Listed(), "x")  # type: ignore[misc]  # what is refused
    with pytest.raises(TypeError, match="give it to add_sink"):
        Listed().invoke(1, None)  # type: ignore[arg-type]  # what is refused
    operator = opened(Listed([None]))
    write(operator, 1)
    operator.prepare_snapshot(CheckpointInfo(1))
    with pytest.raises(TypeError, match=r"Listed.send_values\(\) returned None; it must return True"):
        take(operator.notify_checkpoint_complete(1))
    assert opened(Listed(job_id="mine")) is not None


def test_notes_are_by_job_operator_subtask_and_checkpoint(tmp_path: Path) -> None:
    for committer in (FileCheckpointCommitter(tmp_path), SqliteCheckpointCommitter(tmp_path / "x" / "notes.db")):
        committer.set_job_id("a")
        committer.set_operator_id("b")
        committer.create_resource()
        committer.open()
        committer.commit_checkpoint(1, 12)
        committer.commit_checkpoint(1, 12)
        assert committer.is_checkpoint_committed(1, 12)
        assert not committer.is_checkpoint_committed(1, 2)
        assert not committer.is_checkpoint_committed(1, 1)
        assert not committer.is_checkpoint_committed(0, 12)
        committer.set_operator_id("c")
        committer.create_resource()
        assert not committer.is_checkpoint_committed(1, 12)
        committer.close()
    with pytest.raises(RuntimeError, match="is not open"):
        _ = SqliteCheckpointCommitter(tmp_path / "y.db").connection
