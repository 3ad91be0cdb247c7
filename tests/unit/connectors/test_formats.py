"""Formats of files, written by a sink and read by a source, through failures and changes of parallelism."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common import Row, Types
from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch
from millstream.datastream.connectors import FileSink, FileSource
from millstream.datastream.connectors.file_system import BucketAssigner
from millstream.datastream.formats.avro import AvroBulkWriters, AvroReaderFormat, AvroSchema
from millstream.datastream.formats.csv import CsvBulkWriters, CsvReaderFormat, CsvSchema
from millstream.datastream.formats.json import (
    JsonRowDeserializationSchema,
    JsonRowSerializationSchema,
    LineDeserializationFormat,
    LineSerializationEncoder,
)
from millstream.datastream.formats.parquet import ParquetBulkWriters, ParquetColumnarRowInputFormat
from millstream.taskmanager.operators.operator import OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.operators.sink_writer import SinkWriterOperator
from tests.unit.connectors.readers import read
from tests.unit.connectors.test_rescaled_sources import STEPS as READ_STEPS
from tests.unit.connectors.test_rescaled_sources import Job
from tests.unit.connectors.test_rescaled_sources import play as play_source
from tests.unit.taskmanager.operators.lossy_job import STEPS as WRITE_STEPS
from tests.unit.taskmanager.operators.lossy_job import LossyJob, play
from tests.unit.taskmanager.operators.support import run

NUMBERS = Types.ROW_NAMED(["number", "text"], [Types.LONG(), Types.STRING()])
CSV = CsvSchema.builder().add_number_column("number", Types.LONG()).add_string_column("text").build()
AVRO = AvroSchema.parse_string(
    '{"type": "record", "name": "n", "fields": '
    '[{"name": "number", "type": "long"}, {"name": "text", "type": "string"}]}'
)
TO_JSON = JsonRowSerializationSchema.builder().with_type_info(NUMBERS).build()
FROM_JSON = JsonRowDeserializationSchema.builder().type_info(NUMBERS).build()

FLAT = BucketAssigner.base_path_bucket_assigner()

SINKS: dict[str, Callable[[str], Any]] = {
    "parquet": lambda path: FileSink.for_bulk_format(path, ParquetBulkWriters.for_row_type(NUMBERS)),
    "avro": lambda path: FileSink.for_bulk_format(path, AvroBulkWriters.for_generic_record(AVRO)),
    "csv": lambda path: FileSink.for_bulk_format(path, CsvBulkWriters.for_schema(CSV)),
    "json": lambda path: FileSink.for_row_format(path, LineSerializationEncoder(TO_JSON)),
}
FORMATS: dict[str, Any] = {
    "parquet": ParquetColumnarRowInputFormat(NUMBERS, batch_size=4),
    "avro": AvroReaderFormat(as_rows=True),
    "csv": CsvReaderFormat.for_schema(CSV),
    "json": LineDeserializationFormat(FROM_JSON),
}


def source(kind: str, path: str, block_size: int = 100) -> FileSource:
    return FileSource(cloudpickle.loads(cloudpickle.dumps(FORMATS[kind])), (path,), block_size)


def write(sink: Any, records: list[Any]) -> None:
    operator = create_operator(
        cloudpickle.loads(cloudpickle.dumps(SinkSpec(sink, bounded=True))), OperatorContext(OperatorInfo("out"))
    )
    operator.open()
    run(operator, records)
    assert not list(operator.finish())
    operator.close()


class Named(SinkWriterOperator):
    """Makes a record of each number of the job."""

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return super().process_batch(RecordBatch([(value, f"t{value}") for value in batch.values]))


@settings(max_examples=60)
@given(WRITE_STEPS, READ_STEPS, st.integers(1, 3), st.sampled_from(sorted(SINKS)))
def test_what_a_sink_has_written_a_source_reads(
    writes: list[tuple[str, Any]], reads: list[tuple[str, int]], parallelism: int, kind: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sent = cloudpickle.dumps(SinkSpec(SINKS[kind](directory).with_bucket_assigner(FLAT).build()))
        job = LossyJob(lambda context: Named(cloudpickle.loads(sent), context), parallelism)
        play(job, writes)
        job.finish(20)
        job.close()
        rows = play_source(Job(source(kind, directory), parallelism), reads)
        assert Counter((row.number, row.text) for row in rows) == Counter(
            (value, f"t{value}") for value in range(max(20, job.written))
        )


RECORDS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(max_size=8).filter(bool)), max_size=40)


@settings(max_examples=60)
@given(RECORDS, READ_STEPS, st.integers(1, 4), st.sampled_from(sorted(SINKS)))
def test_any_text_comes_back(
    records: list[tuple[int, str]], reads: list[tuple[str, int]], parallelism: int, kind: str
) -> None:
    records = [(number, text.encode("utf-8", "replace").decode()) for number, text in records]
    with tempfile.TemporaryDirectory() as directory:
        write(SINKS[kind](directory).with_bucket_assigner(FLAT).build(), records)
        rows = play_source(Job(source(kind, directory), parallelism), reads)
        assert Counter((row.number, row.text) for row in rows) == Counter(records)


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_a_large_file_is_read_in_parts(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millstream.connectors.formats.parquet_writer._BATCH_RECORDS", 100)
    monkeypatch.setattr("millstream.connectors.formats.parquet_writer._ROW_GROUP_RECORDS", 300)
    records = [(number, f"text {number}") for number in range(20_000)]
    write(SINKS[kind](str(tmp_path)).with_bucket_assigner(FLAT).build(), records)
    (path,) = tmp_path.iterdir()
    parts = [read(source(kind, str(path), 16_000), index, 3, 1000) for index in range(3)]
    assert all(parts)
    assert Counter(row.number for part in parts for row in part) == Counter(range(20_000))
    job = Job(source(kind, str(path), 16_000), 1, 1000)
    for _ in range(3):
        job.poll(0)
    job.checkpoint()
    job.restart(3)
    pieces = [len(reader.snapshot_state()) for reader in job.readers]
    assert min(pieces) >= 2
    assert sorted(row.number for row in job.drain()) == list(range(20_000))
    job.close()


def test_rows_have_names(tmp_path: Path) -> None:
    for kind in FORMATS:
        write(SINKS[kind](str(tmp_path / kind)).with_bucket_assigner(FLAT).build(), [Row(number=1, text="a")])
        assert read(source(kind, str(tmp_path / kind))) == [Row(number=1, text="a")]
