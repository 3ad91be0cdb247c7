"""Records in files: which file, under which name, and when it is there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from millstream.common import Encoder, Row, Types
from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import Watermark
from millstream.connectors.file_system.file_committer import FileCommitter
from millstream.connectors.file_system.local_part_store import LocalPartStore
from millstream.connectors.file_system.part_file import PendingFile
from millstream.datastream.commit_request import CommitRequest
from millstream.datastream.connectors import FileSink, FileSource, StreamFormat
from millstream.datastream.connectors.file_system import (
    BucketAssigner,
    FileCompactor,
    FileCompactStrategy,
    OutputFileConfig,
    RollingPolicy,
    StreamingFileSink,
)
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.registry import create_operator
from tests.unit.connectors.readers import read
from tests.unit.taskmanager.operators.support import failure_of, run

NAME = re.compile(r"part-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-(\d+)")


class Fixture:
    """One subtask's sink, run by hand."""

    def __init__(self, sink: Any, *, bounded: bool = True, now_ms: int = 0) -> None:
        self.time = ManualProcessingTime(now_ms)
        context = OperatorContext(OperatorInfo("files"), processing_time=self.time)
        # As on a worker: from what the client has pickled.
        spec = cloudpickle.loads(cloudpickle.dumps(SinkSpec(sink, bounded)))
        self.operator: Operator = create_operator(spec, context)
        self.operator.open()

    def write(self, *values: Any, timestamps: Sequence[int | None] | None = None) -> None:
        run(self.operator, list(values), None if timestamps is None else list(timestamps))

    def advance(self, now_ms: int) -> None:
        self.time.set_now(now_ms)
        if self.time.alarm is not None and self.time.alarm <= now_ms:
            assert not list(self.operator.on_wake(now_ms))

    def finish(self) -> None:
        assert not list(self.operator.finish())
        self.operator.close()


def flat(path: Path) -> FileSink.RowFormatBuilder:
    encoder = Encoder.simple_string_encoder()
    return FileSink.for_row_format(str(path), encoder).with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())


def number_of(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    assert match, path.name
    return int(match[2])


def finished(path: Path) -> list[str]:
    """The contents of the files that readers see, by their numbers."""
    files = (each for each in path.iterdir() if not each.name.startswith("."))
    return [each.read_text() for each in sorted(files, key=number_of)]


def hidden(path: Path) -> list[str]:
    return sorted(each.name for each in path.rglob(".*"))


def rolled_by_size(lines: Sequence[str], part_size: int) -> list[str]:
    """A file is ended before a record if it is larger than the limit already."""
    files: list[str] = []
    for line in lines:
        if not files or len(files[-1]) > part_size:
            files.append("")
        files[-1] += line + "\n"
    return files


@given(st.lists(st.lists(st.text("ab", max_size=6), max_size=5), max_size=8), st.integers(1, 20), st.booleans())
@example([], 1, True)
@example([["", "a"], ["aaaaaa"]], 1, False)
def test_rolling_by_size(batches: list[list[str]], part_size: int, bounded: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        sink = flat(path).with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=part_size)).build()
        fixture = Fixture(sink, bounded=bounded)
        lines: list[str] = []
        for batch in batches:
            fixture.write(*batch)
            lines += batch
            complete = rolled_by_size(lines, part_size)[:-1]
            assert finished(path) == ([] if bounded else complete)
        fixture.finish()
        assert finished(path) == rolled_by_size(lines, part_size)
        assert hidden(path) == []


def test_a_file_has_a_hidden_name_until_it_is_complete(tmp_path: Path) -> None:
    fixture = Fixture(flat(tmp_path).build())
    fixture.write("a", "b")
    (name,) = hidden(tmp_path)
    assert re.fullmatch(rf"\.{NAME.pattern}\.inprogress\.[0-9a-f]{{16}}-0-0-0", name)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(tmp_path)).build()
    assert read(source) == []
    fixture.finish()
    assert read(source) == ["a", "b"]


def test_nothing_is_made_without_records(tmp_path: Path) -> None:
    Fixture(flat(tmp_path / "out").build()).finish()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bounded", [False, True])
def test_rolling_by_the_clock(bounded: bool, tmp_path: Path) -> None:
    policy = RollingPolicy.default_rolling_policy(rollover_interval=5_000, inactivity_interval=2_000)
    sink = flat(tmp_path).with_rolling_policy(policy).with_bucket_check_interval(1_000).build()
    fixture = Fixture(sink, bounded=bounded, now_ms=100_000)
    for second in range(5):
        fixture.advance(100_000 + second * 1_000)
        fixture.write(str(second))
    assert finished(tmp_path) == []
    fixture.advance(105_000)  # old enough
    first = "0\n1\n2\n3\n4\n"
    assert finished(tmp_path) == ([] if bounded else [first])
    fixture.write("next")
    fixture.advance(106_500)
    assert len(hidden(tmp_path)) == (2 if bounded else 1)
    fixture.advance(107_500)  # not written to for long enough
    assert finished(tmp_path) == ([] if bounded else [first, "next\n"])
    fixture.finish()
    assert finished(tmp_path) == [first, "next\n"]
    assert hidden(tmp_path) == []


def test_the_clock_is_looked_at_when_buckets_are_checked(tmp_path: Path) -> None:
    fixture = Fixture(flat(tmp_path).with_bucket_check_interval(7_000).build(), bounded=False, now_ms=1_000)
    assert fixture.time.alarm == 8_000
    fixture.advance(8_500)
    assert fixture.time.alarm == 15_500
    fixture.operator.close()


def test_a_bucket_that_was_left_alone_gets_files_of_another_name(tmp_path: Path) -> None:
    policy = RollingPolicy.default_rolling_policy(rollover_interval=1)
    sink = flat(tmp_path).with_rolling_policy(policy).with_bucket_check_interval(10).build()
    fixture = Fixture(sink, bounded=False)
    for now in range(10, 100, 30):
        fixture.write("x")
        for step in range(3):
            fixture.advance(now + step * 10)
    assert finished(tmp_path) == ["x\n"] * 3
    assert {number_of(path) for path in tmp_path.iterdir()} == {0}
    fixture.operator.close()


def test_without_checkpoints_the_checkpoint_policy_rolls_at_the_end(tmp_path: Path) -> None:
    sink = flat(tmp_path).with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy()).build()
    fixture = Fixture(sink, bounded=False)
    fixture.write("a" * 1000)
    fixture.advance(10_000_000)
    fixture.write("b")
    assert finished(tmp_path) == []
    fixture.finish()
    assert finished(tmp_path) == ["a" * 1000 + "\nb\n"]


def test_a_job_that_will_write_all_again_leaves_nothing(tmp_path: Path) -> None:
    sink = flat(tmp_path).with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1)).build()
    fixture = Fixture(sink)
    fixture.write("a", "b", "c")
    assert len(hidden(tmp_path)) == 3
    fixture.operator.close()
    assert list(tmp_path.iterdir()) == []


def test_a_job_whose_input_may_be_gone_leaves_what_it_has_written(tmp_path: Path) -> None:
    sink = flat(tmp_path).with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1)).build()
    fixture = Fixture(sink, bounded=False)
    fixture.write("a", "b", "c")
    fixture.operator.close()
    assert finished(tmp_path) == ["a\n", "b\n"]
    (name,) = hidden(tmp_path)
    assert (tmp_path / name).read_text() == "c\n"


def test_subtasks_never_share_a_name(tmp_path: Path) -> None:
    fixtures = [Fixture(flat(tmp_path).build()) for _ in range(3)]
    for index, fixture in enumerate(fixtures):
        fixture.write(index)
    for fixture in fixtures:
        fixture.finish()
    assert sorted(finished(tmp_path)) == ["0\n", "1\n", "2\n"]


def test_prefix_and_suffix(tmp_path: Path) -> None:
    config = OutputFileConfig.builder().with_part_prefix("out").with_part_suffix(".csv").build()
    assert (config.get_part_prefix(), config.get_part_suffix()) == ("out", ".csv")
    fixture = Fixture(flat(tmp_path).with_output_file_config(config).build())
    fixture.write("a")
    fixture.finish()
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(r"out-[0-9a-f-]{36}-0\.csv", path.name)
    for prefix, suffix in (("a/b", ""), ("", "/x"), ("\0", "")):
        with pytest.raises(ValueError, match="cannot be in a file's name"):
            OutputFileConfig(prefix, suffix)
    with pytest.raises(TypeError, match="is a text, not 5"):
        OutputFileConfig.builder().with_part_suffix(5).build()  # type: ignore[arg-type]  # what is refused


# ---------------------------------------------------------------- buckets


class FirstPart(BucketAssigner):
    def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
        bucket_id: str = element[0]
        return bucket_id


def files_below(path: Path) -> dict[str, str]:
    """Directories and what their files hold together."""
    found: dict[str, str] = {}
    for each in sorted(path.rglob("*")):
        if each.is_file():
            directory = str(each.parent.relative_to(path))
            found[directory] = found.get(directory, "") + each.read_text()
    return found


def test_each_bucket_is_a_directory(tmp_path: Path) -> None:
    sink = flat(tmp_path).with_bucket_assigner(FirstPart()).build()
    fixture = Fixture(sink.for_input_type(Types.TUPLE([Types.STRING(), Types.INT()])))
    fixture.write(("a", 1), ("b/c", 2), ("a", 3), ("", 4))
    fixture.finish()
    assert files_below(tmp_path) == {".": "(,4)\n", "a": "(a,1)\n(a,3)\n", "b/c": "(b/c,2)\n"}


@pytest.mark.parametrize("bucket_id", ["..", "a/../../b", "/etc", "../x", "a/..", "a\0b"])
def test_a_bucket_never_leads_out_of_the_base_path(bucket_id: str, tmp_path: Path) -> None:
    fixture = Fixture(flat(tmp_path / "out").with_bucket_assigner(FirstPart()).build())
    error = failure_of(fixture.operator, [("fine", 1), (bucket_id, 2)])
    assert isinstance(error, ValueError)
    assert re.search(r"bucket id '.*' leads out of the sink's base path '.*/out'", str(error))
    site = fixture.operator.locate(error, None)
    assert (site.phase, site.record) == ("write", (bucket_id, 2))
    fixture.operator.close()
    assert files_below(tmp_path) == {}


def test_a_bucket_id_is_a_text(tmp_path: Path) -> None:
    fixture = Fixture(flat(tmp_path).with_bucket_assigner(FirstPart()).build())
    error = failure_of(fixture.operator, [(None, 1)])
    assert str(error) == "a bucket id is a text, but the BucketAssigner gave None"
    fixture.operator.close()


def test_buckets_by_the_time_of_writing(tmp_path: Path) -> None:
    sink = FileSink.for_row_format(str(tmp_path), Encoder.simple_string_encoder())
    sink = sink.with_bucket_assigner(BucketAssigner.date_time_bucket_assigner("yyyy/MM-dd--HH", "UTC"))
    fixture = Fixture(sink.build(), now_ms=1_700_000_000_000)
    fixture.write("a", "b")
    fixture.advance(1_700_003_600_000)
    fixture.write("c")
    fixture.finish()
    assert files_below(tmp_path) == {"2023/11-14--22": "a\nb\n", "2023/11-14--23": "c\n"}


def test_an_assigner_sees_the_times_of_the_record(tmp_path: Path) -> None:
    class Times(BucketAssigner):
        def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
            return f"{context.timestamp()} {context.current_watermark()} {context.current_processing_time()}"

    fixture = Fixture(flat(tmp_path).with_bucket_assigner(Times()).build(), now_ms=77)
    fixture.write("a")
    fixture.operator.process_watermark(Watermark(5))
    fixture.write("b", "c", timestamps=[9, None])
    fixture.finish()
    assert files_below(tmp_path) == {f"None {-(2**63)} 77": "a\n", "9 5 77": "b\n", "None 5 77": "c\n"}


def test_a_rolling_policy_of_ones_own(tmp_path: Path) -> None:
    class AtEnds(RollingPolicy):
        def should_roll_on_checkpoint(self, part_file_state: Any) -> bool:
            return False

        def should_roll_on_event(self, part_file_state: Any, element: Any) -> bool:
            assert part_file_state.get_bucket_id() == ""
            return bool(element == "begin")

        def should_roll_on_processing_time(self, part_file_state: Any, current_time: int) -> bool:
            return False

    fixture = Fixture(flat(tmp_path).with_rolling_policy(AtEnds()).build())
    fixture.write("begin", "a", "begin", "b", "c")
    fixture.finish()
    assert finished(tmp_path) == ["begin\na\n", "begin\nb\nc\n"]


# ---------------------------------------------------------------- what is written


def test_records_are_written_as_their_type_says(tmp_path: Path) -> None:
    sink = flat(tmp_path).build()
    fixture = Fixture(sink.for_input_type(Types.ROW([Types.STRING(), Types.DOUBLE()])))
    fixture.write(Row("a", 1e10), Row("b", None))
    fixture.finish()
    assert finished(tmp_path) == ["+I[a, 1.0E10]\n+I[b, null]\n"]


def test_an_encoder_of_ones_own(tmp_path: Path) -> None:
    class Csv(Encoder[Any]):
        def encode(self, element: Any) -> bytes:
            return ";".join(map(str, element)).encode() + b"\r\n"

    sink = FileSink.for_row_format(str(tmp_path), Csv())
    sink = sink.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    fixture = Fixture(sink.build().for_input_type(Types.TUPLE([Types.INT(), Types.INT()])))
    fixture.write((1, 2), (3, 4))
    fixture.finish()
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"1;2\r\n3;4\r\n"


# ---------------------------------------------------------------- what goes wrong


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    fixture = Fixture(flat(tmp_path / "file").build())
    error = failure_of(fixture.operator, ["a"])
    assert re.match(r"Output file '.*/file/part-.*-0' cannot be written: (File exists|Not a directory)", str(error))
    assert fixture.operator.locate(error, None).record == "a"
    fixture.operator.close()


def test_a_commit_that_fails_is_no_fault_of_a_record(tmp_path: Path) -> None:
    sink = flat(tmp_path).with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1)).build()
    fixture = Fixture(sink, bounded=False)
    fixture.write("a")
    (name,) = hidden(tmp_path)
    (tmp_path / name).unlink()
    error = failure_of(fixture.operator, ["b"])
    assert re.match(r"Output file '.*/part-.*-0' cannot be finished: '.*inprogress.*' cannot be renamed", str(error))
    assert fixture.operator.locate(error, None).phase == "commit"
    fixture.operator.close()


def test_a_commit_may_come_twice(tmp_path: Path) -> None:
    (tmp_path / ".a").write_text("x")
    pending = PendingFile(str(tmp_path / ".a"), str(tmp_path / "a"))
    committer = FileCommitter(LocalPartStore())
    committer.commit([CommitRequest(pending)])
    committer.commit([CommitRequest(pending)])
    assert (tmp_path / "a").read_text() == "x"
    assert hidden(tmp_path) == []


def refusals(path: str, odd: Any) -> Iterator[tuple[Any, type[Exception], str]]:
    builder = FileSink.for_row_format(path, Encoder.simple_string_encoder())
    yield lambda: FileSink.for_row_format(path, odd), TypeError, "needs an Encoder"
    yield lambda: FileSink.for_bulk_format(path, odd), TypeError, r"BulkWriterFactory, not .*for_row_format\(\)"
    yield lambda: StreamingFileSink.for_bulk_format(path, odd), TypeError, "needs a BulkWriterFactory"
    yield lambda: builder.with_bucket_check_interval(0), ValueError, "above 0"
    yield lambda: builder.with_bucket_assigner(odd), TypeError, "takes a BucketAssigner"
    yield lambda: builder.with_rolling_policy(odd), TypeError, "takes a RollingPolicy"
    yield lambda: builder.with_output_file_config(odd), TypeError, "takes an OutputFileConfig"
    strategy = FileCompactStrategy.builder().set_size_threshold(1).set_num_compact_threads(2).build()
    compactor = FileCompactor.concat_file_compactor(b"\n")
    yield lambda: builder.enable_compact(strategy, compactor), InvalidProgramError, "does not compact"
    yield lambda: FileCompactStrategy.builder().build(), ValueError, "set_size_threshold"
    for argument in ("part_size", "rollover_interval", "inactivity_interval"):
        yield (
            lambda argument=argument: RollingPolicy.default_rolling_policy(**{argument: 0}),
            ValueError,
            f"{argument} must be",
        )


def test_what_is_refused(tmp_path: Path) -> None:
    for call, kind, text in refusals(str(tmp_path), "x"):
        with pytest.raises(kind, match=text):
            call()


def test_the_sink_of_old(tmp_path: Path) -> None:
    builder = (
        StreamingFileSink.for_row_format(str(tmp_path), Encoder.simple_string_encoder())
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1))
        .with_bucket_check_interval(1_000)
        .with_output_file_config(OutputFileConfig.builder().build())
    )
    with pytest.warns(DeprecationWarning, match="use FileSink"):
        sink = builder.build()
    fixture = Fixture(sink)
    fixture.write("a", "b")
    fixture.finish()
    assert finished(tmp_path) == ["a\n", "b\n"]
    with pytest.raises(TypeError, match="add_sink"):
        sink.invoke("a", None)
