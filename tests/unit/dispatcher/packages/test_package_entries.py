"""What is found in packages without running them, and what is refused."""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.dispatcher.packages.package_entries import PackageEntry, find_entries
from millstream.dispatcher.packages.package_name import InvalidPackageError
from tests.unit.dispatcher.packages.archives import zip_bytes


def entries_of(name: str, content: bytes) -> list[PackageEntry]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "package"
        path.write_bytes(content)
        return list(find_entries(path, name))


def test_a_script_is_its_own_entry() -> None:
    text = b'"""Counts words.\nOver lines.\n\nMore."""\nraise SystemExit("not run")\n'
    assert entries_of("count words.py", text) == [PackageEntry("count words", "", "Counts words. Over lines.")]
    assert entries_of("job.py", b"") == [PackageEntry("job", "", None)]


@pytest.mark.parametrize("text", [b"def (:\n", b"\0", b"\xff\xfe", b"(" * 10_000, b"# coding: nope\n"])
def test_a_script_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidPackageError, match="is not a Python script"):
        entries_of("job.py", text)


def test_an_archives_main_comes_before_its_other_scripts() -> None:
    main = "if __name__ == '__main__':\n    pass\n"
    content = zip_bytes(
        {
            "another.py": f'"""Another."""\n{main}',
            "helper.py": "def f(): ...\n",
            "broken.py": "def (:",
            "tool/__init__.py": "",
            "tool/__main__.py": '"""The tool."""',
            "__main__.py": '"""The first."""',
        }
    )
    expected = [
        PackageEntry("__main__", "__main__", "The first."),
        PackageEntry("another", "another", "Another."),
        PackageEntry("tool", "tool", "The tool."),
    ]
    assert entries_of("jobs.zip", content) == expected
    assert entries_of("jobs.pyz", b"#!/usr/bin/env python3\n" + content) == expected


def test_a_wheel_names_its_entries() -> None:
    points = (
        "[console_scripts]\ntool = tool.cli:main [extra]\n\n[millstream.jobs]\ncount = tool.count : run\nbad = 1+1\n"
    )
    content = zip_bytes(
        {
            "tool/__init__.py": "",
            "tool/count.py": '"""Counts."""',
            "tool/cli.py": "",
            "tool-1.dist-info/entry_points.txt": points,
        }
    )
    assert entries_of("tool-1-py3-none-any.whl", content) == [
        PackageEntry("count", "tool.count:run", "Counts."),
        PackageEntry("tool", "tool.cli:main", None),
    ]
    with pytest.raises(InvalidPackageError, match="cannot be read"):
        entries_of("tool.whl", zip_bytes({"a.dist-info/entry_points.txt": "no section"}))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up.py", "a/../../up.py", "C:\\x.py", "a\\..\\..\\x.py", "..", "\\x"]
)
def test_files_outside_of_the_archive_are_refused(name: str) -> None:
    with pytest.raises(InvalidPackageError, match="lies outside of it"):
        entries_of("jobs.zip", zip_bytes({name: "x"}))


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    content = zip_bytes({f"{index}.bin": bytes(9 << 20) for index in range(8)})
    with pytest.raises(InvalidPackageError, match="unpacked, more than 100 times"):
        entries_of("jobs.zip", content)


def test_many_files_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(20_001):
            archive.writestr(str(index), b"")
    with pytest.raises(InvalidPackageError, match="20,001 files"):
        entries_of("jobs.zip", buffer.getvalue())


@given(st.binary(max_size=300), st.sampled_from(["a.py", "a.zip", "a.pyz", "a.whl"]))
def test_any_bytes_are_entries_or_are_refused(content: bytes, name: str) -> None:
    with contextlib.suppress(InvalidPackageError):
        assert all(entry.name for entry in entries_of(name, content))


@given(st.data())
def test_any_damage_to_an_archive_is_survived(data: st.DataObject) -> None:
    content = bytearray(zip_bytes({"__main__.py": '"""x"""', "b/c.py": "y" * 50}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InvalidPackageError):
        entries_of("a.zip", bytes(content))
