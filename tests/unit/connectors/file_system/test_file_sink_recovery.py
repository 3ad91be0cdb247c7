"""Files of a job that fails at any moment hold each record once."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Encoder
from millstream.common.file_system import FileSystem, file_system_of, name_of
from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch
from millstream.connectors.file_system import file_sink
from millstream.connectors.file_system.bulk_writer import BulkWriter, BulkWriterFactory, OutputStream
from millstream.connectors.file_system.file_committer import FileCommitter
from millstream.connectors.file_system.local_part_store import LocalPartStore
from millstream.connectors.file_system.part_file import PendingFile
from millstream.connectors.file_system.remote_part_store import RemotePartStore
from millstream.connectors.file_system.rolling_policy import CheckpointRollingPolicy, PartFileInfo
from millstream.datastream.commit_request import CommitRequest
from millstream.datastream.connectors.file_system import BucketAssigner, FileSink, RollingPolicy, StreamingFileSink
from millstream.taskmanager.operators.operator import CheckpointInfo
from millstream.taskmanager.operators.sink_writer import SinkWriterOperator
from tests.unit.taskmanager.operators.lossy_job import JOB, STEPS, LossyJob, Subtasks, play, take


class ByRemainder(BucketAssigner):
    def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
        return f"rest/{element % 3}"


class JsonArrays(BulkWriterFactory):
    """A format of which half a file is worth nothing."""

    def create(self, stream: OutputStream) -> BulkWriter:
        return _JsonArray(stream)


class _JsonArray(BulkWriter):
    def __init__(self, stream: OutputStream) -> None:
        self.stream = stream
        self.values: list[Any] = []

    def add_element(self, element: Any) -> None:
        self.values.append(element)

    def finish(self) -> None:
        self.stream.write(json.dumps(self.values).encode())


class ByCount(CheckpointRollingPolicy):
    def should_roll_on_event(self, part_file_state: PartFileInfo, element: Any) -> bool:
        return bool(element % 4 == 0)

    def should_roll_on_processing_time(self, part_file_state: PartFileInfo, current_time: int) -> bool:
        return False


def visible(path: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    for each in path.rglob("*"):
        if each.is_file() and not each.name.startswith("."):
            text = each.read_text()
            found.update(json.loads(text) if text.startswith("[") else map(int, text.split()))
    return found


def hidden(path: Path) -> list[str]:
    return [each.name for each in path.rglob(".*")]


def rows(path: Path, policy: RollingPolicy | None = None) -> FileSink:
    builder = FileSink.for_row_format(str(path), Encoder.simple_string_encoder()).with_bucket_assigner(ByRemainder())
    return builder.with_rolling_policy(policy).build() if policy is not None else builder.build()


def job_of(sink: Any, parallelism: int) -> LossyJob:
    sent = cloudpickle.dumps(SinkSpec(sink))
    return LossyJob(lambda context: SinkWriterOperator(cloudpickle.loads(sent), context), parallelism)


SINKS: dict[str, Callable[[Path], FileSink]] = {
    "rows in long files": rows,
    "rows by size": lambda path: rows(path, RollingPolicy.default_rolling_policy(part_size=5)),
    "rows by time": lambda path: rows(path, RollingPolicy.default_rolling_policy(rollover_interval=500)),
    "rows by checkpoint": lambda path: rows(path, RollingPolicy.on_checkpoint_rolling_policy()),
    "bulk": lambda path: FileSink.for_bulk_format(str(path), JsonArrays()).with_bucket_assigner(ByRemainder()).build(),
    "bulk by count": lambda path: (
        FileSink.for_bulk_format(str(path), JsonArrays())
        .with_bucket_assigner(ByRemainder())
        .with_rolling_policy(ByCount())
        .build()
    ),
}


@given(STEPS, st.integers(1, 3), st.sampled_from(sorted(SINKS)))
def test_whatever_happens_each_record_is_in_a_finished_file_once(
    steps: list[tuple[str, Any]], parallelism: int, kind: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        job = job_of(SINKS[kind](path), parallelism)
        for step in steps:
            play(job, [step])
            assert max(visible(path).values(), default=1) == 1
        job.finish(20)
        job.close()
        assert visible(path) == Counter(range(max(20, job.written)))
        assert hidden(path) == []


class LocalObjects:
    """A store of objects: its files are those below a directory, by another name."""

    def __init__(self, path: Path) -> None:
        from millstream.common.file_system.local_file_system import LocalFileSystem

        self.files: FileSystem = LocalFileSystem()
        self.path = path


@given(STEPS, st.integers(1, 3), st.booleans())
def test_whatever_happens_each_record_is_in_a_store_once(
    steps: list[tuple[str, Any]], parallelism: int, bulk: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory)
        objects = LocalObjects(path)
        patch.setattr(file_sink, "LocalPartStore", lambda: RemotePartStore(objects.files))
        job = job_of(SINKS["bulk" if bulk else "rows by size"](path), parallelism)
        play(job, steps)
        job.finish(20)
        job.close()
        assert visible(path) == Counter(range(max(20, job.written)))
        assert [name for name in hidden(path) if ".inprogress." in name] == []


def subtasks(
    path: Path,
    attempt: int,
    restored: Any = None,
    parallelism: int = 1,
    policy: RollingPolicy | None = None,
    job_id: str = JOB,
) -> Subtasks:
    sink = rows(path, policy)
    started = Subtasks(
        lambda context: SinkWriterOperator(SinkSpec(sink), context), parallelism, attempt, restored, job_id=job_id
    )
    started.open()
    return started


def write(started: Subtasks, *values: int, index: int = 0) -> None:
    take(started.operators[index].process_batch(RecordBatch(list(values))))


def test_a_worker_that_was_given_up_for_dead_cannot_spoil_the_file(tmp_path: Path) -> None:
    first = subtasks(tmp_path, 0)
    write(first, 0, 3)
    completed = first.snapshot(1)
    second = subtasks(tmp_path, 1, (1, completed))
    write(second, 6)
    write(first, 999)  # it lives, and does not know
    first.snapshot(2)
    for operator in second.operators:
        take(operator.finish())
    second.snapshot(2, final=True)
    take(second.operators[0].notify_checkpoint_complete(2))
    assert visible(tmp_path) == Counter([0, 3, 6])
    first.operators[0].close()


def test_two_jobs_may_go_on_from_one_savepoint(tmp_path: Path) -> None:
    first = subtasks(tmp_path, 0)
    write(first, 0, 3)
    savepoint = first.snapshot(1, final=True)
    first.operators[0].close()
    for value in (6, 9):
        started = subtasks(tmp_path, 0, (1, savepoint), job_id=f"job {value}")
        write(started, value)
        take(started.operators[0].finish())
        started.snapshot(2, final=True)
        started.operators[0].close()  # before it is told, so that the savepoint stays whole
    assert len(hidden(tmp_path)) == 3


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "rest" / "0"
    foreign.mkdir(parents=True)
    for name in (".part-1-0.inprogress.0123456789abcdef-0-0-0", ".hidden", ".part-x.inprogress.odd"):
        (foreign / name).write_text("mine")
    first = subtasks(tmp_path, 0, parallelism=2)
    write(first, 0)
    write(first, 3, index=1)
    second = subtasks(tmp_path, 1)  # one subtask is gone: its file goes too
    write(second, 6)
    second.snapshot(1)
    assert len(hidden(tmp_path)) == 6
    take(second.operators[0].notify_checkpoint_complete(1))
    assert len(hidden(tmp_path)) == 4  # its own, and those of others
    second.operators[0].close()
    for operator in first.operators:
        operator.close()


def test_a_file_that_was_lost_is_missed(tmp_path: Path) -> None:
    first = subtasks(tmp_path, 0)
    write(first, 0, 3)
    completed = first.snapshot(1)
    first.operators[0].close()
    (name,) = tmp_path.rglob(".part*")
    os.truncate(name, 2)
    with pytest.raises(OSError, match=r"cannot be gone on with: it has 2 bytes, but 4 had been written .*checkpoint"):
        subtasks(tmp_path, 1, (1, completed))
    name.unlink()
    with pytest.raises(OSError, match=r"cannot be gone on with: No such file.*restore from a later checkpoint"):
        subtasks(tmp_path, 1, (1, completed))


def test_finished_files_may_be_taken_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pending = PendingFile(str(tmp_path / ".a"), str(tmp_path / "a"))
    FileCommitter(LocalPartStore(), 5).commit([CommitRequest(pending, 5)])
    assert "was finished before, and taken away, or it is lost" in caplog.text
    with pytest.raises(OSError, match="cannot be renamed: it is not there"):
        FileCommitter(LocalPartStore(), 5).commit([CommitRequest(pending, 6)])


def test_a_streaming_file_sink_recovers_too(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="use FileSink"):
        sink = (
            StreamingFileSink.for_row_format(str(tmp_path), Encoder.simple_string_encoder())
            .with_bucket_assigner(ByRemainder())
            .build()
        )
    job = LossyJob(lambda context: SinkWriterOperator(SinkSpec(sink), context), 2)
    play(job, [("write", 3), ("checkpoint", "complete"), ("write", 3), ("kill", 1)])
    job.finish(9)
    job.close()
    assert visible(tmp_path) == Counter(range(9))


def test_a_declined_checkpoint_changes_nothing(tmp_path: Path) -> None:
    started = subtasks(tmp_path, 0, policy=RollingPolicy.on_checkpoint_rolling_policy())
    write(started, 0)
    started.operators[0].prepare_snapshot(CheckpointInfo(1))
    started.operators[0].notify_checkpoint_aborted(1)
    write(started, 3)
    started.snapshot(2)
    assert visible(tmp_path) == Counter()
    take(started.operators[0].notify_checkpoint_complete(2))
    assert visible(tmp_path) == Counter([0, 3])
    started.operators[0].close()


def test_what_is_left_over_is_deleted_where_attempts_are_counted_anew(tmp_path: Path) -> None:
    first = subtasks(tmp_path, 3)
    write(first, 0)
    completed = first.snapshot(1)
    write(first, 1)  # in another bucket, and in no checkpoint
    assert len(hidden(tmp_path)) == 2
    second = subtasks(tmp_path, 0, (1, completed))
    write(second, 2)
    second.snapshot(2)
    assert len(hidden(tmp_path)) == 4
    take(second.operators[0].notify_checkpoint_complete(2))
    assert len(hidden(tmp_path)) == 2  # what goes on from the checkpoint's, and its own new one
    assert not list((tmp_path / "rest" / "1").iterdir())
    for operator in first.operators + second.operators:
        operator.close()


@pytest.mark.parametrize("restored", [True, False])
def test_a_worker_that_begins_late_deletes_nothing_of_its_successor(tmp_path: Path, restored: bool) -> None:
    from_checkpoint = None
    if restored:
        first = subtasks(tmp_path, 0)
        write(first, 0)
        from_checkpoint = (1, first.snapshot(1))
        first.operators[0].close()
    successor = subtasks(tmp_path, 2, from_checkpoint, policy=RollingPolicy.on_checkpoint_rolling_policy())
    write(successor, 3)
    zombie = subtasks(tmp_path, 1, from_checkpoint)  # it stood still while the job was restarted without it
    write(zombie, 999)
    completed = successor.snapshot(2)
    take(successor.operators[0].notify_checkpoint_complete(2))
    write(successor, 6)
    zombie.operators[0].close()
    successor.operators[0].close()
    last = subtasks(tmp_path, 3, (2, completed))
    write(last, 6)
    take(last.operators[0].finish())
    last.snapshot(3, final=True)
    take(last.operators[0].notify_checkpoint_complete(3))
    assert visible(tmp_path) == Counter([0, 3, 6] if restored else [3, 6])


def test_a_store_by_its_uri() -> None:
    base = f"memory://bucket/{uuid.uuid4()}"
    sink = FileSink.for_row_format(base, Encoder.simple_string_encoder()).with_bucket_assigner(ByRemainder()).build()
    job = job_of(sink, 2)
    play(job, [("write", 5), ("checkpoint", "complete"), ("write", 3), ("kill", 1), ("write", 2)])
    job.finish(20)
    job.close()
    store = file_system_of(base)
    paths = [file.path for bucket in store.list(f"{base}/rest") for file in store.list(bucket.path)]
    assert not [path for path in paths if name_of(path).startswith(".")]
    assert Counter(int(line) for path in paths for line in store.read(path).split()) == Counter(range(20))
