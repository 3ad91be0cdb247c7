"""Only a process's own files are listed, and only what is listed can be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.logging.log_files import LOG, NAMED, STDOUT, LogFiles

STEM = "millstream-me-taskexecutor-0-host"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    logs = tmp_path / "log"
    logs.mkdir()
    (logs / f"{STEM}.log").write_bytes(b"0123456789")
    (logs / f"{STEM}.out").write_bytes(b"printed\n")
    (logs / f"{STEM}.log.1").write_bytes(b"older")
    (logs / f"{STEM}.log.bak").write_bytes(b"somebody's copy")
    (logs / "millstream-me-taskexecutor-1-host.log").write_bytes(b"another process")
    (logs / f"{STEM}.out.1").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (logs / f"{STEM}.log.2").symlink_to(tmp_path / "secret")
    os.mkfifo(logs / f"{STEM}.log.3")
    return logs


@pytest.fixture
def files(directory: Path) -> LogFiles:
    return LogFiles(directory / f"{STEM}.log")


def test_regular_files_of_the_process_alone_are_listed(files: LogFiles, directory: Path) -> None:
    listed = files.list()
    assert [(file.name, file.size) for file in listed] == [
        (f"{STEM}.log", 10),
        (f"{STEM}.log.1", 5),
        (f"{STEM}.out", 8),
    ]
    modified = (directory / f"{STEM}.log").stat().st_mtime
    assert listed[0].modified_ms == pytest.approx(modified * 1000, abs=1)


def test_each_kind_is_found(files: LogFiles) -> None:
    assert files.read(LOG).data == b"0123456789"
    assert files.read(STDOUT).data == b"printed\n"
    older = files.read(NAMED, f"{STEM}.log.1")
    assert (older.found, older.data, older.size) == (True, b"older", 5)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "../secret",
        f"../log/{STEM}.log",
        f"./{STEM}.log",
        f"{STEM}.log\0",
        f"{STEM}.log\n",
        f"{STEM}.log.2",
        f"{STEM}.log.3",
        f"{STEM}.out.1",
        f"{STEM}.log.bak",
        "millstream-me-taskexecutor-1-host.log",
        "/etc/hostname",
    ],
)
def test_what_is_not_listed_is_not_found(files: LogFiles, name: str) -> None:
    chunk = files.read(NAMED, name)
    assert (chunk.found, chunk.data, chunk.size) == (False, b"", 0)


def test_a_process_without_files_has_none(tmp_path: Path) -> None:
    for files in (LogFiles(None), LogFiles(tmp_path / "gone" / "x.log")):
        assert files.list() == []
        assert not files.read(LOG).found
        assert not files.read(NAMED, "").found


def test_an_unknown_kind_and_negative_numbers_are_refused(files: LogFiles) -> None:
    with pytest.raises(MillstreamError, match=r"'STDERR'.*LOG, STDOUT or NAMED"):
        files.read("STDERR")
    with pytest.raises(MillstreamError, match="negative"):
        files.read(LOG, offset=-1)


@given(content=st.binary(max_size=50), size=st.integers(1, 20))
def test_parts_put_together_are_the_file(tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int) -> None:
    log = tmp_path_factory.mktemp("log") / "x.log"
    log.write_bytes(content)
    files, read = LogFiles(log), b""
    while len(read) < len(content):
        part = files.read(LOG, offset=len(read), max_bytes=size)
        assert part.size == len(content)
        assert part.data
        assert len(part.data) <= size
        read += part.data
    assert read == content
    assert files.read(LOG, offset=len(read)).data == b""


def test_one_answer_has_a_limit(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"x" * (3 * 1024 * 1024))
    chunk = LogFiles(log).read(LOG, max_bytes=1 << 40)
    assert len(chunk.data) == 1024 * 1024
    assert chunk.size == 3 * 1024 * 1024
