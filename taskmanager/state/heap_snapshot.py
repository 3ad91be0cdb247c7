"""How a snapshot of the heap is taken: as little as possible before the next record, the rest beside the work.

Three ways, all exact whatever user code does to its objects afterwards:

- Values that cannot change, and lists and dicts of such, are copied; a thread serialises the copies.
- A great many values, or many that can change, are serialised by a forked process, which has them as they were
  (:mod:`.forked_stream`). The pause is that of the fork. It needs a process of the slot's own, and POSIX; the option
  ``state.backend.heap.snapshot.fork`` turns it off.
- All others are serialised at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from millstream.common.checkpoint.streams import SnapshotStreams
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle, StateBytes
from millstream.taskmanager.state.forked_stream import ForkedStream
from millstream.taskmanager.state.heap_image import HeapImage
from millstream.taskmanager.state.restored_states import CANONICAL_HANDLE
from millstream.taskmanager.state.snapshot import RunningSnapshot

__all__ = ["start_heap_snapshot"]

_log = logging.getLogger(__name__)

_MOST_COPIED: Final = 20_000
"""To copy more would take longer than a fork, and a thread that serialises them is in the way of the task's."""
_MOST_SERIALISED: Final = 2_000
"""To serialise more would take longer than a fork."""


def start_heap_snapshot(image: HeapImage, *, fork: bool, compressed: bool) -> RunningSnapshot[KeyedStateHandle | None]:
    """Hold fast an image that refers to the backend's own dicts.

    :param fork: this process may be forked.
    :raises MillstreamError: something had to be serialised at once and cannot be.
    """
    if image.is_empty():
        return _Nothing()
    heavy = image.count() > _MOST_COPIED or image.weight() > _MOST_COPIED
    if not (fork and heavy):
        held = image.held()
        if held is not None:
            return _Held(held.chunks(compressed=compressed), image.key_groups)
    if fork and (heavy or image.weight() > _MOST_SERIALISED):
        try:
            return _Forked(ForkedStream(lambda: image.chunks(compressed=compressed)), image.key_groups)
        except OSError as error:
            _log.warning("no process for a snapshot (%s): the task stands still while it is written", error)
    return _Held(list(image.chunks(compressed=compressed)), image.key_groups)


class _Nothing:
    """There is no state."""

    def write(self, streams: SnapshotStreams) -> None:
        return None

    def discard(self) -> None:
        pass


class _Held:
    """What is in memory: chunks, or what makes them."""

    def __init__(self, chunks: Iterable[bytes], key_groups: KeyGroupRange) -> None:
        self._chunks = chunks
        self._key_groups = key_groups

    def write(self, streams: SnapshotStreams) -> KeyedStateHandle | None:
        chunks, self._chunks = self._chunks, ()
        return _handle(streams.write("keyed", chunks), self._key_groups)

    def discard(self) -> None:
        self._chunks = ()


class _Forked:
    """What another process makes."""

    def __init__(self, stream: ForkedStream, key_groups: KeyGroupRange) -> None:
        self._stream = stream
        self._key_groups = key_groups

    def write(self, streams: SnapshotStreams) -> KeyedStateHandle | None:
        chunks = self._stream.chunks()
        try:
            return _handle(streams.write("keyed", chunks), self._key_groups)
        finally:
            chunks.close()
            self._stream.discard()  # nothing, unless no chunk was asked for

    def discard(self) -> None:
        self._stream.discard()


def _handle(file: StateBytes, key_groups: KeyGroupRange) -> KeyedStateHandle:
    return KeyedStateHandle(
        first_key_group=key_groups.start,
        last_key_group=key_groups.end,
        format=CANONICAL_HANDLE,
        file=file,
        full_size=file.size,
        new_size=file.size,
    )
