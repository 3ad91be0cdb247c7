"""Copies of snapshots: whole and found again, or not there at all; and never a reason for a checkpoint to fail."""

from __future__ import annotations

import errno
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.checkpoint.errors import SnapshotAbortedError
from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.wire.checkpoint_pb2 import StateBytes
from millstream.taskmanager.local_state.copying_streams import CopyingStreams
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies

SMALL = Configuration().set(CheckpointingOptions.DATA_INLINE_THRESHOLD, 100)


class Storage:
    """A checkpoint's two places."""

    def __init__(self, directory: Path, checkpoint_id: int = 7) -> None:
        self.remote = directory / "remote"
        self.local = directory / "local"
        self.copies = SnapshotCopies([self.local / "a", self.local / "b"])
        self.files = FileSnapshotStreams(str(self.remote / "chk-7"), str(self.remote / "shared"), SMALL)
        self.streams = CopyingStreams(self.files, self.copies, checkpoint_id)
        self.reader = SnapshotReader(local_copies=self.copies.find)

    def local_files(self) -> list[Path]:
        return [path for path in self.local.rglob("*") if path.is_file()]

    def lose_remote(self, stored: StateBytes) -> None:
        Path(stored.path).unlink()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


@given(sizes=st.lists(st.integers(0, 50_000), max_size=6))
def test_what_is_written_is_read_from_the_copy(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    storage = Storage(tmp_path_factory.mktemp("storage"))
    chunks = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    stored = storage.streams.write("keyed", [memoryview(chunk) for chunk in chunks])
    if stored.path:
        storage.lose_remote(stored)
    assert storage.reader.read(stored) == b"".join(chunks)
    # What is small is in the master's hands: there is no file here either.
    assert len(storage.local_files()) == (1 if stored.path else 0)


def test_files_are_linked_where_that_is_possible(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "000012.sst"
    source.write_bytes(b"x" * 5000)
    stored = storage.streams.write_file("000012-sst", source, shared=True)
    (copy,) = storage.local_files()
    assert copy.samefile(source)
    source.unlink()
    storage.lose_remote(stored)
    storage.reader.download(stored, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"x" * 5000


def test_a_file_of_an_earlier_checkpoint_has_a_copy_in_each_that_refers_to_it(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    source = tmp_path / "000012.sst"
    source.write_bytes(b"x" * 5000)
    stored = storage.streams.write_file("000012-sst", source, shared=True)
    later = CopyingStreams(storage.files, storage.copies, 8)
    later.refer(stored, source)
    storage.copies.completed(8)
    assert [path.parent.name for path in storage.local_files()] == ["chk-8"]
    storage.lose_remote(stored)
    assert storage.reader.read(stored) == b"x" * 5000


def test_copies_whose_directory_is_removed_cost_the_copies_only(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = storage.streams.write("keyed", [b"a" * 100_000])
    storage.copies.aborted(7)  # the directories are gone under its hands
    source = tmp_path / "file"
    source.write_bytes(b"x" * 500)
    with caplog.at_level(logging.INFO):
        stored = [storage.streams.write("keyed", [b"y" * 200_000]), storage.streams.write_file("file", source)]
    assert len(caplog.records) == 1
    assert "no copies of checkpoint 7 are kept on this host" in caplog.text
    assert storage.local_files() == []
    assert [zlib.crc32(storage.reader.read(each)) for each in stored] == [each.crc32 for each in stored]
    assert storage.reader.read(first) == b"a" * 100_000


def test_a_full_disk_costs_the_copy_only(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SnapshotCopies, "keep", full)
    with caplog.at_level(logging.WARNING):
        stored = [storage.streams.write("keyed", [bytes([each]) * 200_000]) for each in range(3)]
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
    assert storage.local_files() == []
    assert [storage.reader.read(each)[0] for each in stored] == [0, 1, 2]


def test_files_are_copied_where_they_cannot_be_linked(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    source = tmp_path / "000012.sst"
    source.write_bytes(b"x" * 5000)
    stored = storage.streams.write_file("000012-sst", source, shared=True)
    (copy,) = storage.local_files()
    assert not copy.samefile(source)
    storage.lose_remote(stored)
    assert storage.reader.read(stored) == b"x" * 5000


def test_there_is_no_place_for_copies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "local").write_text("a file, where a directory should be")
    with caplog.at_level(logging.WARNING):
        storage = Storage(tmp_path)
        stored = storage.streams.write("keyed", [b"y" * 200_000])
    assert len(caplog.records) == 1
    assert storage.reader.read(stored) == b"y" * 200_000


def test_bytes_that_break_off_leave_no_copy(storage: Storage) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * 200_000
        raise RuntimeError("a value cannot be pickled")

    with pytest.raises(RuntimeError, match="cannot be pickled"):
        storage.streams.write("keyed", breaking())
    assert storage.local_files() == []


def test_an_aborted_checkpoint_leaves_no_copies(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"x" * 500)
    storage.streams.write("keyed", [b"y" * 200_000])
    storage.streams.write_file("file", source)
    storage.streams.abort()
    storage.streams.abort()
    assert storage.local_files() == []
    assert list((storage.remote / "chk-7").iterdir()) == []
    with pytest.raises(SnapshotAbortedError):
        storage.streams.write("keyed", [b"y" * 200_000])
    with pytest.raises(SnapshotAbortedError):
        storage.streams.refer(StateBytes(path="x"), source)
    assert storage.local_files() == []


@pytest.mark.parametrize("read", ["read", "open", "download"])
@pytest.mark.parametrize("harm", ["changed", "short", "gone", "a directory"])
def test_a_bad_copy_is_not_read(storage: Storage, tmp_path: Path, read: str, harm: str) -> None:
    content = b"y" * 200_000
    stored = storage.streams.write("keyed", [content])
    (copy,) = storage.local_files()
    copy.unlink()
    if harm == "changed":
        copy.write_bytes(content[:-1] + b"z")
    elif harm == "short":
        copy.write_bytes(content[:-1])
    elif harm == "a directory":
        copy.mkdir()
    if read == "read":
        found = storage.reader.read(stored)
    elif read == "open":
        with storage.reader.open(stored) as file:
            found = file.read()
    else:
        storage.reader.download(stored, tmp_path / "target")
        found = (tmp_path / "target").read_bytes()
    assert found == content
