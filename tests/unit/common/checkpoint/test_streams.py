"""Bytes of snapshots: what is stored is read, a harmed file is noticed, and an abortion leaves nothing."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.errors import (
    BrokenSnapshotError,
    MissingSnapshotError,
    SnapshotAbortedError,
    SnapshotError,
)
from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.checkpoint.snapshot_streams import snapshot_streams
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.file_system import FileSystemError, file_system_of
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, StateBytes
from millstream.testing.faulty_file_system import FaultyFileSystem

_SMALL = Configuration().set(CheckpointingOptions.DATA_INLINE_THRESHOLD, 100)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.binary(max_size=80), max_size=8), st.integers(0, 300), st.integers(1, 200), st.booleans(), st.booleans()
)
def test_what_is_written_is_read(
    tmp_path: Path, chunks: list[bytes], threshold: int, buffer: int, shared: bool, as_views: bool
) -> None:
    configuration = Configuration().set(CheckpointingOptions.DATA_INLINE_THRESHOLD, threshold)
    configuration.set(CheckpointingOptions.WRITE_BUFFER_SIZE, buffer)
    streams = FileSnapshotStreams(str(tmp_path / "chk-1"), str(tmp_path / "shared"), configuration)
    given_chunks: list[bytes | memoryview] = [memoryview(chunk) if as_views else chunk for chunk in chunks]
    stored = streams.write("keyed", given_chunks, shared=shared)
    whole = b"".join(chunks)
    assert (stored.size, stored.crc32) == (len(whole), zlib.crc32(whole))
    if shared or (chunks and len(whole) >= threshold):
        assert stored.path.startswith(f"{tmp_path}/{'shared' if shared else 'chk-1'}/keyed-")
    else:
        assert stored.path == ""
    reader = SnapshotReader()
    assert reader.read(stored) == whole
    with reader.open(stored) as file:
        assert file.read() == whole
    reader.download(stored, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == whole


def test_files_are_stored_and_never_inline(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"sst")
    streams = FileSnapshotStreams(str(tmp_path / "chk-1"), "", _SMALL)
    stored = streams.write_file("sst", source)
    assert stored.path.startswith(f"{tmp_path}/chk-1/sst-")
    assert SnapshotReader().read(stored) == b"sst"


def test_what_is_not_shared_cannot_be_shared(tmp_path: Path) -> None:
    streams = FileSnapshotStreams(str(tmp_path), "", _SMALL)
    with pytest.raises(SnapshotError, match="not incremental"):
        streams.write("sst", [b"x"], shared=True)
    with pytest.raises(SnapshotError, match="cannot be a part"):
        streams.write("../x", [b"x" * 200])


def test_an_abortion_deletes_what_was_written_and_stops_what_is_being_written(tmp_path: Path) -> None:
    directory = tmp_path / "chk-1"
    streams = FileSnapshotStreams(str(directory), str(tmp_path / "shared"), _SMALL)
    streams.write("a", [b"x" * 1000])
    streams.write("b", [b"x"], shared=True)
    begun, aborted = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def chunks() -> Iterator[bytes]:
        yield b"x" * 1000
        begun.set()
        assert aborted.wait(10)
        yield b"y" * 1000

    def write() -> None:
        try:
            streams.write("c", chunks())
        except SnapshotAbortedError as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(10)
    streams.abort()
    aborted.set()
    thread.join(10)
    assert len(errors) == 1
    streams.abort()
    assert list(directory.iterdir()) == []
    assert list((tmp_path / "shared").iterdir()) == []
    with pytest.raises(SnapshotAbortedError):
        streams.write("d", [b"x"])
    with pytest.raises(SnapshotAbortedError):
        streams.write_file("d", tmp_path / "x")


def test_an_abortion_goes_on_where_one_file_cannot_be_deleted(tmp_path: Path) -> None:
    files = FaultyFileSystem(file_system_of(str(tmp_path)))
    streams = FileSnapshotStreams(str(tmp_path), "", _SMALL, files)
    for _ in range(20):
        streams.write("a", [b"x" * 1000])
    files.failures = 0.5
    with pytest.raises(FileSystemError, match="injected"):
        streams.abort()
    assert 0 < len(list(tmp_path.iterdir())) < 20


@pytest.mark.parametrize("seed", range(30))
def test_a_write_that_fails_leaves_nothing_and_one_that_succeeds_is_whole(tmp_path: Path, seed: int) -> None:
    files = FaultyFileSystem(file_system_of(str(tmp_path)), seed, failures=0.2)
    streams = FileSnapshotStreams(str(tmp_path), "", _SMALL, files)
    stored = []
    for number in range(10):
        try:
            stored.append((streams.write("a", [bytes([number]) * 50] * 4), bytes([number]) * 200))
        except FileSystemError as error:
            assert "injected" in str(error)  # noqa: PT017  # either outcome is right
    for state, content in stored:
        assert SnapshotReader().read(state) == content
    answers_lost = len(list(tmp_path.iterdir())) - len(stored)
    assert 0 <= answers_lost <= 10 - len(stored)


@pytest.mark.parametrize("seed", range(20))
def test_no_wrong_byte_is_read_from_a_store_that_tears_and_loses_files(tmp_path: Path, seed: int) -> None:
    files = FaultyFileSystem(file_system_of(str(tmp_path)), seed, torn=0.3, lost=0.3)
    streams = FileSnapshotStreams(str(tmp_path), "", _SMALL, files)
    written = [(streams.write("a", [bytes([number]) * 200]), bytes([number]) * 200) for number in range(10)]
    outcomes = set()
    for stored, content in written:
        for read in (SnapshotReader().read, lambda stored: SnapshotReader().open(stored).close()):
            try:
                assert read(stored) in (content, None)
                outcomes.add("whole")
            except (MissingSnapshotError, BrokenSnapshotError) as error:
                assert stored.path in str(error)  # noqa: PT017  # either outcome is right
                outcomes.add(type(error).__name__)
    assert len(outcomes) > 1


def test_harm_is_noticed_and_named(tmp_path: Path) -> None:
    streams = FileSnapshotStreams(str(tmp_path / "chk-7"), "", _SMALL)
    reader = SnapshotReader(snapshot="checkpoint 7")
    content = bytes(1000)

    def harmed(harm: Callable[[Path], object]) -> StateBytes:
        stored = streams.write("keyed", [content])
        harm(Path(stored.path))
        return stored

    gone = harmed(Path.unlink)
    for read in (reader.open, reader.read, lambda stored: reader.download(stored, tmp_path / "copy")):
        with pytest.raises(MissingSnapshotError, match=r"chk-7/keyed-.* of checkpoint 7, is gone"):
            read(gone)
    torn = harmed(lambda path: path.write_bytes(content[:500]))
    for read in (reader.open, reader.read, lambda stored: reader.download(stored, tmp_path / "copy")):
        with pytest.raises(BrokenSnapshotError, match="checkpoint 7 is broken: it has 500 bytes instead of 1000"):
            read(torn)
    changed = harmed(lambda path: path.write_bytes(content[:-1] + b"x"))
    for read in (reader.read, lambda stored: reader.download(stored, tmp_path / "copy")):
        with pytest.raises(BrokenSnapshotError, match="checksum"):
            read(changed)
    assert not (tmp_path / "copy").exists()
    with pytest.raises(BrokenSnapshotError, match="state in the metadata"):
        reader.read(StateBytes(inline=b"abc", size=3, crc32=1))


def test_a_local_copy_is_read_if_it_is_good(tmp_path: Path) -> None:
    stored = FileSnapshotStreams(str(tmp_path / "chk-7"), "", _SMALL).write("keyed", [b"x" * 500])
    copy = tmp_path / "copy"
    reader = SnapshotReader(local_copies=lambda _: copy)
    for content in (b"x" * 500, b"x" * 499 + b"y", b"x"):
        copy.write_bytes(content)
        assert reader.read(stored) == b"x" * 500
        reader.download(stored, tmp_path / "target")
        assert (tmp_path / "target").read_bytes() == b"x" * 500
    copy.write_bytes(b"x" * 500)
    Path(stored.path).unlink()
    assert reader.read(stored) == b"x" * 500
    with reader.open(stored) as file:
        assert file.read(2) == b"xx"
    copy.unlink()
    with pytest.raises(MissingSnapshotError):
        reader.read(stored)


def test_state_in_memory_has_a_bound(tmp_path: Path) -> None:
    streams = snapshot_streams(
        CheckpointOptions(), Configuration().set(CheckpointingOptions.JOB_MANAGER_MAX_STATE_SIZE, 10)
    )
    assert isinstance(streams, MemorySnapshotStreams)
    stored = streams.write("a", [b"12345", memoryview(b"67890")], shared=True)
    assert stored == StateBytes(inline=b"1234567890", size=10, crc32=zlib.crc32(b"1234567890"))
    with pytest.raises(SnapshotError, match=r"Size of the state is larger .*size=12, maxSize=10"):
        streams.write("a", [b"123456"] * 4)
    source = tmp_path / "source"
    source.write_bytes(b"12345678901")
    with pytest.raises(SnapshotError, match="maxSize=10"):
        streams.write_file("a", source)
    streams.abort()
    with pytest.raises(SnapshotAbortedError):
        streams.write("a", [])
