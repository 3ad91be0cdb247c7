"""One column family of the database: sorted bytes to bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rocksdict import ColumnFamily, Rdict, ReadOptions, WriteBatch

__all__ = ["Column", "after_prefix"]

_WHOLE_END = b"\xff" * 8
"""After every key: no key group and no time begins with as many."""


class Column:
    """A column family. Reads see what was written to the database, not what waits in a batch.

    :ivar name: of the column family.
    :ivar is_empty: nothing was ever written to it, so that there is no need to look.
    """

    __slots__ = ("_batch_handle", "_new_read_options", "_stored", "is_empty", "name")

    def __init__(self, name: str, new_read_options: type[ReadOptions]) -> None:
        self.name = name
        self.is_empty = True
        self._stored: Rdict | None = None
        self._batch_handle: ColumnFamily | None = None
        self._new_read_options = new_read_options

    def attach(self, stored: Rdict, handle: ColumnFamily, *, is_empty: bool) -> None:
        """Stand for this column family of the library's."""
        self._stored = stored
        self._batch_handle = handle
        self.is_empty = is_empty

    @property
    def stored(self) -> Rdict:
        """The library's object.

        :raises RuntimeError: the database is closed.
        """
        if self._stored is None:
            raise RuntimeError(f"state {self.name!r} was used after its operator was closed")
        return self._stored

    def property_value(self, name: str) -> int | None:
        """A number that RocksDB knows of the column family, such as ``rocksdb.estimate-num-keys``."""
        return None if self._stored is None else self._stored.property_int_value(name)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        if self.is_empty:
            return None
        value: bytes | None = self.stored.get(key)
        return value

    def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return the values of keys, in their order; quicker than one by one."""
        if self.is_empty:
            return [None] * len(keys)
        values: Sequence[bytes | None] = self.stored.get(list(keys)) or ()
        return values

    def scan(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the keys from ``first`` on and before ``end``, as they are at this moment."""
        if self.is_empty:
            return iter(())
        options = self._new_read_options()
        options.set_iterate_upper_bound(end)
        items: Iterator[tuple[bytes, bytes]] = self.stored.items(from_key=first, read_opt=options)  # type: ignore[assignment]  # raw mode: bytes only
        return _bounded(items, options)

    def scan_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the keys that begin with ``prefix``, which ends itself."""
        return self.scan(prefix, after_prefix(prefix))

    def scan_all(self) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over all keys, as they are at this moment."""
        return self.scan(b"", _WHOLE_END)

    def put(self, batch: WriteBatch, key: bytes, value: bytes) -> None:
        """Have a batch write a value."""
        self.is_empty = False
        batch.put(key, value, self._batch_handle)

    def handle_for_writing(self) -> ColumnFamily | None:
        """Return what ``WriteBatch.put`` takes, for who writes many values."""
        self.is_empty = False
        return self._batch_handle

    def delete(self, batch: WriteBatch, key: bytes) -> None:
        """Have a batch delete a key."""
        if not self.is_empty:
            batch.delete(key, self._batch_handle)

    def delete_all(self, batch: WriteBatch, keys: Iterable[bytes]) -> None:
        """Have a batch delete keys."""
        for key in keys:
            self.delete(batch, key)

    def delete_range(self, batch: WriteBatch, first: bytes, end: bytes) -> None:
        """Have a batch delete all keys from ``first`` on and before ``end``."""
        if not self.is_empty and first < end:
            batch.delete_range(first, end, self._batch_handle)

    def delete_everything(self, batch: WriteBatch) -> None:
        """Have a batch delete all keys."""
        self.delete_range(batch, b"", _WHOLE_END)
        self.is_empty = True

    def release(self) -> None:
        """Let go of the database, which stays open as long as anything refers to it."""
        self._stored = None
        self._batch_handle = None


def _bounded(items: Iterator[tuple[bytes, bytes]], options: ReadOptions) -> Iterator[tuple[bytes, bytes]]:
    """Iterate while the options live: the library reads the bound in them, and does not keep it."""
    yield from items
    del options


def after_prefix(prefix: bytes) -> bytes:
    """Return the first bytes after all that begin with ``prefix``."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else _WHOLE_END
