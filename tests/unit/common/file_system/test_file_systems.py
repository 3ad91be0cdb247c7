"""What every file system promises, whichever its kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from pyarrow import fs

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystem, FileSystemError, file_system_of, join
from millstream.common.file_system.remote_file_system import RemoteFileSystem
from millstream.common.file_system.retries import Retries


@pytest.fixture(params=["plain", "file", "mock", "memory", "limited"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FileSystem, str]]:
    """A file system and an empty directory in it."""
    kind = request.param
    if kind == "plain":
        yield file_system_of(str(tmp_path)), str(tmp_path / "a b#c")
    elif kind == "file":
        yield file_system_of("file:///"), f"{tmp_path.as_uri()}/a%20b"
    elif kind == "mock":
        driver = fs._MockFileSystem()
        driver.create_dir("bucket")
        yield RemoteFileSystem(driver, "bucket", False, Retries(sleep=lambda _: None)), "mock://bucket/some/where"
    elif kind == "limited":
        limited = Configuration.from_map({"fs.file.limit.total": "2", "fs.file.limit.timeout": "1 s"})
        yield file_system_of(str(tmp_path), limited), str(tmp_path)
    else:
        directory = f"memory://{uuid.uuid4().hex}/some"
        yield file_system_of(directory), directory
        fsspec.filesystem("memory").store.clear()


def test_a_written_file_is_read_again(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    path = join(directory, "deep", "a file")
    assert files.write(path, [b"one", memoryview(b"two"), b""]) == 6
    assert files.read(path) == b"onetwo"
    with files.open(path) as file:
        file.seek(-3, 2)
        assert file.read() == b"two"
        file.seek(1)
        assert file.read(3) == b"net"
        assert file.tell() == 4
    assert files.exists(path)
    [status] = files.list(join(directory, "deep"))
    assert (status.path, status.name, status.is_directory, status.size) == (path, "a file", False, 6)


def test_a_file_appears_when_it_is_committed_in_place_of_an_older_one(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    path = join(directory, "file")
    for content in (b"first", b"the second"):
        output = files.create(path)
        output.write(content)
        assert not files.exists(path) or files.read(path) == b"first"
        output.commit()
        output.discard()
        assert files.read(path) == content
    assert [status.name for status in files.list(directory)] == ["file"]


def test_a_discarded_file_leaves_nothing(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    output = files.create(join(directory, "file"))
    output.write(b"x" * 100_000)
    output.discard()
    output.discard()
    assert files.list(directory) == []


def test_a_writer_that_fails_leaves_nothing(place: tuple[FileSystem, str]) -> None:
    files, directory = place

    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        files.write(join(directory, "file"), chunks())
    assert files.list(directory) == []


def test_local_files_are_copied_there_and_back(place: tuple[FileSystem, str], tmp_path: Path) -> None:
    files, directory = place
    source, target = tmp_path / "source", tmp_path / "target"
    content = bytes(range(256)) * 5000
    source.write_bytes(content)
    path = join(directory, "x", "copy")
    assert files.upload(source, path) == len(content)
    assert files.download(path, target) == len(content)
    assert target.read_bytes() == content


def test_what_is_missing_is_said_to_be_missing(place: tuple[FileSystem, str], tmp_path: Path) -> None:
    files, directory = place
    path = join(directory, "nothing")
    assert not files.exists(path)
    assert files.list(path) == []
    files.delete(path)
    files.delete_directory(path)
    for read in (files.read, files.open, lambda path: files.download(path, tmp_path / "x")):
        with pytest.raises(FileNotFoundError) as caught:
            read(path)
        assert "nothing" in str(caught.value)
    with pytest.raises(FileNotFoundError):
        files.move(path, join(directory, "other"))
    assert not (tmp_path / "x").exists()


def test_directories_are_made_listed_and_deleted(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    below = join(directory, "a", "b")
    files.make_directories(below)
    files.make_directories(below)
    files.write(join(below, "2"), [b"2"])
    files.write(join(below, "1"), [b"1"])
    assert [(status.name, status.is_directory) for status in files.list(directory)] == [("a", True)]
    assert [status.name for status in files.list(below)] == ["1", "2"]
    files.delete(join(below, "1"))
    assert [status.name for status in files.list(below)] == ["2"]
    files.delete_directory(join(directory, "a"))
    assert files.list(directory) == []


def test_a_moved_file_takes_the_place_of_an_older_one(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    source, target = join(directory, "source"), join(directory, "sub", "target")
    files.write(target, [b"old"])
    files.write(source, [b"new"])
    files.move(source, target)
    assert files.read(target) == b"new"
    assert not files.exists(source)


def test_a_directory_is_no_file(place: tuple[FileSystem, str]) -> None:
    files, directory = place
    files.write(join(directory, "a", "b"), [b"x"])
    with pytest.raises((FileSystemError, FileNotFoundError), match="/a"):
        files.read(join(directory, "a"))


def test_the_root_of_a_store_is_not_deleted() -> None:
    driver = fs._MockFileSystem()
    driver.create_dir("bucket")
    with pytest.raises(FileSystemError, match="root"):
        RemoteFileSystem(driver, "", shows_whole=False).delete_directory("mock:///")
