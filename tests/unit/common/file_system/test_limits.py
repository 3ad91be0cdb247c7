"""No more streams than allowed, whoever opens them; and those that stand still make room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystemError
from millstream.common.file_system.limits import LimitedFileSystem, StreamLimits
from millstream.common.file_system.local_file_system import LocalFileSystem


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _limited(clock: Callable[[], float] | None = None, **limits: Any) -> LimitedFileSystem:
    return LimitedFileSystem(LocalFileSystem(), StreamLimits(**limits), *([] if clock is None else [clock]))


def test_limits_are_read_by_scheme() -> None:
    configuration = Configuration.from_map(
        {"fs.s3.limit.total": "5", "fs.s3.limit.stream-timeout": "3 s", "fs.hdfs.limit.timeout": "1 s"}
    )
    assert StreamLimits.of("s3", configuration) == StreamLimits(5, -1, -1, 0, timedelta(seconds=3).total_seconds())
    assert StreamLimits.of("hdfs", configuration) is None
    assert StreamLimits.of("file", configuration) is None


@pytest.mark.parametrize("limits", [StreamLimits(total=1), StreamLimits(output=1)])
def test_who_opens_one_too_many_waits(tmp_path: Path, limits: StreamLimits) -> None:
    files = LimitedFileSystem(LocalFileSystem(), limits)
    first = files.create(str(tmp_path / "first"))
    opened = threading.Event()

    def second() -> None:
        output = files.create(str(tmp_path / "second"))
        opened.set()
        output.commit()

    thread = threading.Thread(target=second)
    thread.start()
    assert not opened.is_set()
    first.commit()
    thread.join(10)
    assert opened.is_set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_waiting_ends_with_an_error_after_the_timeout(tmp_path: Path) -> None:
    files = _limited(input=1, timeout_s=0.01)
    (tmp_path / "a").write_bytes(b"a")
    with files.open(str(tmp_path / "a")):
        with pytest.raises(FileSystemError, match=r"all 1 streams .* in use for 0.01 s"):
            files.open(str(tmp_path / "a"))
        files.write(str(tmp_path / "b"), [b"b"])  # outputs are not limited
    assert files.read(str(tmp_path / "a")) == b"a"


def test_a_place_is_given_back_by_whoever_fails(tmp_path: Path) -> None:
    files = _limited(total=1, timeout_s=0.01)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            files.open(str(tmp_path / "a"))
        with pytest.raises(FileNotFoundError):
            files.read(str(tmp_path / "a"))
    output = files.create(str(tmp_path / "a"))
    output.discard()
    output.discard()
    files.write(str(tmp_path / "a"), [b"a"])
    assert files.read(str(tmp_path / "a")) == b"a"


def test_streams_that_stand_still_make_room(tmp_path: Path) -> None:
    clock = _Clock()
    files = _limited(clock, total=2, stream_timeout_s=5, timeout_s=100)
    (tmp_path / "a").write_bytes(b"a" * 100_000)
    still = files.open(str(tmp_path / "a"))
    output = files.create(str(tmp_path / "b"))
    still.read(1)
    clock.now = 4
    output.write(b"b")
    clock.now = 6
    with files.open(str(tmp_path / "a")) as third:
        assert third.read(1) == b"a"
        with pytest.raises(FileSystemError, match="moved no byte for 5 s"):
            still.read(90_000)
        output.write(b"b")
    still.close()
    clock.now = 20
    with files.open(str(tmp_path / "a")), files.open(str(tmp_path / "a")):
        with pytest.raises(FileSystemError, match="moved no byte"):
            output.commit()
        output.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
