"""Reads the splits of one subtask, one after the other, and knows at any time what is left of them."""

from __future__ import annotations

import lzma
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from millstream.common.records import RecordBatch
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk, FormatReader
from millstream.connectors.file_system.stream_format import FileFormat

__all__ = ["SplitReader"]

_NO_CHUNK = Chunk([], 0, 0)
_PIECES = 32
"""Into how many pieces what is left is cut about, so that a checkpoint can be gone on from by more subtasks."""


class SplitReader:
    """Reads :class:`FileSplit` s of one format."""

    def __init__(self, file_format: FileFormat, batch_size: int, piece_size: int | None = None) -> None:
        """:param piece_size: what is not read may be cut into pieces of so many bytes or more; ``None``: it may not."""
        self._format = file_format
        self._batch_size = batch_size
        self._piece_size = piece_size
        self._splits: deque[FileSplit] = deque()
        self._current: FileSplit | None = None
        self._reader: FormatReader | None = None
        self._chunk = _NO_CHUNK
        self._next = 0

    def add(self, splits: Iterable[FileSplit]) -> None:
        """Read these too, later."""
        self._splits.extend(splits)

    def poll(self) -> RecordBatch | None:
        """The next records; ``None``: there are none."""
        if self._next >= len(self._chunk.records) and not self._read_on():
            return None
        records = self._chunk.records
        start = self._next
        end = min(start + self._batch_size, len(records))
        self._next = end
        return RecordBatch(records[start:end])

    def unread(self) -> list[FileSplit]:
        """What is not read, for readers that go on from here."""
        splits = list(self._splits)
        if self._current is not None:
            given = self._chunk.records_before + self._next
            splits.insert(0, replace(self._current, resume=(self._chunk.offset, given)))
        return splits if self._piece_size is None else self._cut(splits, self._piece_size)

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()

    def _cut(self, splits: list[FileSplit], piece_size: int) -> list[FileSplit]:
        read = self._reader.read_up_to() if self._reader is not None else None
        left = sum(split.end - split.start for split in splits if split.end is not None)
        size = max(piece_size, left // _PIECES)
        pieces: list[FileSplit] = []
        for index, split in enumerate(splits):
            if split.resume is None:
                pieces += split.cut(split.start, size)
            elif index == 0 and self._current is not None and read is not None:
                pieces += split.cut(read, size)
            else:
                pieces.append(split)  # only a reader could say how far it was read
        return pieces

    def _read_on(self) -> bool:
        """Get the next records; whether there are any."""
        while True:
            if self._reader is None and not self._open_next():
                return False
            chunk = self._read_chunk()
            if chunk is not None:
                self._chunk = chunk
                self._next = 0
                return True
            self.close()
            self._current = None
            self._chunk = _NO_CHUNK
            self._next = 0

    def _open_next(self) -> bool:
        if not self._splits:
            return False
        split = self._splits[0]
        try:
            self._reader = self._format.create_reader(split)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise _unreadable(split, error) from error
        self._current = self._splits.popleft()
        offset, records_before = split.resume if split.resume is not None else (split.start, 0)
        self._chunk = Chunk([], offset, records_before)
        self._next = 0
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
