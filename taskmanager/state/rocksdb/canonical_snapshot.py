"""Snapshots of the database in the format that every backend reads."""

from __future__ import annotations

import threading

from millstream.common.checkpoint.streams import SnapshotStreams
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.canonical_writer import write_canonical
from millstream.taskmanager.state.rocksdb.entries import ColumnView, blocks_of
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout

__all__ = ["CanonicalSnapshot"]


class CanonicalSnapshot:
    """Reads the database as it was at the barrier, beside the task's work."""

    def __init__(
        self, views: list[ColumnView], key_groups: KeyGroupRange, max_parallelism: int, *, compressed: bool
    ) -> None:
        self._lock = threading.Lock()
        self._views: list[ColumnView] | None = views
        self._key_groups = key_groups
        self._max_parallelism = max_parallelism
        self._compressed = compressed

    def write(self, streams: SnapshotStreams) -> KeyedStateHandle | None:
        """See :class:`RunningSnapshot`."""
        with self._lock:
            views, self._views = self._views, None
        if views is None:
            return None  # it was discarded
        groups = blocks_of(views, KeyLayout(self._max_parallelism), self._key_groups)
        metas = [view.meta for view in views]
        chunks = write_canonical(metas, self._key_groups, self._max_parallelism, groups, compressed=self._compressed)
        stored = streams.write("keyed", chunks)
        return KeyedStateHandle(
            first_key_group=self._key_groups.start,
            last_key_group=self._key_groups.end,
            format="canonical",
            file=stored,
            full_size=stored.size,
            new_size=stored.size,
        )

    def discard(self) -> None:
        """See :class:`RunningSnapshot`."""
        with self._lock:
            self._views = None
