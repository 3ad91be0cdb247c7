"""Files: found, divided, decoded; each line once."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import lzma
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from millstream.common import Duration
from millstream.common.records import RecordBatch
from millstream.connectors.file_system.file_enumerator import BLOCK_SIZE
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.line_reader import LineReader
from millstream.connectors.file_system.text_line_format import TextLineFormat
from millstream.datastream.connectors import (
    FileEnumeratorProvider,
    FileSource,
    FileSplitAssignerProvider,
    StreamFormat,
)
from millstream.datastream.source import Boundedness, InputStatus, SourceReader
from tests.unit.connectors.readers import context, drain, read, read_all

UTF_8 = StreamFormat.text_line_format()


def lines_of(text: str) -> list[str]:
    """What Flink's TextInputFormat makes of a text."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def source_of(*paths: Path, charset: str = "UTF-8", block_size: int | None = None) -> FileSource:
    stream_format = StreamFormat.text_line_format(charset)
    if block_size is None:
        return FileSource.for_record_stream_format(stream_format, *map(str, paths)).build()
    return FileSource(stream_format, tuple(map(str, paths)), block_size)


texts = st.text(st.sampled_from("ab\n\n\r é€𝄞\u2028\x85\x0b"), max_size=60)


@given(texts, st.integers(1, 40), st.integers(1, 7), st.integers(1, 5))
@example("\n\n\n", 1, 3, 1)
@example("a" * 30 + "\nb", 4, 2, 1)
@example("no end", 2, 3, 1)
@example("", 1, 1, 1)
def test_all_readers_together_give_each_line_once(text: str, block: int, parallelism: int, batch: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "f"
        path.write_bytes(text.encode())
        source = source_of(path, block_size=block)
        assert sorted(read_all(source, parallelism, batch)) == sorted(lines_of(text))
        assert read(source) == lines_of(text)


@given(texts, st.integers(0, 70), st.integers(0, 70), st.integers(1, 9))
def test_a_part_has_the_lines_that_begin_in_it(text: str, one: int, other: int, chunk: int) -> None:
    data = text.encode()
    start, end = sorted((min(one, len(data)), min(other, len(data))))
    begins = [0, *(index + 1 for index, byte in enumerate(data) if byte == 10)]
    begins = [each for each in begins if each < len(data)]
    expected = [line for begin, line in zip(begins, lines_of(text), strict=True) if start <= begin < end]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "f"
        path.write_bytes(data)
        reader = LineReader(FileSplit(str(path), start, end), TextLineFormat("utf-8"), chunk)
        try:
            found: list[str] = []
            while (lines := reader.read()) is not None:
                found += lines.records
        finally:
            reader.close()
    assert found == expected


@given(
    texts,
    st.integers(1, 30),
    st.integers(1, 3),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(1, 4),
    st.sampled_from(["utf-8", "utf-16", "gz"]),
)
def test_a_restored_reader_goes_on_where_the_other_stopped(
    text: str, block: int, parallelism: int, first: int, second: int, batch: int, kind: str
) -> None:
    charset = "utf-16" if kind == "utf-16" else "utf-8"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / ("f.gz" if kind == "gz" else "f")
        data = text.encode(charset)
        path.write_bytes(gzip.compress(data) if kind == "gz" else data)
        source = source_of(path, charset=charset, block_size=block)
        found: list[str] = []
        for index in range(parallelism):
            state = None
            for batches in (first, second, -1):  # taken over twice
                reader = source.create_reader(context(index, parallelism, batch))
                if state is not None:
                    reader.restore_state(state)
                reader.start()
                found += drain(reader, batches)
                state = pickle.loads(pickle.dumps(reader.snapshot_state()))
                reader.close()
            assert list(state or ()) == []
    assert sorted(found) == sorted(lines_of(text))


@given(st.binary(max_size=60), st.integers(1, 20), st.sampled_from(["utf-8", "gbk", "shift_jis", "big5", "latin-1"]))
def test_bytes_that_are_no_text_never_swallow_a_line(data: bytes, block: int, charset: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "f"
        path.write_bytes(data)
        found = read_all(source_of(path, charset=charset, block_size=block), 3)
    expected = [each.decode(charset, "replace") for each in data.split(b"\n")]
    if not expected[-1] and data[-1:] in (b"", b"\n"):
        expected.pop()
    assert sorted(found) == sorted(each.removesuffix("\r") for each in expected)


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\xff\nb\xc3\n")
    assert read(source_of(tmp_path / "f")) == ["a\ufffd", "b\ufffd"]


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-16-le", "utf-32", "utf-7", "iso2022_jp", "gb18030", "cp037", "utf-8-sig"]
)
@pytest.mark.parametrize("parallelism", [1, 3])
def test_charsets(charset: str, parallelism: int, tmp_path: Path) -> None:
    text = "日本\r\nabc\n\nlast" if charset != "cp037" else "xyz\r\nabc\n\nlast"
    (tmp_path / "f").write_bytes(text.encode(charset))
    assert sorted(read_all(source_of(tmp_path / "f", charset=charset, block_size=4), parallelism)) == sorted(
        lines_of(text)
    )


def test_an_unknown_charset() -> None:
    for name in ("no-such", "base64"):
        with pytest.raises(ValueError, match=name):
            StreamFormat.text_line_format(name)


@pytest.mark.parametrize(
    ("name", "compress"),
    [("f.gz", gzip.compress), ("f.gzip", gzip.compress), ("f.bz2", bz2.compress), ("f.xz", lzma.compress)],
)
def test_compressed_files_are_read_whole_by_one(name: str, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(compress(b"a\nb\r\nc"))
    source = source_of(tmp_path / name, block_size=2)
    parts = [read(source, index, 3) for index in range(3)]
    assert sorted(map(len, parts)) == [0, 0, 3]
    assert max(parts) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["f.gz", "f.bz2", "f.xz"])
def test_a_broken_compressed_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"this is not compressed")
    with pytest.raises(OSError, match=name):
        read(source_of(tmp_path / name))


def test_directories_are_read_with_all_below_but_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b", "a/x", "a/y/z", ".hidden", "_hidden", "a/.git/x", "_tmp/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    assert read(source_of(tmp_path)) == ["a/x", "a/y/z", "b"]
    assert sorted(read_all(source_of(tmp_path), 4)) == ["a/x", "a/y/z", "b"]
    assert read(source_of(tmp_path / ".hidden")) == [".hidden"], "a file that is named is read"


def test_paths_are_taken_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b").write_text("x\n")
    monkeypatch.chdir(tmp_path)
    source = FileSource.for_record_stream_format(UTF_8, "a b").process_static_file_set().build()
    monkeypatch.chdir("/")
    assert read(source) == ["x"]
    uri = (tmp_path / "a b").as_uri()
    assert read(FileSource.for_record_stream_format(UTF_8, uri).build()) == ["x"]
    with pytest.raises(ValueError, match="no file system 's3'"):
        FileSource.for_record_stream_format(UTF_8, "s3://bucket/x")
    with pytest.raises(ValueError, match="at least one path"):
        FileSource.for_record_stream_format(UTF_8)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'/nowhere/x' does not exist on this machine"):
        read(source_of(Path("/nowhere/x")))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        read(source_of(tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0)
    with pytest.raises(PermissionError, match="closed"):
        read(source_of(tmp_path / "closed"))
    with pytest.raises(PermissionError, match="file"):
        read(source_of(tmp_path / "file"))


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x\n")
    reader = source_of(tmp_path / "f").create_reader(context())
    reader.start()
    (tmp_path / "f").unlink()
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "f")):
        reader.poll()


def test_a_big_file_is_read_by_all_and_many_small_ones_are_spread(tmp_path: Path) -> None:
    (tmp_path / "big").write_text("line\n" * 1000)
    source = source_of(tmp_path / "big", block_size=100)
    assert [len(read(source, index, 4, 50)) for index in range(4)] == pytest.approx([250] * 4, rel=0.1)
    small = tmp_path / "small"
    small.mkdir()
    for index in range(200):
        (small / f"f{index}").write_text("x\n")
    assert min(len(read(source_of(small), index, 4)) for index in range(4)) > 20


def test_a_line_longer_than_many_chunks(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    (tmp_path / "f").write_text(f"a\n{long}\nb\n")
    assert sorted(read_all(source_of(tmp_path / "f", block_size=100_000), 3)) == sorted(["a", long, "b"])


def test_batches_are_as_long_as_asked(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x\n" * 10)
    reader = source_of(tmp_path / "f").create_reader(context(batch=4))
    reader.start()
    assert [len(drain(reader, 1)) for _ in range(4)] == [4, 4, 2, 0]
    reader.close()


# ---------------------------------------------------------------- files that come later


def continuous(*paths: Path) -> FileSource:
    builder = FileSource.for_record_stream_format(UTF_8, *map(str, paths))
    return builder.monitor_continuously(Duration.of_millis(1)).build()


def now(reader: SourceReader) -> list[str]:
    """What there is to read at this moment."""
    lines: list[str] = []
    while isinstance(batch := reader.poll(), RecordBatch):
        lines += batch.values
    assert batch is InputStatus.NOTHING_AVAILABLE
    return lines


def test_each_file_that_comes_is_read_once(tmp_path: Path) -> None:
    source = continuous(tmp_path)
    assert source.boundedness is Boundedness.CONTINUOUS_UNBOUNDED
    readers = [source.create_reader(context(index, 2)) for index in range(2)]
    for reader in readers:
        reader.start()

    def look() -> list[str]:
        found: list[str] = []
        for reader in readers:
            asyncio.run(reader.wait_available())
            found += now(reader)
        return sorted(found)

    assert look() == []
    (tmp_path / "a").write_text("1\n2\n")
    (tmp_path / ".hidden").write_text("x\n")
    (tmp_path / "empty").write_text("")
    assert look() == ["1", "2"]
    assert look() == []
    (tmp_path / "b").write_text("3\n")
    (tmp_path / "a").write_text("1\n2\nmore\n")
    (tmp_path / "empty").write_text("4\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "c").write_text("5\n")
    assert look() == ["3", "4", "5"]
    for reader in readers:
        reader.close()


def test_between_two_looks_nothing_is_looked_for(tmp_path: Path) -> None:
    reader = continuous(tmp_path).create_reader(context())
    assert now(reader) == []
    (tmp_path / "a").write_text("1\n")
    assert now(reader) == []
    asyncio.run(reader.wait_available())
    assert now(reader) == ["1"]
    reader.close()


def test_a_restored_reader_knows_what_was_found(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("".join(f"{name}{index}\n" for index in range(5)))
    source = continuous(tmp_path)
    first = source.create_reader(context(batch=2))
    first.start()
    found = drain(first, 4)
    assert found == ["a0", "a1", "a2", "a3", "a4", "b0", "b1"]
    state, shared = pickle.loads(pickle.dumps((first.snapshot_state(), first.snapshot_shared_state())))
    first.close()
    second = source.create_reader(context(batch=2))
    second.restore_shared_state(shared)
    second.restore_state(state)
    second.start()
    (tmp_path / "c").write_text("c0\n")
    assert now(second) == ["b2", "b3", "b4", "c0"]
    second.close()


def test_a_source_may_be_switched_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n" * 5)
    builder = FileSource.for_record_stream_format(UTF_8, str(tmp_path)).monitor_continuously(Duration.of_seconds(1))
    source = builder.process_static_file_set().build()
    assert source.boundedness is Boundedness.BOUNDED
    assert read(source) == ["1"] * 5
    for interval in (0, Duration.of_millis(0), 5):
        with pytest.raises(ValueError, match="takes a Duration"):
            builder.monitor_continuously(interval)  # type: ignore[arg-type]  # what is refused


def test_a_file_may_be_kept_whole(tmp_path: Path) -> None:
    (tmp_path / "big").write_text("line\n" * (BLOCK_SIZE // 2))
    builder = FileSource.for_record_stream_format(UTF_8, str(tmp_path))
    builder.set_split_assigner(FileSplitAssignerProvider.locality_aware_split_assigner())
    for provider, readers in (
        (FileEnumeratorProvider.default_splittable_file_enumerator(), 2),
        (FileEnumeratorProvider.default_non_splittable_file_enumerator(), 1),
    ):
        source = builder.set_file_enumerator(provider).build()
        parts = [len(read(source, index, 2, 100_000)) for index in range(2)]
        assert len([part for part in parts if part]) == readers
        assert sum(parts) == BLOCK_SIZE // 2
    with pytest.raises(TypeError, match="FileEnumeratorProvider"):
        builder.set_file_enumerator("x")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(TypeError, match="FileSplitAssignerProvider"):
        builder.set_split_assigner("x")  # type: ignore[arg-type]  # what is refused


def test_each_kind_of_format_has_its_method() -> None:
    odd: Any = "x"
    with pytest.raises(TypeError, match="takes a BulkFormat"):
        FileSource.for_bulk_file_format(odd, "x")
    with pytest.raises(TypeError, match="needs a StreamFormat"):
        FileSource.for_record_stream_format(odd, "x")
