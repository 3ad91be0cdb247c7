"""Directories of backends that are made and removed at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

from millstream.taskmanager.state.rocksdb.local_directory import LocalDirectory


def test_nobody_removes_what_another_has_just_made(tmp_path: Path) -> None:
    failures: list[OSError] = []

    def make_and_remove() -> None:
        try:
            for _ in range(100):
                directory = LocalDirectory(tmp_path)
                (directory.path / "file").write_text("x")
                directory.remove()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=make_and_remove) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert list(tmp_path.iterdir()) == []
