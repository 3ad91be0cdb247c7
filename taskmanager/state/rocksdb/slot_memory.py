"""The memory that all databases of a slot share, and how much of it one of them may use for Python objects.

A slot's backends are made and closed one by one, by the tasks that run in it. The block cache and the write buffers are
RocksDB's own, and shared as such; the values that are in use as Python objects are bounded by a number of bytes per
backend, an even share.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from millstream.common.config import Configuration, RocksDbOptions, TaskManagerMemoryOptions, TaskManagerOptions
from millstream.taskmanager.state.rocksdb.library import rocksdb_library

if TYPE_CHECKING:
    from rocksdict import Cache, WriteBufferManager

__all__ = ["MemoryShare", "SlotMemory", "slot_budget"]

_DEFAULT_PER_SLOT = 512 << 20
"""Where the memory of the TaskManager was not said."""
_UNMANAGED_OBJECTS = 64 << 20
_LEAST_CACHE = 1 << 20
_OBJECTS_SHARE = 0.5


def slot_budget(configuration: Configuration) -> int | None:
    """Return the bytes that the databases of one slot may use together; ``None``: they are not bounded together."""
    fixed = configuration.get(RocksDbOptions.FIXED_MEMORY_PER_SLOT)
    if fixed is not None:
        return fixed
    if not configuration.get(RocksDbOptions.MANAGED_MEMORY):
        return None
    managed = configuration.get(TaskManagerMemoryOptions.MANAGED_SIZE)
    if managed is None:
        whole = configuration.get(TaskManagerMemoryOptions.FLINK_SIZE)
        if whole is None:
            whole = configuration.get(TaskManagerMemoryOptions.PROCESS_SIZE)
        if whole is None:
            return _DEFAULT_PER_SLOT
        managed = int(whole * configuration.get(TaskManagerMemoryOptions.MANAGED_FRACTION))
    return managed // max(1, configuration.get(TaskManagerOptions.NUM_TASK_SLOTS))


@dataclass(slots=True, eq=False)
class _Shared:
    cache: Cache
    write_buffers: WriteBufferManager
    objects: int
    users: set[MemoryShare] = field(default_factory=set)


class SlotMemory:
    """The memory of the slots of this process, by what tells them apart."""

    _lock = threading.Lock()
    _shared: dict[tuple[str, int, float], _Shared] = {}  # noqa: RUF012  # of the process: RocksDB's memory is too

    @classmethod
    def join(cls, slot: str, configuration: Configuration) -> MemoryShare:
        """Take part in the memory of a slot, until :meth:`MemoryShare.leave`."""
        budget = slot_budget(configuration)
        if budget is None:
            cache = rocksdb_library().Cache(configuration.get(RocksDbOptions.BLOCK_CACHE_SIZE))
            return MemoryShare(cache, None, None)
        ratio = configuration.get(RocksDbOptions.WRITE_BUFFER_RATIO)
        place = (slot, budget, ratio)
        with cls._lock:
            shared = cls._shared.get(place)
            if shared is None:
                shared = cls._shared[place] = _new_shared(budget, ratio)
            share = MemoryShare(shared.cache, shared.write_buffers, place)
            shared.users.add(share)
            return share

    @classmethod
    def leave(cls, share: MemoryShare) -> None:
        """Give a share back."""
        with cls._lock:
            shared = None if share.place is None else cls._shared.get(share.place)
            if shared is not None and share.place is not None:
                shared.users.discard(share)
                if not shared.users:
                    del cls._shared[share.place]

    @classmethod
    def objects(cls, share: MemoryShare) -> int:
        """Return how many bytes of Python objects a share may hold at the moment."""
        with cls._lock:
            shared = None if share.place is None else cls._shared.get(share.place)
            return _UNMANAGED_OBJECTS if shared is None else shared.objects // max(1, len(shared.users))

    @classmethod
    def in_use(cls) -> Iterable[str]:
        """The slots whose memory somebody uses."""
        with cls._lock:
            return [place[0] for place in cls._shared]


def _new_shared(budget: int, ratio: float) -> _Shared:
    library = rocksdb_library()
    objects = int(budget * _OBJECTS_SHARE)
    own = max(_LEAST_CACHE, budget - objects)
    cache = library.Cache(own)
    # Write buffers count as used cache: the two together are bounded.
    manager = library.WriteBufferManager
    buffers = manager.new_write_buffer_manager_with_cache(max(_LEAST_CACHE, int(own * ratio)), False, cache)
    return _Shared(cache, buffers, objects)


class MemoryShare:
    """What one backend may use.

    :ivar cache: for blocks that were read.
    :ivar write_buffers: bounds the write buffers of all databases; ``None``: they are bounded by themselves.
    :ivar place: of the slot's memory; ``None``: it is the backend's own.
    """

    __slots__ = ("cache", "place", "write_buffers")

    def __init__(
        self, cache: Cache, write_buffers: WriteBufferManager | None, place: tuple[str, int, float] | None
    ) -> None:
        self.cache = cache
        self.write_buffers = write_buffers
        self.place = place

    def object_bytes(self) -> int:
        """How many bytes of Python objects the backend may hold at the moment."""
        return SlotMemory.objects(self)

    def leave(self) -> None:
        """Give it back; nothing the second time."""
        SlotMemory.leave(self)
