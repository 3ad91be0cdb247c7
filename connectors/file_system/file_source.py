"""The source of files and directories."""

from __future__ import annotations

import lzma
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from millstream.common.records import RecordBatch
from millstream.connectors.file_system.file_enumerator import BLOCK_SIZE, enumerate_files, splits_of_subtask
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.line_reader import Chunk, LineReader
from millstream.connectors.file_system.stream_format import StreamFormat
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext

__all__ = ["FileSource", "FileSourceBuilder"]


_NO_CHUNK = Chunk([], 0, 0)


class FileSource(Source):
    """Reads the files that are there when the job starts. Made by :meth:`for_record_stream_format`."""

    __slots__ = ("_block_size", "_format", "_paths")

    def __init__(self, stream_format: StreamFormat, paths: tuple[str, ...], block_size: int = BLOCK_SIZE) -> None:
        self._format = stream_format
        self._paths = paths
        self._block_size = block_size

    @staticmethod
    def for_record_stream_format(stream_format: StreamFormat, *paths: str) -> FileSourceBuilder:
        """Start a source of these files and directories.

        A directory stands for all files in it and below; names that begin with ``.`` or ``_`` are left out. Files
        whose names end in ``.gz``, ``.gzip``, ``.bz2`` or ``.xz`` are decompressed; each is read by one subtask. Any
        other file is read in parts by all subtasks.
        """
        return FileSourceBuilder(stream_format, paths)

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _FileSourceReader(self._format, self._paths, self._block_size, context)


class FileSourceBuilder:
    """Builds a :class:`FileSource`."""

    def __init__(self, stream_format: StreamFormat, paths: tuple[str, ...]) -> None:
        if not isinstance(stream_format, StreamFormat):
            raise TypeError(f"a file source needs a StreamFormat, not {stream_format!r}")
        if not paths:
            raise ValueError("a file source needs at least one path")
        self._format = stream_format
        self._paths = tuple(_local_path(path) for path in paths)

    def process_static_file_set(self) -> FileSourceBuilder:
        """Read the files that are there when the job starts, and end. This is the default."""
        return self

    def build(self) -> FileSource:
        return FileSource(self._format, self._paths)


class _FileSourceReader(SourceReader):
    """Its state is the splits that are not read to their end."""

    def __init__(
        self, stream_format: StreamFormat, paths: tuple[str, ...], block_size: int, context: SourceReaderContext
    ) -> None:
        self._format = stream_format
        self._paths = paths
        self._block_size = block_size
        self._context = context
        self._batch_size = context.max_records_per_batch
        self._splits: deque[FileSplit] | None = None
        self._current: FileSplit | None = None
        self._reader: LineReader | None = None
        self._chunk = _NO_CHUNK
        self._next_line = 0

    def start(self) -> None:
        if self._splits is None:
            files = enumerate_files(self._paths)
            self._splits = deque(
                splits_of_subtask(
                    files,
                    self._context.index_of_subtask,
                    self._context.parallelism,
                    splittable=self._format.is_splittable,
                    block_size=self._block_size,
                )
            )

    def poll(self) -> RecordBatch | InputStatus:
        if self._next_line >= len(self._chunk.lines) and not self._read_on():
            return InputStatus.END_OF_INPUT
        lines = self._chunk.lines
        start = self._next_line
        end = min(start + self._batch_size, len(lines))
        self._next_line = end
        return RecordBatch(lines[start:end])

    def snapshot_state(self) -> Sequence[Any]:
        splits = list(self._splits or ())
        if self._current is not None:
            given = self._chunk.lines_before + self._next_line
            splits.insert(0, replace(self._current, resume=(self._chunk.offset, given)))
        return splits

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._splits = deque(splits)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read_on(self) -> bool:
        """Get the next lines; whether there are any."""
        while True:
            if self._reader is None and not self._open_next():
                return False
            chunk = self._read_chunk()
            if chunk is not None:
                self._chunk = chunk
                self._next_line = 0
                return True
            self.close()
            self._current = None
            self._chunk = _NO_CHUNK
            self._next_line = 0

    def _open_next(self) -> bool:
        if not self._splits:
            return False
        split = self._splits.popleft()
        try:
            self._reader = LineReader(split, self._format)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise _unreadable(split, error) from error
        self._current = split
        offset, lines_before = split.resume if split.resume is not None else (split.start, 0)
        self._chunk = Chunk([], offset, lines_before)
        self._next_line = 0
        return True

    def _read_chunk(self) -> Chunk | None:
        assert self._reader is not None
        assert self._current is not None
        try:
            return self._reader.read()
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise _unreadable(self._current, error) from error


def _unreadable(split: FileSplit, error: Exception) -> OSError:
    reason = getattr(error, "strerror", None) or error
    kind = type(error) if isinstance(error, (FileNotFoundError, PermissionError)) else OSError
    return kind(f"File {split.path!r} cannot be read: {reason}")


def _local_path(path: Any) -> str:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path is a text, not {path!r}")
    scheme = urlsplit(text).scheme if "://" in text or text.startswith("file:") else ""
    if scheme == "file":
        text = unquote(urlsplit(text).path)
    elif scheme:
        raise ValueError(f"path {text!r}: there is no file system {scheme!r} yet; use a local path or file:///...")
    return os.path.abspath(text)
