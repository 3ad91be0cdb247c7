"""Removes expired values bit by bit, so that those which nobody reads any more do not stay for ever."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.heap_table import HeapTable
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["IncrementalCleanup", "cleaning_cell"]


class IncrementalCleanup:
    """Goes round and round through the keys of a table, a few at a time."""

    __slots__ = ("_clock", "_size", "_table", "_trim", "_waiting")

    def __init__(self, table: HeapTable, clock: TtlClock, trim: Callable[[Any, int], Any], size: int) -> None:
        """:param size: how many keys to look at in one step."""
        self._table = table
        self._clock = clock
        self._trim = trim
        self._size = size
        self._waiting: Iterator[tuple[Hashable, Any]] = iter(())

    def step(self, times: int = 1) -> None:
        """Look at the next keys, as often as said, but at most at all keys once."""
        horizon = self._clock.horizon()
        for _ in range(self._size * times):
            entry = next(self._waiting, None)
            if entry is None:
                # A dict must not change while it is iterated, so the round goes through a list of what was there.
                everything = [
                    (namespace, key) for namespace, values in self._table.namespaces.items() for key in values
                ]
                self._waiting = iter(everything)
                return
            self._table.trim(*entry, self._trim, horizon)


def cleaning_cell(cell: HeapCell, cleanup: IncrementalCleanup) -> HeapCell:
    """A cell of which each reading and writing makes a step of cleaning up.

    Never between reading and the use of what was read: that might not be what is stored any more.
    """
    inner_get, inner_put = cell.get, cell.put

    def get() -> Any:
        cleanup.step()
        return inner_get()

    def put(stored: Any) -> None:
        inner_put(stored)
        cleanup.step()

    return HeapCell(get, put, cell.remove)
