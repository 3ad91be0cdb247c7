"""Files and directories in memory, perhaps over those of the real disk, which are only read.

What is written stays in memory; what is deleted of the disk is only hidden from view. So a program that reads
``/data/in`` and writes ``/data/out`` runs a thousand times without a trace.
"""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.file_system import FileStatus, FileSystem
from millstream.common.file_system.failures import missing
from millstream.common.file_system.file_system import FileSystemError

__all__ = ["StoredFile", "Volume"]


@dataclass(slots=True, eq=False)
class StoredFile:
    """A file that may still grow.

    :ivar created_at: virtual seconds.
    :ivar synced: how many of its bytes are on the disk for certain.
    """

    content: bytearray
    modified_ms: int
    created_at: float
    synced: int = 0


class Volume:
    """One tree. Paths begin with a slash and have no steps upwards.

    :param below: what is seen where nothing was written or deleted.
    """

    def __init__(self, below: FileSystem | None = None) -> None:
        self._below = below
        self._files: dict[str, StoredFile] = {}
        self._directories: dict[str, None] = {"/": None}
        self._hidden: dict[str, None] = {}

    def file(self, path: str) -> StoredFile | None:
        """Return a file that was written here."""
        return self._files.get(path)

    def read(self, path: str) -> bytes:
        """Return what a file holds now.

        :raises FileNotFoundError: there is none.
        """
        file = self._files.get(path)
        if file is not None:
            return bytes(file.content)
        if self._below is None or self._is_hidden(path):
            raise missing(path)
        return self._below.read(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""
        if path in self._files or path in self._directories:
            return True
        return self._below is not None and not self._is_hidden(path) and self._below.exists(path)

    def put(self, path: str, file: StoredFile) -> None:
        """Give a file its name, in place of an older one; directories on the way are made.

        :raises FileSystemError: there is a directory of this name, or a file on the way.
        """
        if path in self._directories:
            raise FileSystemError(f"cannot write {path}: there is a directory of this name")
        self.make_directories(path.rpartition("/")[0] or "/")
        self._files[path] = file

    def make_directories(self, path: str) -> None:
        """Make a directory and those on the way.

        :raises FileSystemError: a file is in the way.
        """
        steps = [step for step in path.split("/") if step]
        for count in range(1, len(steps) + 1):
            above = "/" + "/".join(steps[:count])
            if above in self._files:
                raise FileSystemError(f"cannot make the directory {path}: {above} is a file")
            self._directories[above] = None

    def delete(self, path: str) -> None:
        """Delete a file, if it is there."""
        self._files.pop(path, None)
        if self._below is not None:
            self._hidden[path] = None

    def delete_directory(self, path: str) -> None:
        """Delete a directory with all that is in it, if it is there."""
        prefix = path.rstrip("/") + "/"
        for known in [known for known in self._files if known.startswith(prefix)]:
            del self._files[known]
        for known in [known for known in self._directories if known == path or known.startswith(prefix)]:
            del self._directories[known]
        if self._below is not None:
            self._hidden[path.rstrip("/")] = None

    def move(self, source: str, target: str, now_s: float, now_ms: int) -> None:
        """Give a file another name, in place of an older one.

        :raises FileNotFoundError: it is not there.
        """
        file = self._files.get(source)
        if file is None:
            content = self.read(source)
            file = StoredFile(bytearray(content), now_ms, now_s, len(content))
        self.put(target, file)
        self.delete(source)

    def entries(self, path: str) -> dict[str, FileStatus]:
        """Return the entries of a directory by name, sorted; their paths are only names. Empty if there is none."""
        found: dict[str, FileStatus] = {}
        prefix = path.rstrip("/") + "/"
        if self._below is not None and not self._is_hidden(path):
            for status in self._below.list(path):
                if not self._is_hidden(prefix + status.name):
                    found[status.name] = status
        for known in self._directories:
            name = _name_in(known, prefix)
            if name:
                found[name] = FileStatus(name, name, True, 0, 0)
        for known, file in self._files.items():
            name = _name_in(known, prefix)
            if name:
                found[name] = FileStatus(name, name, False, len(file.content), file.modified_ms)
        return dict(sorted(found.items()))

    @property
    def written(self) -> list[str]:
        """The paths of all files that were written here and are there, sorted."""
        return sorted(self._files)

    def _is_hidden(self, path: str) -> bool:
        """Whether what is below was deleted here, by itself or with a directory."""
        if not self._hidden:
            return False
        steps = path.split("/")
        return any("/".join(steps[:count]) in self._hidden for count in range(2, len(steps) + 1))


def _name_in(path: str, prefix: str) -> str:
    rest = path[len(prefix) :] if path.startswith(prefix) else ""
    return "" if "/" in rest else rest
