"""The readers of a file source: of the files that are there, and of those that come too."""

from __future__ import annotations

import asyncio
import lzma
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from millstream.common.records import RecordBatch
from millstream.connectors.file_system.file_enumerator import enumerate_files, splits_of_subtask
from millstream.connectors.file_system.file_split import DiscoveredFile, FileSplit
from millstream.connectors.file_system.line_reader import Chunk, LineReader
from millstream.connectors.file_system.stream_format import StreamFormat
from millstream.datastream.source import InputStatus, SourceReader, SourceReaderContext

__all__ = ["ContinuousFileReader", "StaticFileReader"]

_NO_CHUNK = Chunk([], 0, 0)


class StaticFileReader(SourceReader):
    """Its state is the splits that are not read to their end."""

    def __init__(
        self,
        stream_format: StreamFormat,
        paths: tuple[str, ...],
        splittable: bool,
        block_size: int,
        context: SourceReaderContext,
    ) -> None:
        self._paths = paths
        self._splittable = splittable
        self._block_size = block_size
        self._context = context
        self._splits = _SplitReader(stream_format, context.max_records_per_batch)
        self._restored = False

    def start(self) -> None:
        if not self._restored:
            context = self._context
            self._splits.add(
                splits_of_subtask(
                    enumerate_files(self._paths),
                    context.index_of_subtask,
                    context.parallelism,
                    splittable=self._splittable,
                    block_size=self._block_size,
                )
            )

    def poll(self) -> RecordBatch | InputStatus:
        return self._splits.poll() or InputStatus.END_OF_INPUT

    def snapshot_state(self) -> Sequence[Any]:
        return self._splits.unread()

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._restored = True
        self._splits.add(splits)

    def close(self) -> None:
        self._splits.close()


class ContinuousFileReader(SourceReader):
    """Its state is the splits that are not read to their end, and the files that it has found so far.

    A file belongs to one subtask as a whole, so that it does not matter how large each of them sees it.
    """

    def __init__(
        self, stream_format: StreamFormat, paths: tuple[str, ...], interval: float, context: SourceReaderContext
    ) -> None:
        self._paths = paths
        self._interval = interval
        self._context = context
        self._splits = _SplitReader(stream_format, context.max_records_per_batch)
        self._discovered: set[str] = set()
        self._due = True

    def poll(self) -> RecordBatch | InputStatus:
        batch = self._splits.poll()
        if batch is None and self._due:
            self._due = False
            self._discover()
            batch = self._splits.poll()
        return batch or InputStatus.NOTHING_AVAILABLE

    async def wait_available(self) -> None:
        await asyncio.sleep(self._interval)
        self._due = True

    def snapshot_state(self) -> Sequence[Any]:
        return [*self._splits.unread(), *map(DiscoveredFile, sorted(self._discovered))]

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._discovered.update(each.path for each in splits)
        self._splits.add([each for each in splits if isinstance(each, FileSplit)])

    def close(self) -> None:
        self._splits.close()

    def _discover(self) -> None:
        context = self._context
        own = splits_of_subtask(
            enumerate_files(self._paths), context.index_of_subtask, context.parallelism, splittable=False
        )
        new = [split for split in own if split.path not in self._discovered]
        self._discovered.update(split.path for split in new)
        self._splits.add(new)


class _SplitReader:
    """Reads splits one after the other."""

    def __init__(self, stream_format: StreamFormat, batch_size: int) -> None:
        self._format = stream_format
        self._batch_size = batch_size
        self._splits: deque[FileSplit] = deque()
        self._current: FileSplit | None = None
        self._reader: LineReader | None = None
        self._chunk = _NO_CHUNK
        self._next_line = 0

    def add(self, splits: Iterable[FileSplit]) -> None:
        self._splits.extend(splits)

    def poll(self) -> RecordBatch | None:
        """The next records; ``None``: there are none."""
        if self._next_line >= len(self._chunk.lines) and not self._read_on():
            return None
        lines = self._chunk.lines
        start = self._next_line
        end = min(start + self._batch_size, len(lines))
        self._next_line = end
        return RecordBatch(lines[start:end])

    def unread(self) -> list[FileSplit]:
        """What is not read, for a reader that goes on from here."""
        splits = list(self._splits)
        if self._current is not None:
            given = self._chunk.lines_before + self._next_line
            splits.insert(0, replace(self._current, resume=(self._chunk.offset, given)))
        return splits

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
