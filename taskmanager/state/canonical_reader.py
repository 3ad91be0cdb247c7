"""Reads keyed state in the canonical format; see :mod:`.canonical_format`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Container, Iterator, Mapping
from io import SEEK_END
from typing import Any, BinaryIO

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import TypeInformation
from millstream.taskmanager.state.canonical_format import (
    COMPRESSED,
    FRAME,
    FRAME_CHECKSUM,
    HEADER,
    MAGIC,
    TRAILER,
    VERSION,
    EntryBlock,
    Footer,
    GroupIndex,
    StateMeta,
)
from millstream.taskmanager.state.segment_decoder import SegmentDecoder
from millstream.taskmanager.state.stored_segment import StoredSegment

__all__ = ["CanonicalReader"]


class CanonicalReader:
    """One file. It belongs to who opened it.

    :ivar states: by name.
    :ivar key_groups: those that the file is of; some may have no entries.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        """
        :param file: it can seek.
        :param name: the file, for messages.
        :raises MillstreamError: it is no such file, or it is broken.
        """
        self._file = file
        self._name = name
        self._decompress: Callable[[bytes, int], bytes] | None = None
        self._footer = self._read_footer()
        self._metas = self._footer.states
        self.states: dict[str, StateMeta] = {meta.name: meta for meta in self._metas}
        self.key_groups = KeyGroupRange(self._footer.first_key_group, self._footer.last_key_group)
        self.max_parallelism = self._footer.max_parallelism

    def blocks(
        self, key_groups: KeyGroupRange, types: Mapping[str, TypeInformation | None] | None = None
    ) -> Iterator[tuple[int, EntryBlock]]:
        """Read the entries of a range, with their key groups.

        :param types: what states are declared as now; their values are made to fit.
        :raises MillstreamError: the file is broken, or values cannot be had or made to fit.
        """
        decoders: dict[str, SegmentDecoder] = {}
        for group, segment in self.segments(key_groups):
            name = segment.meta.name
            decoder = decoders.get(name)
            if decoder is None:
                type_info = None if types is None else types.get(name)
                decoder = decoders[name] = SegmentDecoder(segment.meta, segment.schemas, type_info, self._name)
            for block in decoder.decode(segment.data):
                yield group, block

    def segments(
        self, key_groups: KeyGroupRange, states: Container[str] | None = None
    ) -> Iterator[tuple[int, StoredSegment]]:
        """Read the same without decoding it.

        :param states: of these only; ``None``: of all.
        :raises MillstreamError: the file is broken.
        """
        for group, place in self._footer.index.items():
            if group in key_groups:
                for segment in self._read_group(place):
                    if states is None or segment.meta.name in states:
                        yield group, segment

    def _read_footer(self) -> Footer:
        file = self._file
        size = file.seek(0, SEEK_END)
        if size < HEADER.size + TRAILER.size:
            raise self._broken(f"it has {size} bytes only")
        file.seek(0)
        header = self._read(HEADER.size)
        magic, version, _ = HEADER.unpack(header)
        if magic != MAGIC:
            raise self._broken("it does not begin as a file of keyed state does")
        if version != VERSION:
            raise self._broken(f"its format is version {version}, this Millstream reads version {VERSION}")
        file.seek(size - TRAILER.size)
        offset, length, checksum, magic = TRAILER.unpack(self._read(TRAILER.size))
        if magic != MAGIC or offset + length + TRAILER.size != size:
            raise self._broken("its end is missing or damaged")
        file.seek(offset)
        footer = self._read(length)
        if zlib.crc32(struct.pack("<QQ", offset, length), zlib.crc32(footer, zlib.crc32(header))) != checksum:
            raise self._broken("the checksum of its table of contents is wrong")
        return Footer.decode(footer)

    def _read_group(self, place: GroupIndex) -> Iterator[StoredSegment]:
        self._file.seek(place.offset)
        checksums = []
        position = 0
        while position < place.size:
            self._file.seek(place.offset + position)  # who takes the segments may read elsewhere meanwhile
            head = self._read(FRAME.size + FRAME_CHECKSUM.size)
            number, flags, stored, size = FRAME.unpack_from(head)
            (checksum,) = FRAME_CHECKSUM.unpack_from(head, FRAME.size)
            position += len(head) + stored
            if flags & ~COMPRESSED or number >= len(self._metas):
                raise self._broken(f"a segment in the key group at byte {place.offset} has an unknown head")
            if position > place.size:
                raise self._broken(f"a segment at byte {place.offset} reaches beyond its key group")
            payload = self._read(stored)
            if zlib.crc32(payload, zlib.crc32(head[: FRAME.size])) != checksum:
                raise self._broken(f"the checksum of a segment in the key group at byte {place.offset} is wrong")
            checksums.append(checksum)
            data = self._decompressed(payload, size) if flags & COMPRESSED else payload
            yield StoredSegment(self._metas[number], data, self._footer.schemas, self._name)
        if (
            len(checksums) != place.frames
            or zlib.crc32(struct.pack(f"<{len(checksums)}I", *checksums)) != place.checksum
        ):
            raise self._broken(f"the checksum of the key group at byte {place.offset} is wrong")

    def _decompressed(self, payload: bytes, size: int) -> bytes:
        if self._decompress is None:
            import pyarrow as pa  # only where it is needed: loading it takes a while

            codec: Any = pa.Codec("snappy")
            self._decompress = lambda data, size: codec.decompress(data, size, asbytes=True)
        return self._decompress(payload, size)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise self._broken(f"it ends {size - len(data)} bytes too early")
        return data

    def _broken(self, why: str) -> MillstreamError:
        return MillstreamError(
            f"{self._name} cannot be read as keyed state: {why}. Restore from another checkpoint or savepoint, or put "
            "back a copy of the file that is whole"
        )
