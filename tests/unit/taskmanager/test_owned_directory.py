"""Directories that go with their owners."""

from __future__ import annotations

from pathlib import Path

from millstream.taskmanager.owned_directory import OwnedDirectory, remove_abandoned


def test_what_an_owner_has_dropped_is_left_for_others_to_remove(tmp_path: Path) -> None:
    directory = OwnedDirectory(tmp_path, "mine-")
    remove_abandoned(tmp_path, "mine-")
    assert list(tmp_path.iterdir()) == [directory.path]
    path = directory.path
    del directory
    assert path.exists()
    remove_abandoned(tmp_path, "mine-")
    assert list(tmp_path.iterdir()) == []
