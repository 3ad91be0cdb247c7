"""The readers of a file source: of the files that are there, and of those that come too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from millstream.common.records import RecordBatch
from millstream.connectors.file_system.file_enumerator import enumerate_files, is_owned, splits_of_subtask
from millstream.connectors.file_system.split_reader import SplitReader
from millstream.connectors.file_system.stream_format import FileFormat
from millstream.datastream.source import InputStatus, SourceReader, SourceReaderContext

__all__ = ["ContinuousFileReader", "StaticFileReader"]


class StaticFileReader(SourceReader):
    """Its state is the splits that are not read to their end."""

    def __init__(
        self,
        file_format: FileFormat,
        paths: tuple[str, ...],
        splittable: bool,
        block_size: int,
        context: SourceReaderContext,
    ) -> None:
        self._paths = paths
        self._splittable = splittable
        self._block_size = block_size
        self._context = context
        self._splits = SplitReader(file_format, context.max_records_per_batch, block_size if splittable else None)
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
    """Its state is the splits that are not read to their end, and that of all readers the files that they have found.

    A file belongs to one subtask as a whole, so that it does not matter how large each of them sees it. Which one that
    is changes with the number of subtasks; the new one knows from the shared state that it was found before.
    """

    def __init__(
        self, file_format: FileFormat, paths: tuple[str, ...], interval: float, context: SourceReaderContext
    ) -> None:
        self._paths = paths
        self._interval = interval
        self._context = context
        self._splits = SplitReader(file_format, context.max_records_per_batch)
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
        return self._splits.unread()

    def snapshot_shared_state(self) -> Sequence[Any]:
        context = self._context
        # Each its own: together they are all.
        return sorted(
            path for path in self._discovered if is_owned(path, context.index_of_subtask, context.parallelism)
        )

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._splits.add(splits)

    def restore_shared_state(self, items: Sequence[Any]) -> None:
        self._discovered.update(items)

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
