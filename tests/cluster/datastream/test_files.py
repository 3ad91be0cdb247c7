"""Jobs that write files, and jobs that wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from millstream.common import Configuration, Duration, Encoder, JobStatus, Row, Types, WatermarkStrategy
from millstream.common.errors import JobExecutionError
from millstream.datastream import DataStream, RuntimeExecutionMode, StreamExecutionEnvironment
from millstream.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    FileSource,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
    StreamingFileSink,
)
from millstream.datastream.functions import MapFunction, RuntimeContext

PROMPT = RollingPolicy.default_rolling_policy(part_size=1, rollover_interval=20, inactivity_interval=20)


def file_sink(path: Path, policy: RollingPolicy | None = None) -> FileSink:
    return (
        FileSink.for_row_format(str(path), Encoder.simple_string_encoder())
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .with_output_file_config(OutputFileConfig.builder().with_part_prefix("prefix").with_part_suffix(".ext").build())
        .with_rolling_policy(policy or RollingPolicy.default_rolling_policy())
        .with_bucket_check_interval(10)
        .build()
    )


def lines(path: Path) -> list[str]:
    """What the finished files hold, sorted."""
    return sorted(line for each in path.glob("prefix-*.ext") for line in each.read_text().splitlines())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def slowly(path: Path, environment: StreamExecutionEnvironment) -> DataStream:
    """The lines of the files that come."""
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(path))
    built = source.monitor_continuously(Duration.of_millis(10)).build()
    return environment.from_source(built, WatermarkStrategy.no_watermarks(), "files")


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.STREAMING, RuntimeExecutionMode.BATCH])
def test_a_bounded_job_leaves_finished_files_only(
    mode: RuntimeExecutionMode, environment: StreamExecutionEnvironment, tmp_path: Path
) -> None:
    environment.set_runtime_mode(mode)
    environment.set_parallelism(2)
    words = environment.from_collection(["to", "be", "or", "not", "to", "be"])
    counts = words.map(lambda word: (word, 1), output_type=Types.TUPLE([Types.STRING(), Types.INT()])).key_by(0)
    counts.reduce(lambda a, b: (a[0], a[1] + b[1])).sink_to(file_sink(tmp_path))
    environment.execute()
    final = {"(be,2)", "(not,1)", "(or,1)", "(to,2)"}
    assert set(lines(tmp_path)) == final | ({"(be,1)", "(to,1)"} if mode is RuntimeExecutionMode.STREAMING else set())
    assert not list(tmp_path.rglob(".*"))


def test_the_text_is_that_of_the_streams_type(environment: StreamExecutionEnvironment, tmp_path: Path) -> None:
    values: list[tuple[str, Any, Sequence[Any]]] = [
        ("row", Types.ROW([Types.STRING(), Types.DOUBLE()]), [Row("a", 1.5), Row("b", None)]),
        ("untyped", None, [("a", 1)]),
        ("boolean", Types.BOOLEAN(), [True]),
    ]
    for name, kind, records in values:
        environment.from_collection(records, kind).sink_to(file_sink(tmp_path / name))
    environment.execute()
    assert lines(tmp_path / "row") == ["+I[a, 1.5]", "+I[b, null]"]
    assert lines(tmp_path / "untyped") == ["('a', 1)"]
    assert lines(tmp_path / "boolean") == ["true"]


class FailsOnce(MapFunction):
    """Fails in the first attempt, at a record in the middle."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.attempt = runtime_context.get_attempt_number()

    def map(self, value: int) -> int:
        if value == 500 and self.attempt == 0:
            raise LookupError("told to fail")
        return value


@pytest.mark.parametrize("restarts", [0, 1])
def test_what_a_failed_attempt_of_a_bounded_job_has_written_is_gone(
    restarts: int, environment: StreamExecutionEnvironment, tmp_path: Path
) -> None:
    if restarts:
        settings = {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "1",
            "restart-strategy.fixed-delay.delay": "1 ms",
        }
        configuration = Configuration()
        for key, value in settings.items():
            configuration.set_string(key, value)
        environment.configure(configuration)
    environment.set_parallelism(1)
    environment.from_sequence(1, 1000).map(FailsOnce()).sink_to(file_sink(tmp_path, PROMPT))
    if restarts:
        environment.execute()
        assert sorted(map(int, lines(tmp_path))) == list(range(1, 1001))
        assert not list(tmp_path.rglob(".*"))
    else:
        with pytest.raises(JobExecutionError, match="LookupError: told to fail"):
            environment.execute()
        assert not list(tmp_path.rglob("*"))


def test_a_job_without_end_finishes_files_as_it_goes(environment: StreamExecutionEnvironment, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one").write_text("a\nb\n")
    environment.set_parallelism(2)
    slowly(tmp_path / "in", environment).sink_to(file_sink(tmp_path / "out", PROMPT))
    client = environment.execute_async()
    try:
        wait_until(lambda: lines(tmp_path / "out") == ["a", "b"])
        (tmp_path / "in" / ".two").write_text("c\nd\n")
        (tmp_path / "in" / ".two").rename(tmp_path / "in" / "two")
        wait_until(lambda: lines(tmp_path / "out") == ["a", "b", "c", "d"])
    finally:
        client.cancel().result()
        wait_until(lambda: client.get_job_status().result() is JobStatus.CANCELED)
    assert lines(tmp_path / "out") == ["a", "b", "c", "d"]


def test_the_sink_of_old_goes_to_add_sink(environment: StreamExecutionEnvironment, tmp_path: Path) -> None:
    builder = StreamingFileSink.for_row_format(str(tmp_path), Encoder.simple_string_encoder())
    config = OutputFileConfig("prefix", ".ext")
    with pytest.warns(DeprecationWarning, match="use FileSink"):
        sink = (
            builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
            .with_output_file_config(config)
            .build()
        )
    environment.from_collection([True], Types.BOOLEAN()).add_sink(sink)
    environment.execute()
    assert lines(tmp_path) == ["true"]
