"""Whatever step of writing a local file fails, there is the older file or the new one, and nothing beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millstream.common.file_system import FileSystemError
from millstream.common.file_system.local_file_system import LocalFileSystem


def _failing_at(call: int, original: Callable[..., Any], count: list[int]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] == call:
            raise OSError(28, "No space left on device")
        return original(*args, **kwargs)

    return step


@pytest.mark.parametrize("there_is_an_older_one", [True, False])
@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_step_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, call: int, there_is_an_older_one: bool
) -> None:
    files = LocalFileSystem()
    path = tmp_path / "directory" / "file"
    if there_is_an_older_one:
        files.write(str(path), [b"older"])
    count = [0]
    monkeypatch.setattr(os, step, _failing_at(call, getattr(os, step), count))
    failed = False
    try:
        files.write(str(path), [b"new" * 50_000])
    except FileSystemError as error:
        failed = True
        assert "free space there" in str(error)  # noqa: PT017  # either outcome is right
        assert "/directory" in str(error)  # noqa: PT017
    monkeypatch.undo()
    assert failed == (count[0] >= call)
    content = path.read_bytes() if path.exists() else None
    if not failed:
        assert content == b"new" * 50_000
    assert content in (b"new" * 50_000, b"older" if there_is_an_older_one else None)
    beside = sorted(each.name for each in path.parent.iterdir()) if path.parent.exists() else []
    assert beside == ([] if content is None else ["file"])


def test_a_write_that_fails_in_the_middle(tmp_path: Path) -> None:
    class Full:
        def __iter__(self) -> Any:
            yield b"x" * 100_000
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        LocalFileSystem().write(str(tmp_path / "file"), Full())
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_and_a_directory_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    files = LocalFileSystem()
    with pytest.raises(FileSystemError, match="cannot create"):
        files.write(str(tmp_path / "file" / "below"), [b"x"])
    (tmp_path / "directory").mkdir()
    with pytest.raises(FileSystemError, match="cannot write"):
        files.write(str(tmp_path / "directory"), [b"x"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["directory", "file"]
