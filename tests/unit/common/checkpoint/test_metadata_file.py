"""The metadata of a snapshot: what was written is read, and everything else is an error of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.errors import (
    BrokenSnapshotError,
    ForeignSnapshotError,
    MissingSnapshotError,
    NewerSnapshotError,
    SnapshotError,
)
from millstream.common.checkpoint.metadata_file import VERSION, decode_metadata, encode_metadata, read_metadata
from millstream.common.checkpoint.metadata_file import write_metadata as write
from millstream.common.checkpoint.state_paths import stored_bytes, with_absolute_paths, with_relative_paths
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointMetadata,
    KeyedStateHandle,
    OperatorState,
    OperatorSubtaskState,
    StateBytes,
)
from tests.unit.common.checkpoint.snapshots import DIRECTORY, METADATA


@given(METADATA)
def test_what_is_written_is_read(metadata: CheckpointMetadata) -> None:
    read = decode_metadata(encode_metadata(metadata), "x")
    assert read.version == VERSION
    read.version = metadata.version
    assert read == metadata


@given(METADATA)
def test_absolute_paths_become_relative_and_absolute_again(metadata: CheckpointMetadata) -> None:
    relative = with_relative_paths(metadata, DIRECTORY)
    assert not any(DIRECTORY in stored.path for stored in stored_bytes(relative))
    assert with_absolute_paths(relative, DIRECTORY) == metadata


@given(METADATA, st.data())
def test_each_flipped_bit_is_noticed(metadata: CheckpointMetadata, data: st.DataObject) -> None:
    written = bytearray(encode_metadata(metadata))
    written[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((BrokenSnapshotError, ForeignSnapshotError)):
        decode_metadata(bytes(written), "x")


@settings(max_examples=20)
@given(METADATA)
def test_each_cut_and_each_addition_is_noticed(metadata: CheckpointMetadata) -> None:
    written = encode_metadata(metadata)
    for length in range(len(written)):
        with pytest.raises(BrokenSnapshotError, match="broken: it "):
            decode_metadata(written[:length], "x")
    with pytest.raises(BrokenSnapshotError):
        decode_metadata(written + b"\0", "x")


@pytest.mark.parametrize(
    "stored", ["../chk-6/x", "../../etc/passwd", "..", "shared/x", "../shared/..", "../shared/a/b"]
)
def test_paths_out_of_the_snapshot_are_refused(stored: str) -> None:
    metadata = _metadata(stored)
    with pytest.raises(BrokenSnapshotError, match="no file of a snapshot"):
        with_absolute_paths(metadata, DIRECTORY)


def test_foreign_and_newer_files(tmp_path: Path) -> None:
    with pytest.raises(ForeignSnapshotError, match="Apache Flink"):
        decode_metadata(b"\x49\x60\x67\x2d\x00\x00\x00\x03" + b"x" * 100, "x")
    with pytest.raises(ForeignSnapshotError, match="not the metadata"):
        decode_metadata(b"PAR1" * 20, "x")
    with pytest.raises(NewerSnapshotError, match=f"up to {VERSION}"):
        decode_metadata(_of_version(VERSION + 1), "x")


def test_a_snapshot_is_found_by_its_directory_its_file_and_its_job(tmp_path: Path) -> None:
    job = tmp_path / "job"
    for checkpoint_id in (9, 10, 11):
        (job / f"chk-{checkpoint_id}").mkdir(parents=True)
        if checkpoint_id < 11:  # the last one was not completed
            write(CheckpointMetadata(checkpoint_id=checkpoint_id), str(job / f"chk-{checkpoint_id}"))
    (job / "shared").mkdir()
    directory = job / "chk-9"
    for path in (str(directory), f"{directory}/", str(directory / "_metadata"), directory.as_uri()):
        assert read_metadata(path).metadata.checkpoint_id == 9
    latest = read_metadata(str(job))
    assert (latest.metadata.checkpoint_id, latest.directory) == (10, str(job / "chk-10"))


def test_what_is_no_snapshot_says_why(tmp_path: Path) -> None:
    with pytest.raises(MissingSnapshotError, match="does not exist"):
        read_metadata(str(tmp_path / "nothing"))
    (tmp_path / "chk-3").mkdir()
    with pytest.raises(MissingSnapshotError, match="not completed"):
        read_metadata(str(tmp_path / "chk-3"))
    with pytest.raises(MissingSnapshotError, match="none of the checkpoints"):
        read_metadata(str(tmp_path))
    (tmp_path / "all" / "savepoint-abc").mkdir(parents=True)
    with pytest.raises(MissingSnapshotError, match=r"name one, such as .*savepoint-abc"):
        read_metadata(str(tmp_path / "all"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(MissingSnapshotError, match="is a file"):
        read_metadata(str(tmp_path / "file"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingSnapshotError, match="has no _metadata"):
        read_metadata(str(tmp_path / "empty"))


def test_a_broken_latest_checkpoint_is_not_passed_over(tmp_path: Path) -> None:
    for checkpoint_id in (1, 2):
        (tmp_path / f"chk-{checkpoint_id}").mkdir()
        write(CheckpointMetadata(checkpoint_id=checkpoint_id), str(tmp_path / f"chk-{checkpoint_id}"))
    (tmp_path / "chk-2" / "_metadata").write_bytes(b"")
    with pytest.raises(SnapshotError, match="chk-2/_metadata is broken"):
        read_metadata(str(tmp_path))


def test_a_savepoint_can_be_moved(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    write(_metadata(str(here / "state")), str(here))
    shutil.move(here, there)
    [stored] = stored_bytes(read_metadata(str(there)).metadata)
    assert stored.path == str(there / "state")


def _metadata(path: str) -> CheckpointMetadata:
    handle = KeyedStateHandle(file=StateBytes(path=path, size=1))
    return CheckpointMetadata(operators=[OperatorState(subtasks={0: OperatorSubtaskState(keyed=[handle])})])


def _of_version(version: int) -> bytes:
    import struct
    import zlib

    written = bytearray(encode_metadata(CheckpointMetadata()))
    struct.pack_into(">I", written, 8, version)
    struct.pack_into(">I", written, len(written) - 4, zlib.crc32(written[:-4]))
    return bytes(written)
