"""Archives that travel with a job: which files are archives, and unpacking that stays inside one directory.

The client looks whether a file is one, the worker unpacks it. ``tarfile`` keeps members from leaving the
directory in recent versions of Python only, and ``zipfile`` knows neither links nor permissions: both are walked here.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from millstream.common.errors import MillstreamError

try:
    from lzma import LZMAError
except ImportError:  # Python can be built without it; then no .tar.xz is read
    LZMAError = EOFError  # type: ignore[assignment, misc]  # stands for one that never comes

__all__ = ["ArchiveError", "is_archive", "is_plain_name", "unpack_archive"]

_DRIVE = re.compile(r"[A-Za-z]:")

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # zipfile: encrypted, or an unknown compression
    ValueError,
)


class ArchiveError(MillstreamError):
    """A file is no archive, is damaged, or has a member that is not unpacked."""


def is_archive(content: bytes) -> bool:
    """Whether these are the bytes of a zip or of a tar, compressed or not; the file's name does not matter."""
    return _is_tar(content) or _is_zip(content)


def is_plain_name(name: str) -> bool:
    """Whether this is the name of one file in a directory: not empty, no path, not ``.`` or ``..``."""
    return (
        name not in ("", ".", "..")
        and name.isprintable()
        and not any(sign in name for sign in "/\\")
        and _DRIVE.match(name) is None
    )


def unpack_archive(content: bytes, directory: Path) -> None:
    """Unpack into ``directory``, which is made if need be. Of files of equal name the last one stays.

    Whether a file may be run is kept; owners, other permissions and times are not.

    :raises ArchiveError: it is damaged or none; or a member lies outside of the directory, is a link out of it, or a
        device. What came before the member has been written then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    target = _Target(directory)
    try:
        if _is_tar(content):
            _unpack_tar(content, target)
        elif _is_zip(content):
            _unpack_zip(content, target)
        else:
            raise ArchiveError("it is neither a zip nor a tar")
    except _BROKEN as error:
        raise ArchiveError(f"it cannot be unpacked: {str(error) or type(error).__name__}") from error


def _is_tar(content: bytes) -> bool:
    # Asked before zips: a tar that holds a zip near its end passes for a zip as well.
    try:
        return tarfile.is_tarfile(io.BytesIO(content))
    except _BROKEN:
        return False


def _is_zip(content: bytes) -> bool:
    return zipfile.is_zipfile(io.BytesIO(content))


def _unpack_tar(content: bytes, target: _Target) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if member.isdir():
                target.make_directory(member.name)
            elif member.issym():
                target.link(member.name, member.linkname)
            elif member.islnk():
                target.copy(member.name, member.linkname)
            elif member.isfile():
                source = archive.extractfile(member)
                if source is None:
                    raise ArchiveError(f"its member {member.name!r} has no content")
                with source:
                    target.write(member.name, source, member.mode)
            else:
                raise ArchiveError(f"its member {member.name!r} is no file, directory or link")
        _check_end(archive)


def _check_end(archive: tarfile.TarFile) -> None:
    """``tarfile`` takes what is no header for the end, and reads no further; so damage would go unseen."""
    file = archive.fileobj
    if file is not None:
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise ArchiveError(f"it is damaged at byte {archive.offset} of the tar")
        while file.read(1 << 20):
            pass  # to the checksum of the compression


def _unpack_zip(content: bytes, target: _Target) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            kind = stat.S_IFMT(mode)
            if member.is_dir():
                target.make_directory(member.filename)
            elif kind == stat.S_IFLNK:
                target.link(member.filename, os.fsdecode(archive.read(member)))
            elif kind in (0, stat.S_IFREG):
                with archive.open(member) as source:
                    target.write(member.filename, source, mode)
            else:
                raise ArchiveError(f"its member {member.filename!r} is no file, directory or link")


class _Target:
    """The directory that is filled. Whatever is written lies in it, through all links that were made.

    A link leads up from where it really lies, and down from there through files, directories and earlier or later
    links: so none leads out as long as none does by itself. Directories are never replaced.
    """

    def __init__(self, directory: Path) -> None:
        self._root = os.path.realpath(directory)

    def make_directory(self, name: str) -> None:
        parts = self._parts(name)
        if parts:
            self._inside(name, os.path.join(self._root, *parts))

    def write(self, name: str, source: IO[bytes], mode: int) -> None:
        permissions = 0o755 if mode & stat.S_IXUSR else 0o644
        descriptor = os.open(self._place(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, permissions)
        with open(descriptor, "wb") as file:
            shutil.copyfileobj(source, file)

    def link(self, name: str, target: str) -> None:
        place = self._place(name)
        steps = [step for step in target.split("/") if step not in ("", ".")]
        up = 0
        while up < len(steps) and steps[up] == "..":
            up += 1
        depth = len(Path(place).parent.relative_to(self._root).parts)
        # `a/..` is not the same as nothing where `a` is a link, or will be one.
        if not target or os.path.isabs(target) or up > depth or ".." in steps[up:]:
            raise ArchiveError(f"its member {name!r} is a link that may lead out of the archive: {target!r}")
        os.symlink(target, place)

    def copy(self, name: str, earlier: str) -> None:
        """A hard link: a second name of a file that was unpacked before."""
        original = os.path.realpath(os.path.join(self._root, *self._parts(earlier)))
        if not self._holds(original) or not os.path.isfile(original):
            raise ArchiveError(f"its member {name!r} is a link to {earlier!r}, which is no file in it before this one")
        if os.path.realpath(os.path.join(self._root, *self._parts(name))) != original:
            shutil.copy(original, self._place(name))

    def _place(self, name: str) -> str:
        """Where a member goes: nothing is there any more, and its directory is."""
        parts = self._parts(name)
        if not parts:
            raise ArchiveError(f"its member {name!r} has no name")
        place = os.path.join(self._inside(name, os.path.join(self._root, *parts[:-1])), parts[-1])
        if os.path.islink(place) or os.path.isfile(place):
            os.unlink(place)
        elif os.path.lexists(place):
            raise ArchiveError(f"its member {name!r} is there already, as a directory")
        return place

    def _inside(self, name: str, directory: str) -> str:
        """Make a directory; returns its real path."""
        real = os.path.realpath(directory)
        if not self._holds(real):
            raise ArchiveError(f"its member {name!r} would be written through a link that leads out of the archive")
        os.makedirs(real, exist_ok=True)
        return real

    def _parts(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if os.path.isabs(name) or ".." in parts or _DRIVE.match(name):
            raise ArchiveError(f"its member {name!r} would be written outside of the archive's directory")
        return parts

    def _holds(self, real: str) -> bool:
        return real == self._root or real.startswith(self._root + os.sep)
