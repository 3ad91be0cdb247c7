"""Where snapshots lie, and that nothing else is deleted with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.checkpoint.deletion import delete_checkpoint, delete_shared_files, delete_snapshot
from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.layout import CheckpointLayout, checkpoint_id_of, new_savepoint_directory
from millstream.common.checkpoint.metadata_file import read_metadata, write_metadata
from millstream.common.checkpoint.storage_settings import CheckpointStorageSettings
from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.file_system import FileSystemError, file_system_of
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


def test_checkpoints_and_shared_files_are_deleted(tmp_path: Path) -> None:
    layout = CheckpointLayout(str(tmp_path), _JOB)
    for path in (layout.checkpoint(1), layout.checkpoint(2), layout.shared):
        file_system_of(path).write(f"{path}/a", [b"x"])
    delete_checkpoint(layout, 1)
    delete_checkpoint(layout, 1)
    assert sorted(path.name for path in (tmp_path / _JOB).iterdir()) == ["chk-2", "shared"]
    for foreign in (f"{layout.checkpoint(2)}/a", f"{layout.shared}/../chk-2/a", "/etc/passwd"):
        with pytest.raises(SnapshotError, match="is not deleted"):
            delete_shared_files(layout, [f"{layout.shared}/a", foreign])
    assert Path(layout.shared, "a").exists()
    delete_shared_files(layout, [f"{layout.shared}/a", f"{layout.shared}/gone"])
    assert not Path(layout.shared, "a").exists()


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


def test_which_storage_a_job_has(tmp_path: Path) -> None:
    def of(**settings: str) -> CheckpointStorageSettings:
        keys = {f"execution.checkpointing.{key.replace('_', '-')}": value for key, value in settings.items()}
        return CheckpointStorageSettings.of(Configuration.from_map(keys))

    assert of() == CheckpointStorageSettings(True, None, None)
    assert of().layout(_JOB) is None
    assert of(dir="/c") == CheckpointStorageSettings(False, "/c", None)
    assert of(dir="/c").layout(_JOB) == CheckpointLayout("/c", _JOB)
    assert of(dir="/c", storage="jobmanager") == CheckpointStorageSettings(True, "/c", None)
    assert of(savepoint_dir="s3://b/s/") == CheckpointStorageSettings(True, None, "s3://b/s")
    with pytest.raises(ConfigurationError, match="say where"):
        of(storage="filesystem")
    with pytest.raises(ConfigurationError, match="Factory"):
        of(storage="my.Factory")
    with pytest.raises(FileSystemError, match="upwards"):
        of(dir="s3://bucket/../other")
