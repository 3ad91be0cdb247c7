"""Sources and sinks of jobs that fail while they run: every record is in the output once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Encoder, Types, WatermarkStrategy
from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import (
    FileSink,
    FileSource,
    NumberSequenceSource,
    SqliteCheckpointCommitter,
    StreamFormat,
)
from millstream.datastream.connectors.hybrid_source import HybridSource
from millstream.datastream.formats.parquet import ParquetBulkWriters, ParquetColumnarRowInputFormat
from millstream.datastream.functions import (
    GenericWriteAheadSink,
    MapFunction,
    RuntimeContext,
    SinkContext,
    TwoPhaseCommitSinkFunction,
)
from millstream.testing import environment_for
from tests.unit.connectors.readers import read

COUNT = 6000


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=4, isolation="thread") as started:
        yield started


class Slow(MapFunction):
    """Takes its time, and fails in the first attempts when a checkpoint has been completed since they began."""

    def __init__(self, directory: Path) -> None:
        self.checkpoints = directory / "checkpoints"
        self.failures = directory / "failures"
        self.attempt = 0
        self.seen = 0
        self.before: set[str] = set()

    def open(self, runtime_context: RuntimeContext) -> None:
        self.attempt = runtime_context.get_attempt_number()
        self.before = self._completed()

    def _completed(self) -> set[str]:
        return {str(path) for path in self.checkpoints.glob("*/chk-*/_metadata")}

    def map(self, value: Any) -> Any:
        import time

        self.seen += 1
        if self.seen % 20 == 0:
            time.sleep(0.002)  # the work that a record makes
        if self.attempt < 2 and self.seen % 100 == 0 and self._completed() - self.before:
            (self.failures / str(self.attempt)).touch()
            raise ValueError(f"attempt {self.attempt} fails on purpose")
        return value


class Transactions(TwoPhaseCommitSinkFunction):
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file: Any = None

    def begin_transaction(self) -> str:
        import uuid

        name = str(uuid.uuid4())
        (self.directory / "open").mkdir(parents=True, exist_ok=True)
        (self.directory / "done").mkdir(parents=True, exist_ok=True)
        self.file = open(self.directory / "open" / name, "w")  # noqa: SIM115  # closed in pre_commit
        return name

    def invoke(self, transaction: str, value: Any, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        self.file.write(f"{value}\n")

    def pre_commit(self, transaction: str) -> None:
        self.file.close()

    def commit(self, transaction: str) -> None:
        if (self.directory / "open" / transaction).exists():
            (self.directory / "open" / transaction).rename(self.directory / "done" / transaction)

    def abort(self, transaction: str) -> None:
        if self.file is not None:
            self.file.close()
        (self.directory / "open" / transaction).unlink(missing_ok=True)


class Rows(GenericWriteAheadSink):
    def __init__(self, path: Path) -> None:
        super().__init__(SqliteCheckpointCommitter(path))

    def send_values(self, values: Sequence[Any], checkpoint_id: int, timestamp: int) -> bool:
        connection = self.committer.connection  # type: ignore[attr-defined]  # that of SQLite
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (value INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(int(value),) for value in values])
        return True


@contextmanager
def environment(cluster: MiniCluster, directory: Path) -> Iterator[StreamExecutionEnvironment]:
    settings = {
        "execution.checkpointing.interval": "50 ms",
        "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "20",
        "restart-strategy.fixed-delay.delay": "10 ms",
    }
    with environment_for(cluster, Configuration.from_map(settings)) as env:
        env.set_parallelism(2)
        (directory / "failures").mkdir()
        yield env
        assert {path.name for path in (directory / "failures").iterdir()} == {"0", "1"}


def lines_below(path: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    for each in path.rglob("*"):
        if each.is_file() and not each.name.startswith("."):
            found.update(map(int, each.read_text().split()))
    return found


@pytest.mark.parametrize("kind", ["numbers", "files", "hybrid"])
def test_files(kind: str, cluster: MiniCluster, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for part in range(3):
        numbers = range(part * COUNT // 3, (part + 1) * COUNT // 3)
        (tmp_path / "in" / f"{part}").write_text("".join(f"{number}\n" for number in numbers))
    files = FileSource(StreamFormat.text_line_format(), (str(tmp_path / "in"),), 4096)
    source: Any = {
        "numbers": NumberSequenceSource(0, COUNT - 1),
        "files": files,
        "hybrid": HybridSource.builder(files).add_source(NumberSequenceSource(COUNT, COUNT + 99)).build(),
    }[kind]
    with environment(cluster, tmp_path) as env:
        stream = (
            env.from_source(source, WatermarkStrategy.no_watermarks(), "in").map(Slow(tmp_path)).map(int, Types.LONG())
        )
        stream.sink_to(FileSink.for_row_format(str(tmp_path / "out"), Encoder.simple_string_encoder()).build())
        env.execute(f"files of {kind}")
    assert lines_below(tmp_path / "out") == Counter(range(COUNT + (100 if kind == "hybrid" else 0)))
    assert list((tmp_path / "out").rglob(".*")) == []


def test_parquet(cluster: MiniCluster, tmp_path: Path) -> None:
    kind = Types.ROW_NAMED(["number"], [Types.LONG()])
    with environment(cluster, tmp_path) as env:
        stream = env.from_source(NumberSequenceSource(0, COUNT - 1), WatermarkStrategy.no_watermarks(), "in")
        rows = stream.map(Slow(tmp_path)).map(lambda value: (value,))
        rows.sink_to(FileSink.for_bulk_format(str(tmp_path / "out"), ParquetBulkWriters.for_row_type(kind)).build())
        env.execute("parquet")
    source = FileSource.for_bulk_file_format(ParquetColumnarRowInputFormat(kind), str(tmp_path / "out")).build()
    assert Counter(row.number for row in read(source, batch=1000)) == Counter(range(COUNT))


def test_transactions(cluster: MiniCluster, tmp_path: Path) -> None:
    with environment(cluster, tmp_path) as env:
        stream = env.from_source(NumberSequenceSource(0, COUNT - 1), WatermarkStrategy.no_watermarks(), "in")
        stream.map(Slow(tmp_path)).add_sink(Transactions(tmp_path / "out"))
        env.execute("transactions")
    assert lines_below(tmp_path / "out" / "done") == Counter(range(COUNT))


def test_write_ahead(cluster: MiniCluster, tmp_path: Path) -> None:
    with environment(cluster, tmp_path) as env:
        stream = env.from_source(NumberSequenceSource(0, COUNT - 1), WatermarkStrategy.no_watermarks(), "in")
        stream.map(Slow(tmp_path)).add_sink(Rows(tmp_path / "out.db"))
        env.execute("write ahead")
    connection = sqlite3.connect(tmp_path / "out.db")
    try:
        assert Counter(value for (value,) in connection.execute("SELECT value FROM numbers")) == Counter(range(COUNT))
    finally:
        connection.close()
