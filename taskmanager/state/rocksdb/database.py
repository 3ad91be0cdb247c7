"""One RocksDB database in a directory of its own.

It keeps no write-ahead log: after a crash state comes from a checkpoint, never from what lies on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.database_options import database_options
from millstream.taskmanager.state.rocksdb.library import rocksdb_library
from millstream.taskmanager.state.rocksdb.slot_memory import MemoryShare

if TYPE_CHECKING:
    from rocksdict import Rdict, WriteBatch

__all__ = ["Database"]

_SMALLEST_BUFFER_SHARE = 16
"""No column family's write buffer takes more than one part in so many of the cache that it counts in."""


class Database:
    """A database and its column families.

    :ivar directory: where it is; it and all in it belong to the database.
    """

    def __init__(self, directory: Path, configuration: Configuration, memory: MemoryShare) -> None:
        """Open what is in a directory, or make a new one.

        :raises MillstreamError: RocksDB cannot open it.
        """
        self.directory = directory
        self._library = rocksdb_library()
        self._no_log = self._library.WriteOptions()
        self._no_log.disable_wal = True
        share = 1 << 62
        if memory.write_buffers is not None:
            share = memory.write_buffers.get_buffer_size() // _SMALLEST_BUFFER_SHARE
        self._options = database_options(configuration, memory, write_buffer_share=share)
        self._columns: dict[str, Column] = {}
        self._open()

    def reload(self, fill: Callable[[Path], None]) -> None:
        """Forget all there is, and open what ``fill`` puts into the directory. Column objects stay in use.

        :raises MillstreamError: RocksDB cannot open it.
        """
        self._let_go()
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        fill(self.directory)
        self._open()

    def _open(self) -> None:
        names: list[str] = []
        try:
            if (self.directory / "CURRENT").exists():
                names = self._library.Rdict.list_cf(str(self.directory), self._options)
            families = dict.fromkeys(names, self._options)
            self._stored: Rdict = self._library.Rdict(
                str(self.directory), self._options, column_families=families or None
            )
        except Exception as error:
            raise MillstreamError(f"RocksDB cannot open {self.directory}: {error}") from error
        for safe in {*names, *self._columns} - {"default"}:
            self._attach(safe, is_new=safe not in names)

    def column(self, name: str) -> Column:
        """Return a column family, a new one if there is none."""
        safe = quote(name, safe=" :")  # of any characters
        column = self._columns.get(safe)
        return self._attach(safe, is_new=True) if column is None else column

    def columns(self) -> dict[str, Column]:
        """Return all column families, by the names that they were asked for with."""
        return {column.name: column for column in self._columns.values()}

    def _attach(self, safe: str, *, is_new: bool) -> Column:
        if is_new:
            self._stored.create_column_family(safe, self._options)
        column = self._columns.get(safe)
        if column is None:
            column = self._columns[safe] = Column(unquote(safe), self._library.ReadOptions)
        stored = self._stored.get_column_family(safe)
        stored.set_write_options(self._no_log)
        column.attach(stored, self._stored.get_column_family_handle(safe), is_empty=is_new)
        return column

    def new_batch(self) -> WriteBatch:
        """Return a batch of changes, to be written together."""
        batch: WriteBatch = self._library.WriteBatch(raw_mode=True)
        return batch

    def write(self, batch: WriteBatch) -> None:
        """Write changes.

        :raises MillstreamError: RocksDB cannot, say because the disk is full.
        """
        if batch.len():
            try:
                self._stored.write(batch, self._no_log)
            except Exception as error:
                raise MillstreamError(f"RocksDB cannot write to {self.directory}: {error}") from error

    def checkpoint(self, target: Path) -> None:
        """Make a copy of what is there now in a new directory, by hard links where files do not change.

        :raises MillstreamError: RocksDB cannot.
        """
        try:
            self._library.Checkpoint(self._stored).create_checkpoint(str(target))
        except Exception as error:
            raise MillstreamError(
                f"RocksDB cannot make a checkpoint of {self.directory} in {target}: {error}"
            ) from error

    def close(self, *, remove: bool) -> None:
        """Close it.

        :param remove: its directory too.
        """
        self._let_go()
        self._columns.clear()
        if remove:
            shutil.rmtree(self.directory)

    def _let_go(self) -> None:
        for column in self._columns.values():
            column.release()
        self._stored.cancel_all_background(True)
        # Closing it by name would write its buffers out; it closes as well when nothing refers to it any more.
        del self._stored
