"""Where snapshots lie, and that nothing else is deleted with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.checkpoint.deletion import delete_snapshot
from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.layout import CheckpointLayout, checkpoint_id_of, new_savepoint_directory
from millstream.common.checkpoint.metadata_file import read_metadata, write_metadata
from millstream.common.file_system import file_system_of
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.testing.faulty_file_system import FaultyFileSystem, HostKilledError

_JOB = "0123456789abcdef0123456789abcdef"


def test_the_directories_of_a_job() -> None:
    layout = CheckpointLayout("s3://bucket/checkpoints", _JOB)
    assert layout.checkpoint(12) == f"s3://bucket/checkpoints/{_JOB}/chk-12"
    assert layout.shared == f"s3://bucket/checkpoints/{_JOB}/shared"
    assert layout.task_owned == f"s3://bucket/checkpoints/{_JOB}/taskowned"
    savepoint = new_savepoint_directory("/savepoints", _JOB)
    assert re.fullmatch("/savepoints/savepoint-012345-[0-9a-f]{12}", savepoint)
    assert savepoint != new_savepoint_directory("/savepoints", _JOB)


@pytest.mark.parametrize("job_id", ["", "..", "../" + _JOB[:29], _JOB + "/..", _JOB.upper()])
def test_a_job_id_is_no_path(job_id: str) -> None:
    with pytest.raises(SnapshotError, match="no job id"):
        CheckpointLayout("/checkpoints", job_id)
    with pytest.raises(SnapshotError, match="no job id"):
        new_savepoint_directory("/savepoints", job_id)


@given(st.integers(1, 2**63))
def test_the_id_of_a_directory(checkpoint_id: int) -> None:
    name = CheckpointLayout("/", _JOB).checkpoint(checkpoint_id).rpartition("/")[2]
    assert checkpoint_id_of(name) == checkpoint_id
    assert checkpoint_id_of(name + "x") is None


def test_a_savepoint_is_deleted_by_its_directory_or_its_file(tmp_path: Path) -> None:
    for named in ("{}", "{}/", "{}/_metadata"):
        directory = new_savepoint_directory(str(tmp_path), _JOB)
        file_system_of(directory).write(f"{directory}/a", [b"x"])
        write_metadata(CheckpointMetadata(), directory)
        delete_snapshot(named.format(directory))
        assert list(tmp_path.iterdir()) == []


def test_what_is_more_than_one_snapshot_is_not_deleted(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no checkpoint or savepoint"):
        delete_snapshot(str(tmp_path))
    write_metadata(CheckpointMetadata(), str(tmp_path / "chk-1"))
    with pytest.raises(SnapshotError, match=r"several checkpoints: name one, such as .*chk-1"):
        delete_snapshot(str(tmp_path))
    (tmp_path / "chk-1" / "photos").mkdir()
    with pytest.raises(SnapshotError, match="photos"):
        delete_snapshot(str(tmp_path / "chk-1"))
    assert (tmp_path / "chk-1" / "_metadata").exists()


def test_a_killed_host_leaves_a_whole_snapshot_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = set()
    for kill_at in range(6):
        directory = str(tmp_path / f"chk-{kill_at + 1}")
        files = FaultyFileSystem(file_system_of(directory), kill_at=kill_at)
        monkeypatch.setattr("millstream.common.checkpoint.metadata_file.file_system_of", lambda *_, f=files: f)
        try:
            write_metadata(CheckpointMetadata(checkpoint_id=5), directory)
        except HostKilledError:
            pass
        monkeypatch.undo()
        try:
            assert read_metadata(directory).metadata.checkpoint_id == 5
            outcomes.add("whole")
        except SnapshotError as error:
            assert "is broken" not in str(error)  # noqa: PT017  # either outcome is right
            outcomes.add("none")
    assert outcomes == {"whole", "none"}
