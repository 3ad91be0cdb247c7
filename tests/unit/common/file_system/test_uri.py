"""Paths as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.file_system import FileSystemError, file_system_of, join, name_of, parent, qualified, relative_to
from millstream.common.file_system.uri import local_path, scheme_of

_NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
_DIRECTORIES = st.sampled_from(
    ["/", "/a", "/a/", "s3://bucket", "s3://bucket/", "s3://bucket/a", "file:///", "file:///a%20b", "hdfs://nn:8020/x/"]
)


@given(_DIRECTORIES, st.lists(_NAMES, min_size=1, max_size=3))
def test_what_is_joined_is_below_and_taken_apart_again(directory: str, names: list[str]) -> None:
    path = join(directory, *names)
    assert scheme_of(path) == scheme_of(directory)
    assert relative_to(path, directory) is not None
    for name in reversed(names):
        assert name_of(path) == name
        path = parent(path)
    assert path.rstrip("/") == directory.rstrip("/")


@given(_NAMES)
def test_a_file_uri_means_the_same_as_the_plain_path(name: str) -> None:
    assert local_path(join("file:///tmp", name)) == join("/tmp", name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "../x", "a\0"])
def test_a_name_cannot_lead_elsewhere(name: str) -> None:
    for directory in ("/a", "s3://bucket/a", "file:///a"):
        with pytest.raises(FileSystemError, match="cannot be the name"):
            join(directory, "x", name)


def test_what_is_not_below_a_directory() -> None:
    assert relative_to("/a/b/c", "/a/b/") == "c"
    assert relative_to("/a/b/c/d", "/a/b") == "c/d"
    for path in ("/a/bc", "/a", "/a/b", "/a/b/../c", "s3://a/b/c"):
        assert relative_to(path, "/a/b") is None


def test_roots_have_no_name_and_no_parent() -> None:
    for root in ("/", "s3://bucket", "s3://bucket/", "file:///", "/a/.."):
        with pytest.raises(FileSystemError, match="does not end in the name"):
            parent(root)
    assert parent("s3://bucket/a") == "s3://bucket/"
    assert parent("/a") == "/"
    assert parent("a") == "."


def test_local_paths() -> None:
    assert local_path("file:///a%20b#c") == "/a b#c"
    assert local_path("file://localhost/a") == "/a"
    assert local_path("file:/a/b") == "/a/b"
    with pytest.raises(FileSystemError, match="names the host"):
        local_path("file://other/a")
    with pytest.raises(FileSystemError, match="no local path"):
        local_path("s3://bucket/a")


def test_paths_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert qualified("a/../b") == str(tmp_path / "b")
    assert qualified("s3://bucket/a/") == "s3://bucket/a"
    on_hdfs = Configuration.from_map({"fs.default-scheme": "hdfs://namenode:8020/"})
    assert qualified("/a/b/", on_hdfs) == "hdfs://namenode:8020/a/b"
    assert qualified("file:///a", on_hdfs) == "file:///a"
    with pytest.raises(ConfigurationError, match="give a URI"):
        qualified("/a", Configuration.from_map({"fs.default-scheme": "namenode"}))
    with pytest.raises(FileSystemError, match="a path is empty"):
        qualified("")


def test_there_is_one_file_system_for_each_store_and_its_settings() -> None:
    limited = Configuration.from_map({"fs.file.limit.total": "7"})
    assert file_system_of("/a") is file_system_of("file:///b")
    assert file_system_of("/a", limited) is not file_system_of("/a")
    assert file_system_of("/a", limited) is file_system_of("/b", limited.copy())


def test_an_unknown_scheme_and_a_missing_driver_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileSystemError, match="there is no file system with the scheme 'nonsense'"):
        file_system_of("nonsense://host/a")
    with pytest.raises(FileSystemError, match="a bucket is missing"):
        file_system_of("s3:///a")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileSystemError, match=r"pip install 'millstream\[fsspec\]'"):
        file_system_of("sftp://host/a")
