"""Several processes log into one file that is rotated, and no line is lost or torn."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.common.logging import LogHandler

APPENDER = Path(__file__).with_name("appender.py")


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, message, None, None)


class Log:
    """A handler, and what it has written."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "x.log"
        self._handlers: list[LogHandler] = []

    def handler(self, max_bytes: int = 100, max_files: int = 2) -> LogHandler:
        handler = LogHandler(str(self.path), max_bytes, max_files)
        self._handlers.append(handler)
        return handler

    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.path.parent.iterdir())}

    def close(self) -> None:
        for handler in self._handlers:
            handler.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.close()


def test_a_full_file_is_moved_aside_and_only_so_many_are_kept(log: Log) -> None:
    handler = log.handler(max_bytes=10, max_files=2)
    for message in ("first 6789", "second 789", "third 6789", "fourth"):
        handler.emit(record(message))
    assert log.texts() == {"x.log": "fourth\n", "x.log.1": "third 6789\n", "x.log.2": "second 789\n"}


def test_none_are_kept_if_none_are_wanted(log: Log) -> None:
    handler = log.handler(max_bytes=10, max_files=0)
    handler.emit(record("0123456789"))
    handler.emit(record("new"))
    assert log.texts() == {"x.log": "new\n"}


def test_without_a_limit_nothing_is_rotated(log: Log) -> None:
    handler = log.handler(max_bytes=0)
    for _ in range(50):
        handler.emit(record("0123456789"))
    assert list(log.texts()) == ["x.log"]


def test_another_handler_goes_on_in_the_new_file(log: Log) -> None:
    one, other = log.handler(max_bytes=10), log.handler(max_bytes=10)
    other.emit(record("a"))
    one.emit(record("fills the file"))
    other.emit(record("b"))
    assert log.texts() == {"x.log": "b\n", "x.log.1": "a\nfills the file\n"}


@pytest.mark.parametrize("gone", ["deleted", "moved"])
def test_a_file_that_somebody_takes_away_is_made_again(log: Log, gone: str) -> None:
    handler = log.handler()
    handler.emit(record("a"))
    if gone == "deleted":
        log.path.unlink()
    else:
        log.path.rename(log.path.with_name("elsewhere"))
    handler.emit(record("b"))
    assert log.texts()["x.log"] == "b\n"


def test_what_is_there_stays(log: Log) -> None:
    log.path.write_text("earlier\n")
    log.handler().emit(record("now"))
    assert log.texts() == {"x.log": "earlier\nnow\n"}


def test_characters_that_are_no_text_are_written_all_the_same(log: Log) -> None:
    log.handler().emit(record("a\udcff é"))
    assert log.path.read_text() == "a\\udcff é\n"


def test_without_a_file_records_go_to_what_standard_error_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = LogHandler()
    console = io.StringIO()
    monkeypatch.setattr(sys, "stderr", console)
    handler.emit(record("told"))
    handler.close()
    assert console.getvalue() == "told\n"


def test_a_directory_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogHandler(str(tmp_path / "gone" / "x.log"))
    with pytest.raises(ValueError, match="max_files"):
        LogHandler(max_files=-1)


def test_processes_that_write_and_rotate_at_once_lose_and_tear_nothing(tmp_path: Path) -> None:
    lines, names = 3000, ("one", "two", "three")
    processes = [
        subprocess.Popen(
            [sys.executable, str(APPENDER), str(tmp_path / "x.log"), "4000", "1000", name, str(lines)],
            stdin=subprocess.PIPE,
        )
        for name in names
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"begin\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    files = sorted(tmp_path.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix != ".log" else 0)
    assert len(files) > 10
    written = [line for path in files for line in path.read_text().splitlines()]
    for name in names:
        own = [line for line in written if line.startswith(f"{name} ")]
        assert sorted(own, key=lambda line: int(line.split()[1])) == [
            f"{name} {number} {'x' * (number % 97)}" for number in range(lines)
        ]
    assert len(written) == lines * len(names)
