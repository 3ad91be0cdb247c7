"""The log files of this process, as others may look at them.

A client names files, but a name never becomes a path: it is looked for among the names that the directory's listing
gave, and only regular files that are this process's own are listed. What the process writes is told by its log's path:
beside ``x.log`` lie ``x.out``, which holds what was printed, and the rotated ``x.log.1``, ``x.out.1`` and so on.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from millstream.common.config import Configuration, TaskManagerOptions, WebOptions
from millstream.common.errors import MillstreamError
from millstream.common.logging.logging_setup import active_setup
from millstream.common.wire import inspection_pb2 as pb

__all__ = ["LOG", "NAMED", "STDOUT", "LogFiles"]

LOG: Final = "LOG"
"""Kind of file to read: what the process logs now."""
STDOUT: Final = "STDOUT"
"""Kind of file to read: what was printed by the process and by the functions of its tasks."""
NAMED: Final = "NAMED"
"""Kind of file to read: one of those that are listed."""

_LARGEST_CHUNK: Final = 1024 * 1024
"""Bytes of one answer; a message on the wire may be ten times as large, unless it is set to less."""


class LogFiles:
    """Lists and reads. All methods use the file system and may block; they may be called from any thread.

    :param log: what the process logs to; ``None``: it has no files (it logs to a console).
    """

    def __init__(self, log: Path | None) -> None:
        self._log = log
        stem = "" if log is None else log.name.removesuffix(".log")
        self._stdout_name = f"{stem}.out"
        name = "" if log is None else log.name
        self._own_name = re.compile(rf"({re.escape(name)}|{re.escape(self._stdout_name)})(\.\d+)?")

    @classmethod
    def of_master(cls, configuration: Configuration) -> LogFiles:
        """Return those of this process, which is a master."""
        return cls._shown(configuration.get(WebOptions.LOG_PATH))

    @classmethod
    def of_task_manager(cls, configuration: Configuration) -> LogFiles:
        """Return those of this process, which is a TaskManager."""
        return cls._shown(configuration.get(TaskManagerOptions.LOG_PATH))

    @classmethod
    def _shown(cls, configured: str | None) -> LogFiles:
        setup = active_setup()
        path = configured or (setup.file if setup is not None else "")
        return cls(Path(path) if path else None)

    def list(self) -> list[pb.LogFile]:
        """Return the process's files by name. A directory that cannot be read has none."""
        if self._log is None:
            return []
        found: list[pb.LogFile] = []
        try:
            with os.scandir(self._log.parent) as entries:
                for entry in entries:
                    if self._own_name.fullmatch(entry.name) is None:
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # rotated away meanwhile
                        continue
                    if stat.S_ISREG(status.st_mode):
                        modified_ms = status.st_mtime_ns // 1_000_000
                        found.append(pb.LogFile(name=entry.name, size=status.st_size, modified_ms=modified_ms))
        except OSError:
            return []
        return sorted(found, key=lambda file: file.name)

    def read(self, kind: str, name: str = "", offset: int = 0, max_bytes: int = 0) -> pb.LogFileChunk:
        """Return a part of a file; one that is not there (any more) is not found.

        :param kind: :data:`LOG`, :data:`STDOUT` or :data:`NAMED`.
        :param name: of a file as listed, where the kind is :data:`NAMED`.
        :param offset: of the first byte; behind the file's end there are none.
        :param max_bytes: at most so many; 0: as many as fit into one answer, which is the limit in any case.
        :raises MillstreamError: there is no such kind, or a number is negative.
        """
        if offset < 0 or max_bytes < 0:
            raise MillstreamError(
                f"A log file cannot be read from {offset} on for {max_bytes} bytes: give no negative one"
            )
        if kind not in (LOG, STDOUT, NAMED):
            raise MillstreamError(f"There is no kind of log file {kind!r}: it is {LOG}, {STDOUT} or {NAMED}")
        if self._log is None:
            return pb.LogFileChunk()
        wanted = {LOG: self._log.name, STDOUT: self._stdout_name, NAMED: name}[kind]
        listed = next((file.name for file in self.list() if file.name == wanted), None)
        if listed is None:
            return pb.LogFileChunk()
        return _read(self._log.parent / listed, offset, min(max_bytes or _LARGEST_CHUNK, _LARGEST_CHUNK))


def _read(path: Path, offset: int, max_bytes: int) -> pb.LogFileChunk:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # rotated away, replaced by something else, or not ours to read
        return pb.LogFileChunk()
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return pb.LogFileChunk()
        return pb.LogFileChunk(found=True, data=os.pread(descriptor, max_bytes, offset), size=status.st_size)
    finally:
        os.close(descriptor)
