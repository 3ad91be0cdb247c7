"""Which of the files in a job's directory are deleted with it, and which are not the job's to delete."""

from __future__ import annotations

from pathlib import Path

import pytest

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystemError, register_file_system
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.common.ids import IdFactory, JobID
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles


def _files() -> CheckpointFiles:
    return CheckpointFiles(JobID("a" * 32), Configuration(), IdFactory())


def _write(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_left_checkpoints_are_deleted_below_the_first_id_that_nobody_has_given(tmp_path: Path) -> None:
    _write(tmp_path, "chk-1/_metadata", "chk-2/a", "chk-3/a", "chk-7/a", "shared/a", "savepoint-1/a", "chk-2x/a")
    _files().delete_left_checkpoints(str(tmp_path), 7, (2,))
    assert _names(tmp_path) == {"chk-2/a", "chk-7/a", "shared/a", "savepoint-1/a", "chk-2x/a"}
    _files().delete_left_checkpoints(str(tmp_path / "nowhere"), 7, ())


def test_a_job_directory_goes_as_a_whole(tmp_path: Path) -> None:
    _write(tmp_path, "job/chk-1/_metadata", "job/chk-2/a", "job/shared/a", "other/chk-1/a")
    (tmp_path / "job" / "taskowned").mkdir()
    _files().delete_job_directory(str(tmp_path / "job"), 3)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    _files().delete_job_directory(str(tmp_path / "job"), 3)


@pytest.mark.parametrize("theirs", ["savepoint-aaaaaa-000000000000/_metadata", "notes.txt", "chk-3/_metadata", "chk-1"])
def test_what_others_have_in_a_job_directory_stays_with_all_that_it_may_refer_to(tmp_path: Path, theirs: str) -> None:
    _write(tmp_path, theirs, "chk-2/a", "shared/a")
    (tmp_path / "taskowned").mkdir()
    _files().delete_job_directory(str(tmp_path), 3)
    assert _names(tmp_path) == {theirs, "shared/a"}
    assert not (tmp_path / "taskowned").exists()


def test_a_savepoint_among_the_shared_files_stays(tmp_path: Path) -> None:
    _write(tmp_path, "shared/savepoint-1/_metadata", "shared/a", "chk-1/a")
    _files().delete_job_directory(str(tmp_path), 2)
    assert _names(tmp_path) == {"shared/savepoint-1/_metadata", "shared/a"}


def test_one_that_cannot_be_deleted_does_not_keep_the_others(tmp_path: Path) -> None:
    class Stubborn(LocalFileSystem):
        def delete_directory(self, path: str) -> None:
            if path.endswith("chk-1"):
                raise FileSystemError("not that one")
            super().delete_directory(path)

    end = register_file_system("file", lambda *_: Stubborn())
    try:
        _write(tmp_path, "chk-1/a", "chk-2/a", "shared/a")
        with pytest.raises(FileSystemError, match="not that one"):
            _files().delete_job_directory(str(tmp_path), 3)
    finally:
        end()
    assert _names(tmp_path) == {"chk-1/a", "shared/a"}
