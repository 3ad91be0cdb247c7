"""Archives are unpacked as they are, and never outside of their directory."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.archive import ArchiveError, is_archive, is_plain_name, unpack_archive

Members = list[tuple[tarfile.TarInfo, bytes]]


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def directory(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.DIRTYPE)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.SYMTYPE, target)


def tar_of(members: Members, compression: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]  # a literal mode is asked for
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(members: Members) -> bytes:
    """The same members in a zip; hard links and devices do not exist there."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for info, content in members:
            entry = zipfile.ZipInfo(info.name + ("/" if info.isdir() else ""))
            kind = stat.S_IFLNK if info.issym() else stat.S_IFDIR if info.isdir() else stat.S_IFREG
            entry.external_attr = (kind | info.mode) << 16
            archive.writestr(entry, info.linkname.encode() if info.issym() else content)
    return buffer.getvalue()


PACKERS: list[Callable[[Members], bytes]] = [
    tar_of,
    lambda members: tar_of(members, "gz"),
    lambda members: tar_of(members, "bz2"),
    lambda members: tar_of(members, "xz"),
    zip_of,
]


@pytest.mark.parametrize("pack", PACKERS, ids=["tar", "gz", "bz2", "xz", "zip"])
def test_what_was_packed_is_there(pack: Callable[[Members], bytes], tmp_path: Path) -> None:
    content = pack(
        [
            directory("./"),
            directory("empty"),
            file("./a/b/data.txt", b"prices"),
            file("run.sh", b"#!", 0o4755),
            symlink("a/c/up", "../b"),
            symlink("later", "a/made/later.txt"),
            file("a/made/later.txt", b"later"),
            file("twice", b"first"),
            file("twice", b"second"),
        ]
    )
    assert is_archive(content)
    target = tmp_path / "new" / "target"
    unpack_archive(content, target)
    assert (target / "a/c/up/data.txt").read_bytes() == b"prices"
    assert (target / "later").read_text() == "later"
    assert (target / "twice").read_text() == "second"
    assert (target / "empty").is_dir()
    assert os.access(target / "run.sh", os.X_OK)
    assert not os.access(target / "twice", os.X_OK)
    assert not (target / "run.sh").stat().st_mode & stat.S_ISUID


def test_hard_links_are_further_names(tmp_path: Path) -> None:
    link = special("b/link", tarfile.LNKTYPE, "a")
    unpack_archive(tar_of([file("a", b"1"), link, special("a", tarfile.LNKTYPE, "a")]), tmp_path)
    assert (tmp_path / "b/link").read_bytes() == (tmp_path / "a").read_bytes() == b"1"


OUTSIDE: dict[str, Members] = {
    "absolute": [file("/tmp/millstream-evil")],
    "parent": [file("a/../../evil")],
    "drive": [file("C:/evil")],
    "directory": [directory("../evil")],
    "absolute link": [symlink("l", "/etc/passwd")],
    "link up": [symlink("a/l", "../../evil")],
    "link up, down and up": [symlink("l", "a/b/../../.."), symlink("a/b", "..")],
    "link without target": [symlink("l", "")],
    "write through a chain of links": [
        directory("d"),
        symlink("d/one", ".."),
        symlink("two", "d/one/.."),
        file("two/evil"),
    ],
    "file over a directory": [directory("d"), file("d")],
    "link over a directory": [directory("d"), symlink("d", "e")],
    "links in a circle": [symlink("a", "b"), symlink("b", "a"), file("a/evil")],
}


@pytest.mark.parametrize("pack", [tar_of, zip_of], ids=["tar", "zip"])
@pytest.mark.parametrize("members", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_members_that_would_leave_are_refused(
    members: Members, pack: Callable[[Members], bytes], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    with pytest.raises(ArchiveError):
        unpack_archive(pack(members), target)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize(
    "member",
    [
        special("pipe", tarfile.FIFOTYPE),
        special("device", tarfile.CHRTYPE),
        special("disk", tarfile.BLKTYPE),
        special("hard", tarfile.LNKTYPE, "../outside"),
        special("hard", tarfile.LNKTYPE, "not-there"),
        file("."),
    ],
)
def test_what_only_a_tar_can_hold_is_refused_as_well(member: tuple[tarfile.TarInfo, bytes], tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    with pytest.raises(ArchiveError, match=r"hard|pipe|device|disk|outside|no name"):
        unpack_archive(tar_of([member]), tmp_path / "target")


def test_a_link_that_was_there_before_is_not_followed_out(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "l").symlink_to(outside)
    with pytest.raises(ArchiveError, match="through a link"):
        unpack_archive(tar_of([file("l/evil")]), target)
    assert list(outside.iterdir()) == []


NAMES = st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.tuples(st.sampled_from(["file", "link", "hard", "directory"]), NAMES, NAMES), max_size=8))
def test_no_archive_writes_or_leads_outside(plan: list[tuple[str, str, str]]) -> None:
    members = []
    for kind, name, target in plan:
        if kind == "file":
            members.append(file(name))
        elif kind == "directory":
            members.append(directory(name))
        else:
            members.append(special(name, tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE, target))
    with tempfile.TemporaryDirectory() as base:
        root = Path(base).resolve() / "x" / "y" / "root"
        try:
            unpack_archive(tar_of(members), root)
        except ArchiveError:
            pass  # what came before the refusal has to be inside as well
        assert [path for path in Path(base).rglob("*") if not path.is_dir() and root not in path.parents] == []
        for path in root.rglob("*"):
            real = Path(os.path.realpath(path))
            assert real == root or root in real.parents, (path, real)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b" + b"x" * 50])
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    assert not is_archive(content)
    with pytest.raises(ArchiveError, match="neither a zip nor a tar"):
        unpack_archive(content, tmp_path)


@pytest.mark.parametrize("pack", PACKERS, ids=["tar", "gz", "bz2", "xz", "zip"])
def test_damaged_archives_are_refused(pack: Callable[[Members], bytes], tmp_path: Path) -> None:
    content = bytearray(pack([file("a", os.urandom(200_000)), file("b", os.urandom(200_000))]))
    del content[len(content) // 4 : len(content) // 4 + 1000]
    with pytest.raises(ArchiveError):
        unpack_archive(bytes(content), tmp_path)


def test_a_tar_that_holds_a_zip_is_a_tar(tmp_path: Path) -> None:
    unpack_archive(tar_of([file("inner.zip", zip_of([file("a")]))]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["inner.zip"]


def test_plain_names() -> None:
    assert all(is_plain_name(name) for name in ("a", "data.tar.gz", ".hidden", "mit Leerzeichen", "模型"))
    assert not any(is_plain_name(name) for name in ("", ".", "..", "a/b", "/a", "a\\b", "C:x", "a\nb", "a\0"))
