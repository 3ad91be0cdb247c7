"""Stores that fail now and then: what can be tried again is, and nothing is left half written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from millstream.common.file_system import FileSystemError
from millstream.common.file_system.remote_file_system import RemoteFileSystem
from millstream.common.file_system.retries import Retries

_FAST = Retries(sleep=lambda _: None)


class _Flaky:
    """A driver of which each call may fail, before or after its effect."""

    def __init__(self, driver: Any, fails: Callable[[], bool], answer_lost: Callable[[], bool]) -> None:
        self._driver = driver
        self._fails = fails
        self._answer_lost = answer_lost

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._driver, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._fails():
                raise OSError("503 Slow Down")
            result = method(*args, **kwargs)
            if self._answer_lost() and name in ("move", "delete_file", "delete_dir", "create_dir"):
                raise OSError("connection reset")
            return result

        return call


@pytest.fixture
def store() -> Any:
    driver = fs._MockFileSystem()
    driver.create_dir("bucket")
    return driver


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("shows_whole", [True, False])
def test_what_a_flaky_store_says_is_true(store: Any, tmp_path: Path, seed: int, shows_whole: bool) -> None:
    source = random.Random(seed)
    flaky = _Flaky(store, lambda: source.random() < 0.15, lambda: source.random() < 0.15)
    files = RemoteFileSystem(flaky, "bucket", shows_whole, _FAST)
    local = tmp_path / "local"
    local.write_bytes(b"local")
    expected: dict[str, set[bytes | None]] = {}
    for step in range(20):
        name = f"mock://bucket/{step % 4}"
        before = expected.get(name, {None})
        after = source.choice([None, b"local", bytes([step]) * 100])
        try:
            if after is None:
                files.delete(name)
            elif after == b"local":
                files.upload(local, name)
            else:
                files.write(name, [after])
            expected[name] = {after}
        except FileSystemError:
            expected[name] = {*before, after}
    healthy = RemoteFileSystem(store, "bucket", shows_whole)
    for name, possible in expected.items():
        assert (healthy.read(name) if healthy.exists(name) else None) in possible


def test_an_upload_is_tried_again_from_its_beginning(store: Any) -> None:
    answers = iter([True, True, False])
    flaky = _Flaky(store, lambda: next(answers, False), lambda: False)
    files = RemoteFileSystem(flaky, "bucket", True, _FAST)
    files.write("mock://bucket/a", [b"x" * 1000, b"y"])
    assert RemoteFileSystem(store, "bucket", True).read("mock://bucket/a") == b"x" * 1000 + b"y"


def test_errors_that_stay_are_named_and_not_tried_again(store: Any) -> None:
    waits: list[float] = []
    broken = RemoteFileSystem(_Flaky(store, lambda: True, lambda: False), "bucket", True, Retries((1, 2), waits.append))
    with pytest.raises(FileSystemError, match="cannot read mock://bucket/a: 503 Slow Down"):
        broken.read("mock://bucket/a")
    assert len(waits) == 2
    assert 1 <= waits[0] <= 1.5 <= 2 <= waits[1] <= 3
    waits.clear()
    with pytest.raises(FileNotFoundError):
        RemoteFileSystem(store, "bucket", True, Retries((1, 2), waits.append)).read("mock://bucket/a")
    assert waits == []


def test_reading_goes_on_where_the_connection_broke(store: Any) -> None:
    content = bytes(range(256)) * 1000
    RemoteFileSystem(store, "bucket", True).write("mock://bucket/a", [content])
    real = store.open_input_file

    class Breaking:
        """Breaks after each piece that was read."""

        def __init__(self) -> None:
            self._file = real("bucket/a")
            self._reads = 0

        def read(self, size: int) -> bytes:
            self._reads += 1
            if self._reads > 1:
                raise OSError("connection reset")
            data: bytes = self._file.read(min(size, 10_000))
            return data

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    class Store:
        def open_input_file(self, path: str) -> Breaking:
            return Breaking()

    files = RemoteFileSystem(Store(), "bucket", True, _FAST)
    with files.open("mock://bucket/a") as file:
        assert file.read() == content


def test_steps_upwards_are_refused(store: Any) -> None:
    with pytest.raises(FileSystemError, match="cannot have steps"):
        RemoteFileSystem(store, "bucket", True).read("mock://bucket/a/../../b")
