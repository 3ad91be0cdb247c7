"""Writes keyed state in the canonical format; see :mod:`.canonical_format`.

Entries come in as a stream and bytes go out as one, so that no more than a segment is in memory at a time, however much
state there is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Final

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.taskmanager.state.canonical_format import (
    COMPRESSED,
    FRAME,
    FRAME_CHECKSUM,
    HEADER,
    MAGIC,
    TRAILER,
    VERSION,
    EntryBlock,
    EntryBlocks,
    Footer,
    GroupIndex,
    RecordSchema,
    StateMeta,
)
from millstream.taskmanager.state.segment_encoder import SegmentEncoder
from millstream.taskmanager.state.stored_segment import StoredSegment

__all__ = ["GroupEntries", "write_canonical"]

GroupEntries = tuple[int, Iterable[EntryBlock | EntryBlocks | StoredSegment]]
"""A key group and what is in it. Blocks of one state are best given one after the other."""

_SEGMENT_ENTRIES: Final = 32_768


def write_canonical(
    states: Iterable[StateMeta],
    key_groups: KeyGroupRange,
    max_parallelism: int,
    groups: Iterable[GroupEntries],
    *,
    compressed: bool = False,
) -> Iterator[bytes]:
    """Return the chunks of a file.

    :param states: all that the blocks name.
    :param groups: in ascending order, each key group of the range at most once; nothing is kept of a block after the
        next one was taken.
    :param compressed: with snappy.
    :raises MillstreamError: something cannot be pickled; it names the state and the key.
    """
    return _CanonicalWriter(tuple(states), key_groups, max_parallelism, compressed=compressed).chunks(groups)


class _CanonicalWriter:
    def __init__(
        self, states: tuple[StateMeta, ...], key_groups: KeyGroupRange, max_parallelism: int, *, compressed: bool
    ) -> None:
        self._states = states
        self._key_groups = key_groups
        self._max_parallelism = max_parallelism
        self._compress = _snappy() if compressed else None
        self._numbers = {meta.name: number for number, meta in enumerate(states)}
        self._encoders = [SegmentEncoder(meta) for meta in states]
        self._copied: dict[bytes, RecordSchema] = {}
        self._offset = 0
        self._checksums: list[int] = []

    def chunks(self, groups: Iterable[GroupEntries]) -> Iterator[bytes]:
        header = HEADER.pack(MAGIC, VERSION, 0)
        self._offset = len(header)
        yield header
        index: dict[int, GroupIndex] = {}
        last = self._key_groups.start - 1
        for group, entries in groups:
            if not last < group <= self._key_groups.end:
                raise ValueError(f"key group {group} comes after {last}, in a file of {self._key_groups}")
            last = group
            start = self._offset
            self._checksums = []
            for chunk in self._frames(entries):
                self._offset += len(chunk)
                yield chunk
            if self._checksums:
                checksum = zlib.crc32(struct.pack(f"<{len(self._checksums)}I", *self._checksums))
                index[group] = GroupIndex(start, self._offset - start, len(self._checksums), checksum)
        yield self._ending(header, index)

    def _ending(self, header: bytes, index: dict[int, GroupIndex]) -> bytes:
        schemas = dict(self._copied)
        for encoder in self._encoders:
            schemas.update(encoder.schemas)
        first, last = self._key_groups.start, self._key_groups.end
        footer = Footer(first, last, self._max_parallelism, self._states, schemas, index).encode()
        place = struct.pack("<QQ", self._offset, len(footer))
        checksum = zlib.crc32(place, zlib.crc32(footer, zlib.crc32(header)))
        return footer + TRAILER.pack(self._offset, len(footer), checksum, MAGIC)

    def _frames(self, entries: Iterable[EntryBlock | EntryBlocks | StoredSegment]) -> Iterator[bytes]:
        gathered: _Gathered | None = None
        for block in entries:
            if gathered is not None and (
                isinstance(block, StoredSegment)
                or block.state != gathered.state
                or len(gathered.keys) + len(block.keys) > _SEGMENT_ENTRIES
            ):
                yield from self._encoded(gathered)
                gathered = None
            if isinstance(block, StoredSegment):
                self._copied.update(block.schemas)
                yield from self._frame(self._number(block.meta.name), [block.data])
                continue
            if gathered is None:
                gathered = _Gathered(block.state)
            gathered.add(block)
        if gathered is not None:
            yield from self._encoded(gathered)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            raise ValueError(f"there are entries of a state {name!r}, which is not one of the file")
        return number

    def _encoded(self, gathered: _Gathered) -> Iterator[bytes]:
        if not gathered.keys:
            return
        number = self._number(gathered.state)
        for part in gathered.parts():
            yield from self._segment(number, *part)

    def _segment(
        self, number: int, namespaces: Sequence[Hashable], counts: Sequence[int], keys: list[Any], values: list[Any]
    ) -> Iterator[bytes]:
        try:
            parts = self._encoders[number].encode(namespaces, counts, keys, values)
        except struct.error as error:
            half = len(keys) // 2
            if not half:
                raise MillstreamError(
                    f"the value of state {self._states[number].name!r} for the key {keys[0]!r} is too large to be "
                    "stored (over 4 GiB in one column); spread it over several keys"
                ) from error
            for some in (slice(None, half), slice(half, None)):
                one = [namespace for namespace, count in zip(namespaces, counts, strict=True) for _ in range(count)]
                yield from self._segment(number, one[some], [1] * len(one[some]), keys[some], values[some])
            return
        yield from self._frame(number, parts)

    def _frame(self, number: int, parts: list[bytes]) -> Iterator[bytes]:
        size = sum(map(len, parts))
        flags = 0
        if self._compress is not None:
            packed = self._compress(b"".join(parts))
            if len(packed) < size:
                parts, flags = [packed], COMPRESSED
        head = FRAME.pack(number, flags, sum(map(len, parts)), size)
        checksum = zlib.crc32(head)
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        self._checksums.append(checksum)
        yield b"".join((head, FRAME_CHECKSUM.pack(checksum), *parts))


class _Gathered:
    """Entries of one state that are to become a segment."""

    __slots__ = ("counts", "keys", "namespaces", "state", "values")

    def __init__(self, state: str) -> None:
        self.state = state
        self.namespaces: list[Hashable] = []
        self.counts: list[int] = []
        self.keys: list[Any] = []
        self.values: list[Any] = []

    def add(self, block: EntryBlock | EntryBlocks) -> None:
        count = len(block.keys)
        if len(block.values) != count:
            raise ValueError(f"a block of state {self.state!r} has {count} keys and {len(block.values)} values")
        if not count:
            return
        if isinstance(block, EntryBlocks):
            self.namespaces += block.namespaces
            self.counts += block.counts
        else:
            self.namespaces.append(block.namespace)
            self.counts.append(count)
        if self.keys:
            self.keys += block.keys
            self.values += block.values
        else:
            self.keys = list(block.keys)
            self.values = list(block.values)

    def parts(self) -> Iterator[tuple[Sequence[Hashable], Sequence[int], list[Any], list[Any]]]:
        count = len(self.keys)
        if count <= _SEGMENT_ENTRIES:
            yield self.namespaces, self.counts, self.keys, self.values
            return
        for start in range(0, count, _SEGMENT_ENTRIES):
            end = min(start + _SEGMENT_ENTRIES, count)
            yield *self._counted(start, end), self.keys[start:end], self.values[start:end]

    def _counted(self, start: int, end: int) -> tuple[list[Hashable], list[int]]:
        """The namespaces of some of the entries, and how many of those each has."""
        namespaces: list[Hashable] = []
        counts: list[int] = []
        last = 0
        for namespace, count in zip(self.namespaces, self.counts, strict=True):
            first, last = last, last + count
            if first < end and start < last:
                namespaces.append(namespace)
                counts.append(min(last, end) - max(first, start))
        return namespaces, counts


def _snappy() -> Any:
    import pyarrow as pa  # only where it is asked for: loading it takes a while

    codec = pa.Codec("snappy")
    return lambda data: codec.compress(data, asbytes=True)
