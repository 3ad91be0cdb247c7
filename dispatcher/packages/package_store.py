"""The uploaded packages of a master, on disk.

A package is written under a temporary name, looked into, and renamed: what is listed is whole. It never changes after
that. Ids are looked up in the directory's listing; no text of a client's becomes a path.

Where ``web.upload.dir`` is set, packages are there again after a restart, and masters that share the directory share
them. Else they last as long as the process.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, WebOptions
from millstream.common.errors import MillstreamError
from millstream.dispatcher.packages.package_entries import PackageEntry, find_entries
from millstream.dispatcher.packages.package_name import (
    InvalidPackageError,
    check_name,
    is_package_id,
    label_of,
    new_package_id,
)

__all__ = ["Package", "PackageStore", "PackageStoreError", "UnknownPackageError"]

_DIRECTORY: Final = "millstream-web-upload"
_PART: Final = re.compile(r"\.[0-9a-f-]{36}\.part")
_PART_HOURS: Final = 24
_BLOCK: Final = 1 << 20


class UnknownPackageError(MillstreamError):
    """There is no package of this id."""

    def __init__(self, package_id: str, directory: str) -> None:
        super().__init__(f"File {package_id} does not exist in {directory}.")


class PackageStoreError(MillstreamError):
    """The directory cannot be used."""


@dataclass(frozen=True, slots=True)
class Package:
    """An uploaded package.

    :ivar id: made by the server.
    :ivar name: what its client calls it.
    :ivar uploaded_ms: when, in ms since the epoch.
    :ivar path: where it lies.
    """

    id: str
    name: str
    uploaded_ms: int
    entries: tuple[PackageEntry, ...]
    path: Path


class PackageStore:
    """Methods block on the file system, and may be called from any thread.

    :param unique: makes ids that nobody has made before.
    """

    def __init__(
        self, configuration: Configuration, clock: Clock, unique: Callable[[], uuid.UUID] = uuid.uuid4
    ) -> None:
        configured = configuration.get(WebOptions.UPLOAD_DIR)
        self._own = configured is None
        self._base = Path(configured or configuration.get(WebOptions.TMP_DIR) or tempfile.gettempdir()).absolute()
        self._clock = clock
        self._unique = unique
        self._lock = threading.Lock()
        self._directory: Path | None = None
        self._entries: dict[str, tuple[PackageEntry, ...]] = {}

    def add(self, name: str, content: BinaryIO) -> Package:
        """Keep a package.

        :param name: its client's.
        :param content: is read to its end.
        :raises InvalidPackageError: it is none. Nothing of it is kept.
        :raises PackageStoreError: it cannot be written.
        """
        check_name(name)
        directory = self._usable_directory()
        unique = self._unique()
        part = directory / f".{unique}.part"
        package_id = new_package_id(name, unique)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(content, file, _BLOCK)
                file.flush()
                os.fsync(file.fileno())
            entries = find_entries(part, name)
            now = self._clock.now_ms()
            os.utime(part, ns=(now * 1_000_000, now * 1_000_000))
            part.rename(directory / package_id)
        except OSError as error:
            raise PackageStoreError(f"The package {name!r} cannot be kept in {directory}: {error}") from error
        finally:
            with contextlib.suppress(OSError):  # a later start removes it
                part.unlink(missing_ok=True)
        with self._lock:
            self._entries[package_id] = entries
        return Package(package_id, name, now, entries, directory / package_id)

    def list(self) -> list[Package]:
        """Return all packages, the newest first."""
        directory = self._present_directory()
        if directory is None:
            return []
        found = [self._read(directory, name) for name in _names(directory)]
        return sorted((each for each in found if each is not None), key=lambda each: (-each.uploaded_ms, each.id))

    def get(self, package_id: str) -> Package:
        """Return a package.

        :raises UnknownPackageError: there is none of this id.
        """
        directory = self._present_directory()
        if directory is not None:
            for name in _names(directory):
                if name == package_id:
                    package = self._read(directory, name)
                    if package is not None:
                        return package
        raise UnknownPackageError(package_id, self.location)

    def delete(self, package_id: str) -> None:
        """Remove a package. Programs that were started from it go on.

        :raises UnknownPackageError: there is none of this id.
        :raises PackageStoreError: it cannot be removed.
        """
        package = self.get(package_id)
        try:
            package.path.unlink()
        except FileNotFoundError as error:
            raise UnknownPackageError(package_id, self.location) from error
        except OSError as error:
            raise PackageStoreError(f"The package {package_id} cannot be removed: {error}") from error
        with self._lock:
            self._entries.pop(package_id, None)

    @property
    def location(self) -> str:
        """The directory of the packages, for messages."""
        directory = self._present_directory()
        return str(directory if directory is not None else self._base / _DIRECTORY)

    def close(self) -> None:
        """Remove what does not outlast the process. May be called twice."""
        with self._lock:
            directory, self._directory = self._directory, None
        if self._own and directory is not None:
            shutil.rmtree(directory.parent, ignore_errors=True)

    def _read(self, directory: Path, name: str) -> Package | None:
        """A package of the directory; ``None`` if it is gone by now, or is none."""
        path = directory / name
        try:
            uploaded_ms = path.stat().st_mtime_ns // 1_000_000
            with self._lock:
                entries = self._entries.get(name)
            if entries is None:
                entries = find_entries(path, label_of(name))
                with self._lock:
                    self._entries[name] = entries
        except (FileNotFoundError, InvalidPackageError):  # somebody has written into the directory
            return None
        return Package(name, label_of(name), uploaded_ms, entries, path)

    def _present_directory(self) -> Path | None:
        """The directory, if there is one yet."""
        with self._lock:
            directory = self._directory
        if directory is None and not self._own and (self._base / _DIRECTORY).is_dir():
            return self._usable_directory()
        return directory

    def _usable_directory(self) -> Path:
        with self._lock:
            if self._directory is None:
                try:
                    self._directory = self._make_directory()
                except OSError as error:
                    key = WebOptions.TMP_DIR.key if self._own else WebOptions.UPLOAD_DIR.key
                    raise PackageStoreError(
                        f"Packages cannot be kept below {self._base}: {error.strerror or error}. Set {key} to a "
                        "directory that this user may write to."
                    ) from error
            return self._directory

    def _make_directory(self) -> Path:
        self._base.mkdir(parents=True, exist_ok=True)
        if self._own:
            directory = Path(tempfile.mkdtemp(prefix="millstream-web-", dir=self._base)) / _DIRECTORY
            directory.mkdir(mode=0o700)
            return directory
        directory = self._base / _DIRECTORY
        directory.mkdir(mode=0o700, exist_ok=True)
        state = directory.lstat()
        if not directory.is_dir() or directory.is_symlink() or state.st_uid != os.geteuid():
            raise PermissionError(f"{directory} is not a directory of this user's own")
        directory.chmod(0o700)
        self._remove_leftovers(directory)
        return directory

    def _remove_leftovers(self, directory: Path) -> None:
        """Remove what uploads have left that were broken off long ago by the end of the process."""
        oldest = self._clock.now_ms() / 1000 - _PART_HOURS * 3600
        for entry in os.scandir(directory):
            if _PART.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                os.unlink(entry.path)


def _names(directory: Path) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [each.name for each in entries if is_package_id(each.name) and each.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
