"""Removes what has expired and is never read again: goes round and round through a state, a few entries per record."""

from __future__ import annotations

from typing import Any

from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_layout import place_of
from millstream.taskmanager.state.rocksdb.list_store import ListStore, elements_of
from millstream.taskmanager.state.rocksdb.map_store import MapStore, map_key_of
from millstream.taskmanager.state.rocksdb.stored_value import decode_stored, payload_of, thaw
from millstream.taskmanager.state.rocksdb.value_cache import ValueCache
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["ExpirySweep"]

_AT_LEAST = 256
"""Entries that are looked at together: to begin costs as much as some of them."""


class ExpirySweep:
    """Looks at what the database has. What was changed since it was written is left alone."""

    __slots__ = ("_clock", "_column", "_cursor", "_due", "_keeper", "_of_keys", "_per_record")

    def __init__(
        self,
        column: Column,
        clock: TtlClock,
        keeper: ValueCache | ListStore | MapStore,
        of_keys: ValueCache | None,
        per_record: int,
    ) -> None:
        """
        :param keeper: of the state's values; of those with a namespace, if ``of_keys`` has the others.
        :param per_record: entries to look at for each record.
        """
        self._column = column
        self._clock = clock
        self._keeper = keeper
        self._of_keys = of_keys
        self._per_record = per_record
        self._cursor = b""
        self._due = 0

    def step(self, records: int) -> None:
        """Do what is due for some more records."""
        self._due += records * self._per_record
        if self._due < _AT_LEAST:
            return
        due, self._due = self._due, 0
        horizon = self._clock.horizon()
        found: list[tuple[bytes, bytes]] = []
        for entry in self._column.scan(self._cursor, b"\xff" * 8):
            found.append(entry)
            if len(found) >= due:
                break
        self._cursor = found[-1][0] + b"\0" if len(found) >= due else b""
        for key, value in found:
            self._look(key, value, horizon)

    def _look(self, data: bytes, value: bytes, horizon: int) -> None:
        keeper = self._keeper
        if isinstance(keeper, ListStore):
            pairs: list[Any] = [thaw(decode_stored(each)) for each in elements_of(payload_of(value)[1:])]
            if any(pair[1] <= horizon for pair in pairs):
                key, namespace, _ = place_of(data, value)
                keeper.drop_where((key, namespace), lambda pair: pair[1] <= horizon)
            return
        if thaw(decode_stored(value))[1] > horizon:
            return
        key, namespace, end = place_of(data, value)
        if isinstance(keeper, MapStore):
            keeper.drop_unchanged((key, namespace), map_key_of(data, end, value))
        elif namespace is None:
            (self._of_keys or keeper).drop_unchanged(key)
        else:
            keeper.drop_unchanged((key, namespace))
