"""Local copies on a TaskManager: which stay, and that none is left for ever."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from millstream.common.config import Configuration
from millstream.common.ids import JobID
from millstream.taskmanager.local_state.local_state_manager import LocalStateManager
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies, keeps_copies

JOB, OTHER_JOB = JobID("a" * 32), JobID("b" * 32)


def _manager(*roots: Path) -> LocalStateManager:
    text = ",".join(map(str, roots))
    return LocalStateManager(Configuration.from_map({"execution.checkpointing.local-backup.dirs": text}))


def _write(manager: LocalStateManager, job: JobID, checkpoint_id: int, uri: str) -> None:
    copies = SnapshotCopies(manager.directories_of(job))
    copies.prepare(checkpoint_id)
    unfinished = copies.new_file(checkpoint_id)
    unfinished.write_text(uri)
    copies.keep(unfinished, uri)


def _checkpoints(root: Path) -> set[str]:
    return {path.name for path in root.rglob("chk-*")}


def test_a_complete_checkpoint_makes_earlier_copies_needless(tmp_path: Path) -> None:
    manager = _manager(tmp_path)
    for checkpoint_id in (3, 4, 5):
        _write(manager, JOB, checkpoint_id, f"/remote/{checkpoint_id}")
    _write(manager, OTHER_JOB, 2, "/remote/2")
    manager.completed(JOB, 4)
    assert _checkpoints(tmp_path) == {"chk-2", "chk-4", "chk-5"}
    # A savepoint, of which there are no copies, is no reason to lose those of the last checkpoint.
    manager.completed(JOB, 6)
    assert _checkpoints(tmp_path) == {"chk-2", "chk-4", "chk-5"}
    manager.aborted(JOB, 5)
    assert _checkpoints(tmp_path) == {"chk-2", "chk-4"}
    manager.remove(JOB)
    manager.remove(JOB)
    assert _checkpoints(tmp_path) == {"chk-2"}
    manager.completed(JOB, 7)
    manager.remove(OTHER_JOB)
    assert list(tmp_path.iterdir()) == []
    _write(manager, JOB, 8, "/remote/8")
    manager.close()
    manager.close()
    assert list(tmp_path.iterdir()) == []
    assert manager.directories_of(JOB) == ()


def test_files_are_divided_among_the_directories(tmp_path: Path) -> None:
    roots = [tmp_path / "a", tmp_path / "b"]
    manager = _manager(*roots)
    for number in range(30):
        _write(manager, JOB, 1, f"/remote/{number}")
    files = [[path for path in root.rglob("chk-1/*") if path.is_file()] for root in roots]
    assert all(files)
    assert sum(map(len, files)) == 30
    manager.close()
    assert [list(root.iterdir()) for root in roots] == [[], []]


def test_what_a_killed_task_manager_has_left_goes_and_what_another_has_stays(tmp_path: Path) -> None:
    other = _manager(tmp_path)
    _write(other, JOB, 1, "/remote/1")
    (left_over,) = tmp_path.iterdir()
    dead = tmp_path / f"{left_over.name}x"
    (dead / f"job-{JOB}").mkdir(parents=True)
    (dead / "owner.lock").touch()
    _manager(tmp_path).remove_left_overs()
    assert list(tmp_path.iterdir()) == [left_over]
    other.close()


def test_a_directory_that_cannot_be_made_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    manager = _manager(tmp_path / "file", tmp_path / "good")
    with caplog.at_level(logging.WARNING):
        (directory,) = manager.directories_of(JOB)
    assert directory.is_relative_to(tmp_path / "good")
    assert "execution.checkpointing.local-backup.dirs" in caplog.text
    manager.close()
    nowhere = _manager(tmp_path / "file")
    assert nowhere.directories_of(JOB) == ()
    nowhere.completed(JOB, 1)
    nowhere.close()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"state.backend.local-recovery": "true"}, True),
        ({"execution.state-recovery.from-local": "true"}, True),
        ({"execution.checkpointing.local-backup.enabled": "true"}, True),
        (
            {
                "execution.state-recovery.from-local": "true",
                "execution.checkpointing.local-backup.enabled": "false",
            },
            False,
        ),
    ],
)
def test_who_wants_to_recover_from_copies_has_them_kept(settings: dict[str, str], expected: bool) -> None:
    assert keeps_copies(Configuration.from_map(settings)) is expected
